import {Flags} from '@oclif/core';
import {ERROR_CODES, jobLogs, wallMillis} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {stdoutHasRoom, stdoutIsFull} from './_shared/streams.ts';
import {escapeText, toJson} from './_shared/text.ts';
import {formatInstant} from './_shared/units.ts';
import type {ExitStatus} from '../src/index.ts';
import type {EndingSignal} from './_shared/base-command.ts';

const ownFlags = {
  follow: Flags.boolean({
    char: 'f',
    description: 'Go on until the job has ended, or Ctrl-C.',
  }),
  lines: Flags.integer({
    char: 'n',
    description: 'The last so many lines. Default: all that is kept.',
    min: 0,
  }),
};

export default class Logs extends BaseCommand {
  static override summary = 'Print the log of a detached job.';
  static override description =
    'What the job would have printed in a terminal. The log rotates: the last ten files of 10 MB are kept.';
  static override examples = [
    {description: 'Follow it', command: '<%= config.bin %> <%= command.id %> my-job --follow'},
    {description: 'Its last lines', command: '<%= config.bin %> <%= command.id %> my-job -n 20'},
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 15];
  static override usage = 'logs [JOB] [FLAGS]';
  static override args = {job: jobArgument()};
  static override flags = withEnvironment('logs', ownFlags);

  readonly #left = new AbortController();

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Logs);
    const usage = 'tidemark logs JOB';
    const reference = await chooseJob(args.job, {usage, global: this.global});
    const lines = jobLogs(reference, {
      environment: process.env,
      follow: flags.follow,
      lines: flags.lines,
      signal: this.#left.signal,
    });
    let count = 0;
    this.summaryOfFailure = () => ({lines: count});
    for await (const line of lines) {
      count += 1;
      if (this.global.json) this.print(this.#json('line', {text: line}));
      else this.print(escapeText(line));
      if (stdoutIsFull()) await stdoutHasRoom();
    }
    if (this.global.json) this.print(this.#json('summary', {lines: count}));
  }

  #json(type: string, fields: object): string {
    return toJson({type, ts: formatInstant(wallMillis()), ...fields});
  }

  /** The usual end of --follow: no error that anybody need read. */
  protected override signalled(signal: EndingSignal): void {
    this.endWith(ERROR_CODES[signal === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED']);
    this.#left.abort();
  }
}
