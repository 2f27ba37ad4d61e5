// What must be settled before anything is deployed, and in which order: RELIABILITY parts 2 and 3. To
// settle a lineage is to commit what one of its checkpoints prepared, to remove the other temporaries
// that it left in the sinks' directories, and then to mark it. Pure; the runtime carries the steps out
// through the connectors. Each step may run again after a crash.

import {
  ancestorsAfter,
  belongsTo,
  descendsFrom,
  newestClaimed,
  type CheckpointFacts,
  type CompleteCheckpoint,
  type JobDirectoryFacts,
  type LineageRecord,
} from './facts.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {StartDecision} from './choose-start.ts';

/** The settlement of one lineage, in this order: commit, remove, mark. */
export interface SettlementStep {
  readonly lineage: string;
  /** Commit what it prepared; null: nothing of this lineage is to be committed. */
  readonly commit: CheckpointMetadata | null;
  /**
   * Remove this lineage's temporaries, but for those that this checkpoint prepared. Sinks of the job
   * as it is now are in the runtime's hands; sinks of these checkpoints may be elsewhere.
   */
  readonly keepPreparedBy: CheckpointMetadata | null;
  readonly directoriesOf: readonly CheckpointMetadata[];
  /** The generation whose `.settled` is then written and synced; null: it goes on and is marked later. */
  readonly mark: number | null;
  readonly why:
    | 'earlier-lineage'
    | 'restored-lineage'
    | 'descends-from-restored'
    | 'resumed-lineage'
    | 'finished-lineage';
}

export type SettlementPlan =
  | {
      readonly kind: 'settle';
      readonly steps: readonly SettlementStep[];
      /** Published elsewhere: every part that it prepared must be final already; else exit 16. */
      readonly requireFinal: CheckpointMetadata | null;
    }
  | {
      readonly kind: 'refuse';
      readonly code: 'COMMIT_UNDECIDED';
      readonly message: string;
      readonly hint: string;
    };

export type StartsWork = Exclude<StartDecision, {readonly kind: 'refuse'}>;

interface KnownLineage {
  readonly record: LineageRecord;
  readonly settled: boolean;
  readonly published: boolean;
  readonly newestGeneration: number;
}

export function planSettlement(
  facts: JobDirectoryFacts,
  start: StartsWork,
  options: {readonly onDamaged: 'stop' | 'use-older'},
): SettlementPlan {
  const lineages = knownLineages(facts);
  const restored = restoredCheckpoint(start);
  const ownLineage = 'lineage' in start ? start.lineage : null;
  const steps: SettlementStep[] = [];

  for (const [index, known] of lineages.entries()) {
    const {record, settled, newestGeneration} = known;
    if (record.lineage === ownLineage) continue;
    const readable = readableOf(facts, record.lineage);
    const base = {lineage: record.lineage, directoriesOf: readable, mark: newestGeneration};
    const step = restored === null ? null : restoredLineage(facts, known, restored, base);
    if (step !== null) {
      steps.push(step);
      continue;
    }
    if (settled) continue;
    const later = lineages.slice(index + 1).map((other) => other.record.lineage);
    const lost = lostNewest(facts, known, later);
    if (lost !== null && options.onDamaged !== 'use-older') return undecided(record.lineage, lost);
    // Whoever claimed one had made sure that what it prepared is committed, and what is older was before.
    const claimed = newestClaimed(facts, record.lineage)?.checkpointId ?? 0;
    const newest = readable.findLast((it) => it.checkpointId >= claimed) ?? null;
    steps.push({...base, commit: newest, keepPreparedBy: newest, why: 'earlier-lineage'});
  }
  const own = lineages.find(({record}) => record.lineage === ownLineage);
  if (own !== undefined) steps.push(ownStep(facts, start, own));
  const elsewhere = restored !== null && !isPublishedHere(facts, restored.metadata);
  return {kind: 'settle', steps, requireFinal: elsewhere ? restored.metadata : null};
}

/** The step of a lineage that going back to `restored` concerns; null: it does not. */
function restoredLineage(
  facts: JobDirectoryFacts,
  {record, settled}: KnownLineage,
  restored: CompleteCheckpoint,
  base: Pick<SettlementStep, 'lineage' | 'directoriesOf' | 'mark'>,
): SettlementStep | null {
  const {metadata} = restored;
  if (record.lineage === metadata.lineage) {
    if (!isPublishedHere(facts, metadata)) return null;
    // Settled once means committed once; the user may have taken the output away since.
    const commit = settled ? null : metadata;
    return {...base, commit, keepPreparedBy: metadata, why: 'restored-lineage'};
  }
  if (!descendsFrom(record, {lineage: metadata.lineage, id: restored.id})) return null;
  // What it prepared lies after the restored checkpoint, wherever that was published: it will be made again.
  return {...base, commit: null, keepPreparedBy: null, why: 'descends-from-restored'};
}

function ownStep(facts: JobDirectoryFacts, start: StartsWork, own: KnownLineage): SettlementStep {
  const {lineage} = own.record;
  const base = {lineage, directoriesOf: readableOf(facts, lineage)};
  if (start.kind === 'finish-only') {
    const {metadata} = start.checkpoint;
    const why = 'finished-lineage';
    return {...base, commit: metadata, keepPreparedBy: metadata, mark: null, why};
  }
  const checkpoint =
    start.kind === 'resumed' && start.from.kind === 'checkpoint'
      ? start.from.checkpoint.metadata
      : null;
  const why = 'resumed-lineage';
  return {...base, commit: checkpoint, keepPreparedBy: checkpoint, mark: null, why};
}

/** The checkpoint of another lineage that the work starts from, for the first time or again. */
export function restoredCheckpoint(start: StartsWork): CompleteCheckpoint | null {
  if (start.kind === 'restored') return start.checkpoint;
  if (start.kind === 'resumed' && start.from.kind === 'checkpoint-origin') {
    return start.from.checkpoint;
  }
  return null;
}

/** Only the directory whose owner records know the run that published it may commit for it. */
export function isPublishedHere(
  {generations, jobName}: JobDirectoryFacts,
  metadata: CheckpointMetadata,
): boolean {
  if (metadata.jobName !== jobName) return false;
  const {generation, runId} = metadata;
  return generations.some((owner) => owner.generation === generation && owner.runId === runId);
}

/** In the order in which they began. */
function knownLineages(facts: JobDirectoryFacts): readonly KnownLineage[] {
  const known = new Map<string, KnownLineage>();
  for (const {generation, lineage, published, settled} of facts.generations) {
    if (lineage === null) continue;
    const before = known.get(lineage.lineage);
    known.set(lineage.lineage, {
      record: before?.record ?? lineage,
      // A later generation of the same lineage may have prepared more.
      settled,
      published: published || before?.published === true,
      newestGeneration: generation,
    });
  }
  return [...known.values()];
}

/** Readable metadata of a lineage, oldest first: what was prepared stands there, whatever else is damaged. */
function readableOf(facts: JobDirectoryFacts, lineage: string): readonly CheckpointMetadata[] {
  return facts.checkpoints.flatMap((it) =>
    it.metadata !== null && it.metadata.lineage === lineage ? [it.metadata] : [],
  );
}

/** Why it cannot be known what the newest checkpoint of this lineage prepared; null: it is known. */
function lostNewest(
  facts: JobDirectoryFacts,
  {record, published}: KnownLineage,
  later: readonly string[],
): string | null {
  if (!published) return null;
  const {checkpoints} = facts;
  const own = checkpoints.filter((it) => belongsTo(it, record.lineage) === true);
  const claimed = newestClaimed(facts, record.lineage)?.checkpointId ?? 0;
  const newestKnown = Math.max(own.at(-1)?.id ?? 0, claimed);
  // Ids grow over all lineages: a later one's first checkpoint bounds what may be ours.
  const firstLater =
    checkpoints.find((it) => it.metadata !== null && later.includes(it.metadata.lineage))?.id ??
    Infinity;
  const mayBeOurs = (it: CheckpointFacts): boolean =>
    it.metadata === null && it.id > newestKnown && it.id < firstLater;
  const unreadable = checkpoints.findLast(mayBeOurs);
  if (unreadable !== undefined && unreadable.state !== 'complete') {
    return `chk-${unreadable.id} cannot be read: ${unreadable.damage}`;
  }
  return newestKnown === 0 ? 'none of its checkpoints is left' : null;
}

function undecided(lineage: string, lost: string): SettlementPlan {
  return {
    kind: 'refuse',
    code: 'COMMIT_UNDECIDED',
    message: `it cannot be known what the earlier run ${lineage} still had to commit: ${lost}`,
    hint: 'give up what only that checkpoint knew with --on-damaged use-older; its unfinished output files are then removed',
  };
}

/** For the new generation's lineage record. */
export function lineageRecordOf(
  start: StartsWork,
  newLineage: string,
  outputAhead: LineageRecord['outputAhead'],
): LineageRecord {
  switch (start.kind) {
    case 'resumed':
    case 'finish-only':
      return start.record;
    case 'fresh':
      return {lineage: newLineage, origin: {kind: 'fresh'}, ancestors: [], outputAhead: null};
    case 'restored': {
      const {id, path, metadataSha256} = start.checkpoint;
      return {
        lineage: newLineage,
        origin: {
          kind: 'checkpoint',
          checkpointId: id,
          path,
          metadataSha256,
          claimed: start.claimed,
        },
        ancestors: ancestorsAfter(start.checkpoint),
        outputAhead,
      };
    }
  }
}
