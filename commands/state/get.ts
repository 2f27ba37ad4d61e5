import {Flags} from '@oclif/core';
import {getState} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {stateArguments, stateFlags, ttlOf} from '../_shared/state-flags.ts';
import {printRows} from '../_shared/state-view.ts';
import type {ExitStatus} from '../../src/index.ts';

export default class StateGet extends BaseCommand {
  static override summary = 'Print what a checkpoint or savepoint holds of one key.';
  static override description =
    'Only the key group of the key is read. A key with windows has a row for each. As `state scan` prints them; exit 10 when there is none.';
  static override examples = [
    {
      description: 'One key of one step',
      command: '<%= config.bin %> <%= command.id %> sp --operator totals --key a',
    },
    {
      description: 'A key as a list of its columns, which may be NULL',
      command: "<%= config.bin %> <%= command.id %> sp --operator totals --key '[null]' --json",
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [4, 10, 12, 13, 15];
  static override outputSchemas = ['state-scan'];
  static override usage = 'state get [REF] --key KEY [FLAGS]';
  static override args = stateArguments;
  static override flags = withEnvironment('state-get', {
    ...stateFlags,
    key: Flags.string({
      description: 'The key; of several columns, or NULL: a JSON list of them.',
      required: true,
      helpValue: 'KEY',
    }),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(StateGet);
    const usage = 'tidemark state get REF --key KEY';
    const ref = await chooseCheckpoint(args.ref, {usage, global: this.global});
    const {operator, state, key: keyText} = flags;
    const request = {operator, state, keyText, ttlMillis: ttlOf(flags.ttl)};
    const rows = getState(ref, request, {environment: process.env});
    await printRows(rows, {json: this.global.json, style: this.outStyle});
  }
}
