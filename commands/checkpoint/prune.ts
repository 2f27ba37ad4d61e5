import {Args, Flags} from '@oclif/core';
import {EngineError, parseDuration, pruneCheckpoints} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {canAsk, confirm} from '../_shared/prompt.ts';
import {pruneFields, pruneLines} from '../_shared/prune-view.ts';
import {countOf, formatBytes} from '../_shared/units.ts';
import type {ExitStatus, PruneReport, PruneRequest} from '../../src/index.ts';

const ownFlags = {
  'keep-last': Flags.integer({
    description: 'The newest so many that can be restored stay, of each job.',
    helpValue: 'N',
    min: 1,
    max: 1_000_000,
  }),
  'keep-within': Flags.string({
    description: 'Those that are no older than this stay.',
    helpValue: 'DURATION',
  }),
  'keep-savepoints': Flags.boolean({
    description: 'Savepoints in the directory stay, whatever their age.',
    default: false,
  }),
  orphans: Flags.boolean({
    description:
      'Also delete files in shared/ that nothing needs, and what killed copies left. What belongs to checkpoints that were deleted goes with any prune.',
    default: false,
  }),
  'orphan-age': Flags.string({
    description:
      'With --orphans: only those that are older than this, 1 h if it is not said. A job that runs takes all along ' +
      'as soon as one is: it knows that nothing needs them.',
    helpValue: 'DURATION',
  }),
  'dry-run': Flags.boolean({
    description: 'Only tell what would be deleted, and why the others stay.',
    default: false,
  }),
  'take-over': Flags.boolean({
    description: 'Count the last owner as dead without waiting; if it is alive, it is fenced off.',
    default: false,
  }),
  yes: Flags.boolean({char: 'y', description: 'Answer yes to the question.', default: false}),
};

export default class CheckpointPrune extends BaseCommand {
  static override summary = 'Delete checkpoints and savepoints that no rule keeps.';
  static override description =
    'With --keep-last and --keep-within, what either keeps stays. Always kept, with the reason: what is held, claimed, in use ' +
    'by a job that runs or goes back to it, or needed to settle its output, and the newest that can be restored; shared files that anything ' +
    'kept needs. While the _metadata of one checkpoint cannot be read, nothing is deleted. A job that runs is asked to do ' +
    'it. Killed at any point, a second run finishes the work.';
  static override examples = [
    {
      description: 'What would go, and why the others stay',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --keep-last 3 --dry-run',
    },
    {
      description: 'In a script: the newest three of each job, and all of the last week',
      command:
        '<%= config.bin %> <%= command.id %> state/checkpoints --keep-last 3 --keep-within 7d --yes',
    },
    {
      description: 'Only what is left over and needed by nothing',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job --orphans --yes',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 10, 11, 13, 14, 15];
  static override usage = 'checkpoint prune [TARGET] [FLAGS]';
  static override args = {
    target: Args.string({
      description: 'A job, its file, or a directory with checkpoints or savepoints.',
      default: '.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('checkpoint-prune', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointPrune);
    const within = flags['keep-within'];
    const age = flags['orphan-age'];
    if (age !== undefined && !flags.orphans) {
      throw new EngineError('USAGE', '--orphan-age says which orphans go, and none does', {
        hint: 'add --orphans',
      });
    }
    const request: PruneRequest = {
      environment: process.env,
      keepLast: flags['keep-last'] ?? null,
      keepWithinMillis: within === undefined ? null : durationOf('--keep-within', within),
      keepSavepoints: flags['keep-savepoints'],
      orphanAgeMillis: flags.orphans ? durationOf('--orphan-age', age ?? '1 h') : null,
      takeOver: flags['take-over'],
      among: null,
      dryRun: flags['dry-run'],
    };
    if (request.keepLast === null && request.keepWithinMillis === null && !flags.orphans) {
      throw new EngineError('USAGE', 'nothing says what is to be deleted', {
        hint: `--keep-last N, --keep-within DURATION or --orphans does; look first: ${this.callWith('--keep-last', '3', '--dry-run')}`,
      });
    }
    this.#show(await this.#prune(args.target, request, flags.yes));
  }

  async #prune(target: string, request: PruneRequest, isAnswered: boolean): Promise<PruneReport> {
    if (request.dryRun || isAnswered) return pruneCheckpoints(target, request);
    const usage = this.callWith('--yes');
    const question = {flag: '--yes', usage, isAnswered: false, global: this.global};
    // In a pipe nothing is looked at before it is said that nobody can be asked.
    if (!canAsk(this.global)) await confirm({...question, question: ''});
    const plan = await pruneCheckpoints(target, {...request, dryRun: true});
    const leftover = plan.orphans.filter(({deleted}) => deleted).length;
    if (plan.deleted.length + leftover === 0) return plan;
    for (const line of pruneLines(plan, this.noteStyle)) this.note(line);
    const what = countOf(plan.deleted.length, 'checkpoint');
    await confirm({
      ...question,
      question: `Delete ${what} and ${countOf(leftover, 'orphan')}, ${formatBytes(plan.freedBytes)}?`,
    });
    return pruneCheckpoints(target, {...request, among: plan.deleted});
  }

  #show(report: PruneReport): void {
    if (this.global.json) this.printObject('PruneReport', pruneFields(report));
    else for (const line of pruneLines(report, this.outStyle)) this.print(line);
  }
}

function durationOf(flag: string, text: string): number {
  const parsed = parseDuration(text);
  if (parsed.kind === 'ok') return Math.max(1, parsed.value);
  throw new EngineError('USAGE', `${flag} ${text}: this ${parsed.message}`, {
    hint: parsed.suggestion ?? undefined,
  });
}
