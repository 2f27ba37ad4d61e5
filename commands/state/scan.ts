import {Flags} from '@oclif/core';
import {scanState} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {stateArguments, stateFlags, ttlOf} from '../_shared/state-flags.ts';
import {printRows} from '../_shared/state-view.ts';
import type {ExitStatus} from '../../src/index.ts';

/** A terminal is not for more. */
const TERMINAL_ROWS = 1000;

export default class StateScan extends BaseCommand {
  static override summary = 'Print the keys and values in a checkpoint or savepoint.';
  static override description =
    'Without the job, and without starting one. Every byte is checked before a row of it is printed. Values are what the state keeps ' +
    '(`mean.avg-sum`, `mean.count`), NULL where there is none yet. With --json a line for each row: operator, state, key, namespace ' +
    '(the start of a window), value, expires; integers beyond 2^53 are strings. On a terminal the first 1000 rows, unless --limit says otherwise.';
  static override examples = [
    {
      description: 'All of it, one JSON object for each row',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12 --json',
    },
    {
      description: 'The keys of one step that begin with a text, by an SQL condition',
      command:
        "<%= config.bin %> <%= command.id %> sp --operator totals --prefix a --where '`n.count` > 10'",
    },
    {
      description: 'A range of keys of the newest checkpoint of a job',
      command: '<%= config.bin %> <%= command.id %> my-job@latest --from A --to B --limit 20',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [4, 10, 12, 13, 15, 21];
  static override usage = 'state scan [REF] [FLAGS]';
  static override args = stateArguments;
  static override flags = withEnvironment('state-scan', {
    ...stateFlags,
    prefix: Flags.string({
      description: 'Only keys whose first column, a string, begins with it.',
      helpValue: 'TEXT',
    }),
    from: Flags.string({
      description: 'Only keys whose first column is at least this.',
      helpValue: 'VALUE',
    }),
    to: Flags.string({
      description: 'Only keys whose first column is less than this.',
      helpValue: 'VALUE',
    }),
    where: Flags.string({
      description:
        'Only rows for which this SQL condition is TRUE; over the columns of key, namespace and value, back-quoted where they have a dot.',
      helpValue: 'SQL',
    }),
    limit: Flags.integer({description: 'At most so many rows.', min: 0, helpValue: 'N'}),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(StateScan);
    const usage = 'tidemark state scan REF';
    const ref = await chooseCheckpoint(args.ref, {usage, global: this.global});
    const {operator, state, prefix, from, to, where} = flags;
    const isShort = flags.limit === undefined && !this.global.json && process.stdout.isTTY;
    const limit = flags.limit ?? (isShort ? TERMINAL_ROWS : null);
    const request = {operator, state, prefix, from, to, where, limit, ttlMillis: ttlOf(flags.ttl)};
    const rows = scanState(ref, request, {environment: process.env});
    const count = await printRows(rows, {json: this.global.json, style: this.outStyle});
    if (this.global.json) return;
    if (count === 0) this.note('no rows');
    else if (isShort && count === TERMINAL_ROWS) {
      this.note(`the first ${TERMINAL_ROWS} rows; more: --limit N, or --json`);
    }
  }
}
