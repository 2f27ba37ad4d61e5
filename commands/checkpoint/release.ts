import {HoldCommand, holdArguments, holdFlags} from '../_shared/hold-command.ts';
import type {ExitStatus} from '../../src/index.ts';

export default class CheckpointRelease extends HoldCommand {
  static override summary =
    'Take back `checkpoint hold`: the checkpoint or savepoint may be deleted again.';
  static override description =
    "It goes when the job's retention or `checkpoint prune` says so, not at once. What a run was restored from without a " +
    'claim stays held by that run as long as it needs it.';
  static override examples = [
    {
      description: 'It is not needed any more',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 11, 13, 15];
  static override outputSchemas = ['checkpoint-held'];
  static override usage = 'checkpoint release [REF] [FLAGS]';
  static override args = holdArguments;
  static override flags = holdFlags('checkpoint-release');

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointRelease);
    await this.setHold(args.ref, false, flags['take-over']);
  }
}
