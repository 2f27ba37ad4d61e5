import {basename} from 'node:path';
import {Args, Flags} from '@oclif/core';
import {configOf} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {overrideFlags, overridesOf} from '../_shared/run-flags.ts';
import {escapeText, toJson} from '../_shared/text.ts';
import type {ConfigOrigin, ConfigValue, ExitStatus, JsonValue} from '../../src/index.ts';

const COLUMNS = [{name: 'OPTION'}, {name: 'VALUE'}] as const;
const COLUMNS_WITH_ORIGIN = [...COLUMNS, {name: 'FROM'}] as const;

export default class ConfigShow extends BaseCommand {
  static override summary = 'Show the values that hold for a job, and where each comes from.';
  static override description =
    'Defaults, the job file, -D, --set, --parallelism and variables of the environment, put together as `run` does. ' +
    'A text with variables is shown as it is written, because what is in the environment may be a secret. ' +
    'Without a job: the defaults of every job.';
  static override examples = [
    {
      description: 'What holds, and from which line or option',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --origin',
    },
    {
      description: 'What an override of Flink changes here',
      command:
        '<%= config.bin %> <%= command.id %> my.job.yaml -D execution.checkpointing.interval=10s --origin',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 10, 15];
  static override usage = 'config show [JOB.yaml] [FLAGS]';
  static override args = {
    file: Args.string({
      description: 'The job file.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('config-show', {
    ...overrideFlags(),
    origin: Flags.boolean({description: 'Show where each value comes from.'}),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ConfigShow);
    const report = await configOf(args.file ?? null, {
      overrides: overridesOf(flags),
      environment: process.env,
    });
    if (this.global.json) {
      this.printObject('EffectiveConfig', {
        file: report.file,
        job_name: report.jobName,
        values: report.values.map((value) => valueFields(value, report.file)),
      });
      return;
    }
    const rows = report.values.map(({path, value, origin}) => {
      const cells = [path, shownValue(value)];
      return flags.origin ? [...cells, originText(origin, report.file)] : cells;
    });
    this.print(this.outStyle.table(flags.origin ? COLUMNS_WITH_ORIGIN : COLUMNS, rows));
  }
}

function valueFields({path, value, origin}: ConfigValue, file: string | null): object {
  const {kind, line, column, variables} = origin;
  return {path, value, origin: {kind, line, column, text: originText(origin, file), variables}};
}

/** As it could stand in a job file, on one line. */
function shownValue(value: JsonValue): string {
  return typeof value === 'string' && value !== '' ? value : toJson(value);
}

/** `my.job.yaml:12:5 with ${RATE}`, `-D parallelism.default`, `default`. */
function originText(
  {kind, option, line, column, variables}: ConfigOrigin,
  file: string | null,
): string {
  const place =
    kind === 'default' ? kind : (option ?? [basename(file ?? ''), line, column].join(':'));
  const names = variables.map((name) => `\${${name}}`).join(' and ');
  return escapeText(names === '' ? place : `${place} with ${names}`);
}
