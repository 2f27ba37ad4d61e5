import {Flags} from '@oclif/core';
import {stopJob} from '../src/index.ts';
import {withEnvironment} from './_shared/globals.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {
  OperationCommand,
  TIMEOUT_DESCRIPTION,
  alreadyEndedText,
  endedFields,
  timeoutFlag,
  timeoutOf,
} from './_shared/operation.ts';
import {detachedFlag, savepointTarget, typeFlag} from './_shared/savepoint-flags.ts';
import type {ExitStatus, ListedJob} from '../src/index.ts';

const ownFlags = {
  'savepoint-path': Flags.string({
    description: 'Where the savepoint goes, instead of where the job says.',
    helpValue: 'DIR',
  }),
  type: typeFlag(),
  drain: Flags.boolean({
    description: 'Flush all windows, as at the end of the input: for a job that will not go on.',
  }),
  'no-savepoint': Flags.boolean({
    description: 'Take a last checkpoint and no savepoint.',
    exclusive: ['savepoint-path', 'type'],
  }),
  detached: detachedFlag,
  timeout: timeoutFlag(TIMEOUT_DESCRIPTION),
};

export default class Stop extends OperationCommand {
  static override summary = 'Stop a job with a savepoint.';
  static override description =
    'Atomic: no record after the savepoint is committed, output up to it is, and windows stay open in it, unless they ' +
    'are flushed by --drain. A job that cannot be stopped goes on, and the status says why; a savepoint that was taken ' +
    'all the same is named. A job that has ended already is no error.';
  static override examples = [
    {
      description: 'Stop, and go on later at another parallelism',
      command:
        '<%= config.bin %> <%= command.id %> my-job --savepoint-path savepoints && <%= config.bin %> run -d my.job.yaml -s my-job@latest -p 2',
    },
    {
      description: 'For good: all windows are flushed',
      command: '<%= config.bin %> <%= command.id %> my-job --savepoint-path savepoints --drain',
    },
    {
      description: 'With nothing but a last checkpoint, which the next run resumes from',
      command: '<%= config.bin %> <%= command.id %> my-job --no-savepoint',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 14, 15, 16];
  static override outputSchemas = ['savepoint', 'triggered', 'stop'];
  static override usage = 'stop [JOB] [FLAGS]';
  static override args = {job: jobArgument()};
  static override flags = withEnvironment('stop', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Stop);
    timeoutOf(flags.timeout);
    const savepoint = flags['no-savepoint']
      ? null
      : savepointTarget(flags['savepoint-path'], flags.type);
    const reference = await chooseJob(args.job, {usage: 'tidemark stop JOB', global: this.global});
    const order = {drain: flags.drain, savepoint};
    const accepted = await stopJob(reference, order, {environment: process.env});
    if (accepted.kind === 'already-ended') this.#showEnded(accepted.job);
    else if (flags.detached) this.showTriggered(accepted, 'stop');
    else await this.finish(accepted, flags.timeout);
  }

  #showEnded(job: ListedJob): void {
    if (!this.global.json) {
      this.print(alreadyEndedText(job));
      return;
    }
    const last = job.end?.lastCheckpoint ?? null;
    this.printObject('JobStopped', {
      ...endedFields(job),
      state: job.state,
      last_checkpoint: last === null ? null : {...last, duration_ms: null},
      already_ended: true,
    });
  }
}
