import {ERROR_CODES, jobStatus, wallMillis} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {statusFields, statusLines} from './_shared/job-view.ts';
import {escapeText} from './_shared/text.ts';
import type {ExitStatus} from '../src/index.ts';

export default class Status extends BaseCommand {
  static override summary = 'Show what a job is doing, or how it ended.';
  static override description =
    'State, records, watermark, the last checkpoint and how busy each task is. A job that lives and does not answer ' +
    'is shown as the registry knows it, with status 5.';
  static override examples = [
    {description: 'Of one job', command: '<%= config.bin %> <%= command.id %> my-job'},
    {
      description: 'Records per second, for a script',
      command: '<%= config.bin %> <%= command.id %> my-job --json | jq .records_per_s',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [5, 10, 13, 15];
  static override usage = 'status [JOB] [FLAGS]';
  static override args = {job: jobArgument()};

  async run(): Promise<void> {
    const {args} = await this.parse(Status);
    const reference = await chooseJob(args.job, {
      usage: 'tidemark status JOB',
      global: this.global,
    });
    const status = await jobStatus(reference, {environment: process.env});
    const {unreachable} = status;
    if (this.global.json) {
      this.printObject('JobStatus', {...statusFields(status, wallMillis()), unreachable});
    } else {
      for (const line of statusLines(status, this.outStyle, wallMillis())) this.print(line);
      if (unreachable !== null) {
        this.note(
          `${this.noteStyle.warn('warning:')} it does not answer: ${escapeText(unreachable)}`,
        );
      }
    }
    if (unreachable !== null) this.endWith(ERROR_CODES.INCOMPLETE);
  }
}
