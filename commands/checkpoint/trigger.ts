import {Flags} from '@oclif/core';
import {triggerCheckpoint} from '../../src/index.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {chooseJob, jobArgument} from '../_shared/job-argument.ts';
import {
  OperationCommand,
  TIMEOUT_DESCRIPTION,
  timeoutFlag,
  timeoutOf,
} from '../_shared/operation.ts';
import {detachedFlag} from '../_shared/savepoint-flags.ts';
import type {ExitStatus} from '../../src/index.ts';

const ownFlags = {
  full: Flags.boolean({
    description:
      'All state, whatever earlier checkpoints hold. Without incremental state each one is full.',
  }),
  detached: detachedFlag,
  timeout: timeoutFlag(TIMEOUT_DESCRIPTION),
};

export default class CheckpointTrigger extends OperationCommand {
  static override summary = 'Take a checkpoint of a running job now.';
  static override description =
    'It is one like the periodic ones, and deleted like them when it is no longer needed; what is to be kept is a savepoint.';
  static override examples = [
    {
      description: 'Before something risky',
      command: '<%= config.bin %> <%= command.id %> my-job',
    },
    {
      description: 'Its path, for a script',
      command: '<%= config.bin %> <%= command.id %> my-job --full --json | jq -r .path',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 14, 15];
  static override outputSchemas = ['checkpoint-trigger', 'triggered'];
  static override usage = 'checkpoint trigger [JOB] [FLAGS]';
  static override args = {job: jobArgument()};
  static override flags = withEnvironment('checkpoint-trigger', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointTrigger);
    timeoutOf(flags.timeout);
    const reference = await chooseJob(args.job, {
      usage: 'tidemark checkpoint trigger JOB',
      global: this.global,
    });
    const order = {full: flags.full};
    const accepted = await triggerCheckpoint(reference, order, {environment: process.env});
    if (flags.detached) this.showTriggered(accepted, 'checkpoint');
    else await this.finish(accepted, flags.timeout);
  }
}
