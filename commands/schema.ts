import {Flags} from '@oclif/core';
import {EngineError, jobFileSchema, outputSchema} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {toJson} from './_shared/text.ts';
import type {ExitStatus, JsonValue} from '../src/index.ts';

/** Where a job file looks for its schema, unless --modeline says something else. */
const SCHEMA_FILE = './tidemark.schema.json';

export default class Schema extends BaseCommand {
  static override summary = 'Print the JSON Schema of a job file, or of what a command prints.';
  static override description =
    'Editors that speak to the YAML language server check and complete a job file whose first line is ' +
    `\`# yaml-language-server: $schema=${SCHEMA_FILE}\`; --modeline prints that line. ` +
    'What a schema cannot say (types of expressions, names of inputs) `validate` says.';
  static override examples = [
    {
      description: 'Keep the schema beside the jobs, for an editor',
      command: '<%= config.bin %> <%= command.id %> > tidemark.schema.json',
    },
    {
      description: 'The line that a job file begins with',
      command: '<%= config.bin %> <%= command.id %> --modeline ./tidemark.schema.json',
    },
    {
      description: 'What a script may rely on in `validate --json`',
      command: '<%= config.bin %> <%= command.id %> --output validate',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [15];
  static override outputSchemas = ['schema', 'modeline'];
  static override usage = 'schema [FLAGS]';
  static override flags = withEnvironment('schema', {
    modeline: Flags.string({
      description: 'Print the first line of a job file whose schema is at this path or address.',
      helpValue: 'PATH',
      exclusive: ['output'],
    }),
    output: Flags.string({
      description: 'The schema of what this command prints with --json; error: of every failure.',
      helpValue: 'COMMAND',
    }),
  });

  async run(): Promise<void> {
    const {flags} = await this.parse(Schema);
    if (flags.modeline !== undefined) {
      const line = modelineOf(flags.modeline);
      if (this.global.json) this.printObject('Modeline', {line});
      else this.print(line);
      return;
    }
    const {name, schema} = await this.#schemaOf(flags.output);
    if (this.global.json) this.printObject('Schema', {name, schema});
    else this.print(toJson(schema, 2));
  }

  async #schemaOf(
    output: string | undefined,
  ): Promise<{name: string; schema: Readonly<Record<string, JsonValue>>}> {
    if (output === undefined) return {name: 'job', schema: await jobFileSchema()};
    const [name = ''] = this.#namesOf(output);
    return {name, schema: await outputSchema(this.config.root, name)};
  }

  /** `checkpoint list`, `run`, or the name of a schema itself: `restore-plan`, `error`. */
  #namesOf(output: string): readonly string[] {
    const commands = this.config.commands.filter((command) => !command.hidden);
    const known = new Map(commands.map((command) => [command.id, schemasOf(command)]));
    const names = known.get(output.trim().replaceAll(/\s+/g, ':'));
    if (names !== undefined) return names;
    if (output === 'error' || [...known.values()].flat().includes(output)) return [output];
    const ids = [...known.keys()].sort().map((id) => id.replaceAll(':', ' '));
    throw new EngineError('USAGE', `--output ${output}: there is no such command`, {
      hint: `one of ${['error', ...ids].join(', ')}`,
    });
  }
}

/** Names of files in schema/output/; the first is what the command prints when it does its work. */
function schemasOf(command: {readonly id: string}): readonly string[] {
  const {outputSchemas = []} = command as {outputSchemas?: readonly string[]};
  return outputSchemas.length > 0 ? outputSchemas : [command.id.replaceAll(':', '-')];
}

function modelineOf(path: string): string {
  if (/^[^\s\p{Cc}]+$/u.test(path)) return `# yaml-language-server: $schema=${path}`;
  throw new EngineError('USAGE', '--modeline takes one path or address without white space', {
    hint: `tidemark schema --modeline ${SCHEMA_FILE}`,
  });
}
