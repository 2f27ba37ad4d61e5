import {Args, Flags} from '@oclif/core';
import {EngineError, diffCheckpoints} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {checkpointArgument, chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {diffFields, diffLines} from '../_shared/diff-view.ts';
import {reportOf} from '../_shared/error-report.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {shellWord} from '../_shared/text.ts';
import type {DiffReport, ExitStatus} from '../../src/index.ts';

const ownFlags = {
  keys: Flags.boolean({
    description: 'Tell rows that differ: what they were, and what they are.',
    default: false,
  }),
  limit: Flags.integer({
    description: 'With --keys: at most so many rows of all states together; 100 by default.',
    min: 0,
    max: 100_000,
    helpValue: 'N',
  }),
};

const DIFFERENT: ExitStatus = 1;
const ROWS_MAX = 100;

export default class CheckpointDiffCommand extends BaseCommand {
  static override summary = 'Compare two checkpoints or savepoints: operators, keys, positions.';
  static override description =
    'Ends with 0 when a restore of either makes the same state, 1 when not, and never with 1 for trouble. Keys are compared ' +
    'whatever backend, format and parallelism they were stored with, some key groups at a time, in bounded memory; both need the same ' +
    'max-parallelism. Bytes, watermarks and times are no difference. Never writes.';
  static override examples = [
    {
      description: 'What is in one and not in the other, row by row',
      command:
        '<%= config.bin %> <%= command.id %> sp state/checkpoints/my-job/chk-12 --keys --limit 20',
    },
    {
      description: 'Is a copy the same state? 0: it is',
      command:
        '<%= config.bin %> checkpoint copy my-job@12 copied && <%= config.bin %> <%= command.id %> my-job@12 copied',
    },
    {
      description: 'How many keys changed, from a script',
      command:
        '<%= config.bin %> <%= command.id %> sp my-job@12 --json | jq "[.operators.changed[].states[].keys_changed] | add"',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [4, 5, 10, 12, 13, 15];
  static override outputSchemas = ['checkpoint-diff'];
  static override usage = 'checkpoint diff [A] [B] [FLAGS]';
  static override args = {
    a: checkpointArgument(),
    b: Args.string({
      description: 'The one that it is compared with. Left out at a terminal: asked for.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('checkpoint-diff', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointDiffCommand);
    const {keys, limit} = flags;
    if (limit !== undefined && !keys) {
      throw new EngineError('USAGE', '--limit is of the rows that --keys tells', {
        hint: 'Give --keys as well, or leave --limit out.',
      });
    }
    const how = {usage: 'tidemark checkpoint diff A B', global: this.global};
    const a = await chooseCheckpoint(args.a, {...how, instead: 'A'});
    const b = await chooseCheckpoint(args.b, {
      ...how,
      question: 'Which one is it compared with?',
      instead: 'B',
      without: a,
    });
    const diff = await compared(a, b, keys ? (limit ?? ROWS_MAX) : 0);
    if (this.global.json) this.printObject('CheckpointDiff', diffFields(diff));
    else for (const line of diffLines(diff, this.outStyle)) this.print(line);
    if (!diff.equal) this.endWith(DIFFERENT);
  }
}

/** What is not known to be different is not reported by the status of a difference. */
async function compared(a: string, b: string, rowsMax: number): Promise<DiffReport> {
  try {
    return await diffCheckpoints(a, b, {environment: process.env, rowsMax});
  } catch (error) {
    const {exit_code: status, message} = reportOf(error, CheckpointDiffCommand.id);
    if (status !== DIFFERENT) throw error;
    throw new EngineError('INCOMPLETE', `the comparison failed: ${message}`, {
      hint: `see whether both can be read: tidemark checkpoint verify ${shellWord(a)} ${shellWord(b)} --level decode`,
      cause: error,
    });
  }
}
