import {Args, Flags} from '@oclif/core';
import {GRAPH_FORMATS, describeJob} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {overrideFlags, overridesOf} from './_shared/run-flags.ts';
import type {ExitStatus} from '../src/index.ts';

export default class Info extends BaseCommand {
  static override summary = "Show a job's execution graph.";
  static override examples = [
    {
      description: 'Chains, tasks and what they keep',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml',
    },
    {
      description: 'A picture',
      command:
        '<%= config.bin %> <%= command.id %> my.job.yaml --format dot | dot -Tsvg > graph.svg',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 10];
  static override usage = 'info JOB.yaml [FLAGS]';
  static override args = {
    file: Args.string({
      description: 'The job file.',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('info', {
    ...overrideFlags(),
    format: Flags.option({
      options: GRAPH_FORMATS,
      description: 'How the graph is written; --json is --format json.',
      default: 'text' as const,
    })(),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Info);
    const description = await describeJob(args.file, {
      format: this.global.json ? 'json' : flags.format,
      overrides: overridesOf(flags),
      environment: process.env,
    });
    if (description.format === 'json') this.printObject('JobGraph', description.graph);
    else this.print(description.text);
  }
}
