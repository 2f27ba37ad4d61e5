import {HoldCommand, holdArguments, holdFlags} from '../_shared/hold-command.ts';
import type {ExitStatus} from '../../src/index.ts';

export default class CheckpointHold extends HoldCommand {
  static override summary = 'Keep a checkpoint or savepoint: no retention and no prune deletes it.';
  static override description =
    'Until `checkpoint release`. A job that runs is asked; of one that does not, this command takes the directory over for a ' +
    'moment. A savepoint gets a file of its own, `held`: no prune, no `savepoint --dispose` and no claim deletes it.';
  static override examples = [
    {
      description: 'The state before a risky change',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12',
    },
    {
      description: 'The newest one of a job, from a script',
      command: '<%= config.bin %> <%= command.id %> my-job@latest --json | jq -r .path',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 11, 13, 15];
  static override outputSchemas = ['checkpoint-held'];
  static override usage = 'checkpoint hold [REF] [FLAGS]';
  static override args = holdArguments;
  static override flags = holdFlags('checkpoint-hold');

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointHold);
    await this.setHold(args.ref, true, flags['take-over']);
  }
}
