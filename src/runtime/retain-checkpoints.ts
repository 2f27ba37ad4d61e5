// Deletes what retention no longer keeps, after each commit; one deletion at a time. What the directory
// holds is known from the start: only this process publishes and deletes behind the fence.

import {EngineError} from '../base/errors.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {planRetention, type RetentionLineage, type RunEnd} from '../checkpoint/retention.ts';
import type {JobDirectoryFacts} from '../recovery/facts.ts';
import type {Ownership} from '../storage/job-directory.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {Hold} from '../storage/paths.ts';
import type {PruneReason} from '../checkpoint/prune.ts';
import {claimedHere} from './claim-origin.ts';
import {
  carryOut,
  planDirectory,
  type PrunedDirectory,
  type PruneOrder,
} from './prune-checkpoints.ts';
import type {JobStart} from './start-job.ts';

export class CheckpointRetention {
  readonly #job: JobSpec;
  readonly #ownership: Ownership;
  readonly #lineage: string;
  readonly #others: readonly RetentionLineage[];
  /** A checkpoint of this directory that the lineage began with and owns. */
  readonly #claimed: number | null;
  #checkpoints: readonly {readonly id: number; readonly lineage: string | null}[];
  #committedThrough: number | null = null;
  #end: RunEnd | null = null;
  #savepointTaken = false;
  /** What a savepoint is being made from, over all generations of this process. */
  readonly #inUse: ReadonlyMap<number, number>;
  readonly #deleted: (ids: ReadonlySet<number>) => void;
  /** Found when they were to be deleted: a job of another directory owns them. */
  readonly #claimedByOthers = new Set<number>();
  #marked = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(
    job: JobSpec,
    ownership: Ownership,
    {record, facts}: JobStart,
    inUse: ReadonlyMap<number, number>,
    deleted: (ids: ReadonlySet<number>) => void,
  ) {
    this.#inUse = inUse;
    this.#deleted = deleted;
    this.#job = job;
    this.#ownership = ownership;
    this.#lineage = record.lineage;
    this.#others = otherLineages(facts, record.lineage);
    this.#claimed = claimedHere(ownership, record);
    this.#checkpoints = facts.checkpoints.map(({id, metadata}) => ({
      id,
      lineage: metadata?.lineage ?? null,
    }));
  }

  /** Own checkpoints, oldest first. */
  ownIds(): readonly number[] {
    return this.#checkpoints.filter(({lineage}) => lineage === this.#lineage).map(({id}) => id);
  }

  /** It was published, and nothing has deleted it. */
  has(id: number): boolean {
    return this.#checkpoints.some((checkpoint) => checkpoint.id === id);
  }

  /** Checkpoint `id` exists. Resolves when the generation's mark says that it has one. */
  async published(id: number): Promise<void> {
    this.#checkpoints = [...this.#checkpoints, {id, lineage: this.#lineage}];
    if (this.#marked) return;
    await this.#ownership.markPublished();
    this.#marked = true;
  }

  /** Output up to and with checkpoint `id` is committed. */
  async committed(id: number): Promise<void> {
    this.#committedThrough = Math.max(this.#committedThrough ?? 0, id);
    await this.#removeNext();
  }

  /** The end record of this lineage is synced. `savepointTaken`: it names a savepoint. */
  async ended(how: RunEnd, savepointTaken: boolean): Promise<void> {
    this.#end = how;
    this.#savepointTaken = savepointTaken;
    await this.#removeNext();
  }

  /** Resolves when nothing is being deleted. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  /** NOT_FOUND when it is not there (any more). Durable when it resolves. */
  async setHold(id: number, held: boolean): Promise<void> {
    const work = this.#tail.then(async () => {
      const hold = {checkpointId: id, lineage: null};
      if (!held) {
        // Whether it goes is decided after the next commit.
        await this.#ownership.releaseHold(hold);
        return;
      }
      if (!this.has(id)) {
        throw new EngineError(
          'NOT_FOUND',
          `no checkpoint ${id} in ${this.#ownership.jobDirectory}`,
          {
            hint: 'see what there is: tidemark checkpoint list',
          },
        );
      }
      await this.#ownership.placeHold(hold);
    });
    this.#tail = work.catch(() => undefined);
    await work;
  }

  /** What a person asked for, beside what retention does unasked. `files` and `now`: to read what is there. */
  async prune(files: FileSystem, order: PruneOrder, now: number): Promise<PrunedDirectory> {
    const pruning = this.#tail.then(async () => {
      const {paths} = this.#ownership;
      const history = await this.#ownership.readHistory();
      const directory = await planDirectory({
        ...{files, paths, history, order, now, more: this.#pins()},
        useOf: async (path) => this.#ownership.useOf(path),
      });
      const pruned = await carryOut(this.#ownership, directory);
      const stayed = new Set(pruned.kept.map(({path}) => path));
      const gone = new Set(directory.plan.remove.filter((id) => !stayed.has(paths.checkpoint(id))));
      this.#checkpoints = this.#checkpoints.filter(({id}) => !gone.has(id));
      this.#deleted(gone);
      return pruned;
    });
    this.#tail = pruning.then(
      () => undefined,
      () => undefined,
    );
    return pruning;
  }

  /**
   * What savepoints are being made from; and of the own lineage the newest whose output is committed and what came after
   * it: attempts under way may go on from its files.
   */
  #pins(): ReadonlyMap<number, PruneReason> {
    const pins = new Map<number, PruneReason>();
    for (const {id, lineage} of this.#checkpoints) {
      const isOwn = lineage === this.#lineage || id === this.#claimed;
      if (isOwn && id >= (this.#committedThrough ?? 0)) pins.set(id, 'not-committed');
    }
    for (const id of this.#inUse.keys()) pins.set(id, 'in-use');
    return pins;
  }

  /** After the deletion under way: a second one would take what the first is removing for damage. */
  async #removeNext(): Promise<void> {
    const removal = this.#tail.then(async () => this.#remove());
    // Whoever asked for it hears of a failure; the next one starts afresh.
    this.#tail = removal.catch(() => undefined);
    await removal;
  }

  async #remove(): Promise<void> {
    // What attempts that failed have left in shared/ goes too, though no checkpoint is due.
    const isReadable = this.#checkpoints.every(({lineage}) => lineage !== null);
    const hasOrphans = isReadable && this.#ownership.hasUnreferencedFiles();
    if (this.#removable([]).length === 0 && !hasOrphans) return;
    const remove = this.#removable(await this.#ownership.listHolds());
    if (remove.length === 0 && !hasOrphans) return;
    const permit = await this.#ownership.permitDeletion(remove);
    const {kept} = await this.#ownership.deleteCheckpoints(permit);
    const stayed = new Set<number>();
    for (const {checkpointId, reason} of kept) {
      if (reason !== 'absent') stayed.add(checkpointId);
      if (reason === 'claimed') this.#claimedByOthers.add(checkpointId);
    }
    const gone = new Set(remove.filter((id) => !stayed.has(id)));
    this.#checkpoints = this.#checkpoints.filter(({id}) => !gone.has(id));
    this.#deleted(gone);
  }

  #removable(holds: readonly Hold[]): readonly number[] {
    const {numRetained, externalizedRetention} = this.#job.checkpointing;
    const {remove} = planRetention({
      lineage: this.#lineage,
      claimed: this.#claimed,
      committedThrough: this.#committedThrough,
      end: this.#end,
      savepointTaken: this.#savepointTaken,
      checkpoints: this.#checkpoints,
      others: this.#others,
      held: new Set([...holds.map(({checkpointId}) => checkpointId), ...this.#inUse.keys()]),
      numRetained,
      externalizedRetention,
    });
    return remove.map(({id}) => id).filter((id) => !this.#claimedByOthers.has(id));
  }
}

/** Every other lineage, as its newest generation left it; the start has settled all of them. */
function otherLineages(facts: JobDirectoryFacts, own: string): readonly RetentionLineage[] {
  const others = new Map<string, RetentionLineage>();
  for (const {lineage, end} of facts.generations) {
    if (lineage === null || lineage.lineage === own) continue;
    const {lineage: id} = lineage;
    others.set(id, {lineage: id, end: end?.how ?? null, settled: true});
  }
  return [...others.values()];
}
