import {Flags} from '@oclif/core';
import {EngineError, jobStatus, parseWaitCondition, waitForJob} from '../src/index.ts';
import {withEnvironment} from './_shared/globals.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {OperationCommand, endedFields, timeoutFlag, timeoutOf} from './_shared/operation.ts';
import {escapeText} from './_shared/text.ts';
import {formatDuration} from './_shared/units.ts';
import type {ExitStatus, WaitCondition, WaitResult} from '../src/index.ts';

const CONDITIONS =
  'running, finished, stopped, canceled, failed, ended (in any way), checkpoint>=N, trigger=ID';

export default class Wait extends OperationCommand {
  static override summary = 'Wait until something is true of a job.';
  static override description =
    `CONDITION is one of: ${CONDITIONS}. What can no longer happen ends at once with status 1. A trigger is what ` +
    '`savepoint --detached` and its like print: its outcome is shown, and is the status, as if the command had waited itself.';
  static override examples = [
    {
      description: 'Start a job, and go on when three checkpoints are complete',
      command:
        '<%= config.bin %> run -d my.job.yaml && <%= config.bin %> <%= command.id %> my-job --for "checkpoint>=3" --timeout 1min',
    },
    {
      description: 'For a job that ends by itself',
      command: '<%= config.bin %> <%= command.id %> my-job --for finished',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 14, 15];
  static override outputSchemas = ['wait', 'savepoint', 'checkpoint-trigger', 'stop'];
  static override usage = 'wait [JOB] --for CONDITION [FLAGS]';
  static override args = {job: jobArgument()};
  static override flags = withEnvironment('wait', {
    for: Flags.string({
      description: `What to wait for: ${CONDITIONS}.`,
      helpValue: 'CONDITION',
      required: true,
    }),
    timeout: timeoutFlag('Wait no longer than this: status 14. Default: without end.'),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Wait);
    const timeoutMillis = timeoutOf(flags.timeout);
    const condition = await conditionOf(flags.for);
    const reference = await chooseJob(args.job, {
      usage: `tidemark wait JOB --for '${flags.for}'`,
      global: this.global,
    });
    if (condition.kind === 'trigger') {
      const {job} = await jobStatus(reference, {environment: process.env});
      await this.finishTrigger(job, condition.triggerId, timeoutMillis);
      return;
    }
    const options = {environment: process.env, timeoutMillis};
    const result = await waitForJob(reference, condition, options);
    if (result.kind === 'impossible') {
      throw new EngineError(
        'JOB_FAILED',
        `job ${result.job.name} will never be ${flags.for}: ${result.reason}`,
        {hint: `tidemark status ${result.job.jobId}`},
      );
    }
    this.#show(result, flags.for);
  }

  #show({job, waitedMillis}: Extract<WaitResult, {kind: 'met'}>, condition: string): void {
    if (this.global.json) {
      this.printObject('JobCondition', {
        ...endedFields(job),
        state: job.state,
        condition,
        last_checkpoint_id: job.lastCheckpointId,
        waited_ms: Math.round(waitedMillis),
      });
      return;
    }
    const checkpoint = job.lastCheckpointId === null ? '' : `, checkpoint ${job.lastCheckpointId}`;
    const after = formatDuration(waitedMillis);
    this.print(
      `${escapeText(job.name)} is ${job.state.toLowerCase()}${checkpoint} (after ${after})`,
    );
  }
}

async function conditionOf(text: string): Promise<WaitCondition> {
  const parsed = await parseWaitCondition(text);
  if (parsed.kind === 'ok') return parsed.value;
  throw new EngineError('USAGE', `--for ${text}: ${parsed.message}`, {hint: parsed.suggestion});
}
