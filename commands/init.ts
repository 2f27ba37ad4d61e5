import {relative, resolve} from 'node:path';
import {Args, Flags} from '@oclif/core';
import {TEMPLATE_NAMES, initTemplates, writeTemplate} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {pick} from './_shared/prompt.ts';
import {escapeText, shellWord} from './_shared/text.ts';
import type {ExitStatus} from '../src/index.ts';

const ownFlags = {
  template: Flags.option({
    char: 't',
    options: TEMPLATE_NAMES,
    description: 'What to write.',
  })(),
  force: Flags.boolean({
    char: 'f',
    description: 'Replace files that are there.',
  }),
};

export default class Init extends BaseCommand {
  static override summary = 'Write a job that runs as it is, its data and a test of it.';
  static override description =
    'At a terminal the template may be picked. Nothing is written when one of the files is there, unless --force says so. ' +
    'The test is a shell script that runs the job over its data and compares the output with expected.txt.';
  static override examples = [
    {
      description: 'A directory to begin with; then `tidemark run first/filter-to-file.job.yaml`',
      command: '<%= config.bin %> <%= command.id %> first --template filter-to-file',
    },
    {
      description: 'Write the files of another template beside them',
      command: '<%= config.bin %> <%= command.id %> second --template windowed-aggregate --force',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [13, 15];
  static override usage = 'init [DIR] [FLAGS]';
  static override args = {
    directory: Args.string({
      description: 'Where the files go; it is made when it is not there.',
      default: '.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('init', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init);
    const written = await writeTemplate({
      template: flags.template ?? (await this.#askForTemplate()),
      directory: resolve(args.directory),
      overwrite: flags.force,
    });
    const next = [
      `tidemark run ${shellWord(shown(written.jobFile))}`,
      `sh ${shellWord(shown(written.testFile))}`,
      `tidemark validate ${shellWord(shown(written.jobFile))}`,
    ];
    if (this.global.json) {
      this.printObject('JobCreated', {
        template: written.template,
        directory: written.directory,
        job_file: written.jobFile,
        files: written.files,
        next,
      });
      return;
    }
    for (const file of written.files) this.print(escapeText(shown(file)));
    for (const line of next) this.note(`${this.noteStyle.dim('next:')} ${escapeText(line)}`);
  }

  async #askForTemplate(): Promise<string> {
    return pick({
      question: 'Which template?',
      instead: '--template',
      usage: 'tidemark init DIR --template filter-to-file',
      global: this.global,
      choices: async () => {
        const templates = await initTemplates();
        return templates.map(({name, summary}) => ({value: name, label: `${name}  ${summary}`}));
      },
    });
  }
}

/** As it can be typed from here. */
function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') ? path : near;
}
