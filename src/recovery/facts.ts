// What recovery decides over: facts that the storage room read from the job directory after the fence
// (RELIABILITY part 2), so that they are final. Plain data; nothing here reads.

import type {CheckpointMetadata, LineageAncestor} from '../checkpoint/checkpoint-metadata.ts';
import type {RunEnd} from '../checkpoint/retention.ts';

/** What a lineage began with. */
export type LineageOrigin =
  | {readonly kind: 'fresh'}
  | {
      readonly kind: 'checkpoint';
      readonly checkpointId: number;
      /** Absolute directory of the checkpoint or savepoint. */
      readonly path: string;
      /** Of its `_metadata`: what it was is what it must still be. */
      readonly metadataSha256: string;
      /** It belongs to the lineage (`--claim-mode claim`). */
      readonly claimed: boolean;
    };

export type OutputAheadPolicy = 'refuse' | 'keep' | 'withdraw';

/** `owner/<G>.lineage` */
export interface LineageRecord {
  readonly lineage: string;
  readonly origin: LineageOrigin;
  /** Oldest first: the lineages that it descends from, and at which checkpoint each was left. */
  readonly ancestors: readonly LineageAncestor[];
  /** What was decided about output above the restored checkpoint; null: nothing was restored. */
  readonly outputAhead: OutputAheadPolicy | null;
}

/** One `owner/<G>` with its marks. */
export interface GenerationFacts {
  readonly generation: number;
  readonly kind: 'run' | 'prune';
  /** Null: its record is damaged. */
  readonly runId: string | null;
  /** Null: it died before it chose; it does not count as a run. */
  readonly lineage: LineageRecord | null;
  /** Its first checkpoint exists. */
  readonly published: boolean;
  /** What its lineage prepared is committed or removed. */
  readonly settled: boolean;
  /** The checkpoint that it took away from here; null: none. */
  readonly claimed: ClaimedCheckpoint | null;
  /** Null: it runs, or it crashed. */
  readonly end: GenerationEnd | null;
}

/** A checkpoint of this directory that a job of another one claimed, and that is on its way out, or gone. */
export interface ClaimedCheckpoint {
  readonly checkpointId: number;
  /** The checkpoint's own. */
  readonly lineage: string;
  readonly by: ClaimFacts;
}

/** Who claims a checkpoint. */
export interface ClaimFacts {
  readonly jobDirectory: string;
  readonly lineage: string;
}

export interface GenerationEnd {
  readonly how: RunEnd;
  /** Of `stop`: where its savepoint is. */
  readonly savepoint: string | null;
  /** Of `stop`: its windows were flushed. */
  readonly drained: boolean;
}

/** One checkpoint or savepoint directory. */
export type CheckpointFacts =
  | CompleteCheckpoint
  | {
      /**
       * `incompatible`: whole, for all that is known, but of a format that this version cannot read.
       * `refused`: a name or a link in it leads out of its directory, or might.
       */
      readonly state: 'damaged' | 'incomplete' | 'incompatible' | 'refused';
      readonly id: number;
      readonly path: string;
      /** What `_metadata` says, if it can still be read. */
      readonly metadata: CheckpointMetadata | null;
      /** What is wrong, one sentence with the file. */
      readonly damage: string;
    };

export interface CompleteCheckpoint {
  readonly state: 'complete';
  readonly id: number;
  /** Absolute. */
  readonly path: string;
  readonly metadata: CheckpointMetadata;
  readonly metadataSha256: string;
}

/** Everything in the job directory that a start depends on. */
export interface JobDirectoryFacts {
  readonly jobName: string;
  /** Every owner record older than the own one, by ascending generation. */
  readonly generations: readonly GenerationFacts[];
  /** Every `chk-N` of the job directory, by ascending id. */
  readonly checkpoints: readonly CheckpointFacts[];
}

/** The newest checkpoint of `lineage` that was taken away from here by whoever claimed it; null: none was. */
export function newestClaimed(
  {generations}: Pick<JobDirectoryFacts, 'generations'>,
  lineage: string,
): ClaimedCheckpoint | null {
  const claimed = generations.flatMap((one) => one.claimed ?? []);
  const own = claimed.filter((one) => one.lineage === lineage);
  return own.toSorted((left, right) => left.checkpointId - right.checkpointId).at(-1) ?? null;
}

/** The newest run that chose a lineage: how the next one starts depends on how this one ended. */
export function lastRun(
  facts: JobDirectoryFacts,
): (GenerationFacts & {readonly lineage: LineageRecord}) | null {
  const run = facts.generations.findLast(isRun);
  return run ?? null;
}

function isRun(
  generation: GenerationFacts,
): generation is GenerationFacts & {readonly lineage: LineageRecord} {
  return generation.kind === 'run' && generation.lineage !== null;
}

/** Does `checkpoint` belong to `lineage` itself (not to one it descends from)? Null: cannot be known. */
export function belongsTo(checkpoint: CheckpointFacts, lineage: string): boolean | null {
  return checkpoint.metadata === null ? null : checkpoint.metadata.lineage === lineage;
}

/** The ancestors of a lineage that begins from `checkpoint`. */
export function ancestorsAfter({id, metadata}: CompleteCheckpoint): readonly LineageAncestor[] {
  return [...metadata.ancestors, {lineage: metadata.lineage, checkpointId: id}];
}

/** Is `lineage` the checkpoint's own lineage, or one that branched off from it at or after its id? */
export function descendsFrom(
  lineage: {readonly lineage: string; readonly ancestors: readonly LineageAncestor[]},
  checkpoint: {readonly lineage: string; readonly id: number},
): boolean {
  if (lineage.lineage === checkpoint.lineage) return true;
  return lineage.ancestors.some(
    (ancestor) => ancestor.lineage === checkpoint.lineage && ancestor.checkpointId >= checkpoint.id,
  );
}
