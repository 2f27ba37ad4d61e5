import {cancelJob} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {alreadyEndedText, endedFields, timeoutFlag, timeoutOf} from './_shared/operation.ts';
import type {ExitStatus} from '../src/index.ts';

export default class Cancel extends BaseCommand {
  static override summary = 'End a job where it is, without a last checkpoint.';
  static override description =
    'Output since the last checkpoint is not committed; checkpoints stay. To go on later, use `stop`. ' +
    'A job that has ended already is no error.';
  static override examples = [
    {description: 'Cancel a job', command: '<%= config.bin %> <%= command.id %> my-job'},
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 14, 15];
  static override usage = 'cancel [JOB] [FLAGS]';
  static override args = {job: jobArgument()};
  static override flags = withEnvironment('cancel', {
    timeout: timeoutFlag('Wait no longer than this for its end: status 14; it ends all the same.'),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Cancel);
    const timeoutMillis = timeoutOf(flags.timeout);
    const usage = 'tidemark cancel JOB';
    const reference = await chooseJob(args.job, {usage, global: this.global});
    const {kind, job} = await cancelJob(reference, {environment: process.env, timeoutMillis});
    const isEnded = kind === 'already-ended';
    if (this.global.json) {
      const fields = {...endedFields(job), state: job.state, already_ended: isEnded};
      this.printObject('JobCancelled', fields);
    } else this.print(isEnded ? alreadyEndedText(job) : `Cancelled job ${job.jobId}.`);
  }
}
