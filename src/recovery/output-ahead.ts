// Committed output that the restored checkpoint knows nothing of: its rows would be made a second time.
// RELIABILITY part 3: a part above the restored id whose lineage is the restored checkpoint's or
// descends from it at or after that id. A part of a lineage that nobody knows any more counts too: ids
// grow over all lineages of a directory, so one above the restored id is no older run's.

import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {descendsFrom, type LineageRecord, type OutputAheadPolicy} from './facts.ts';

/** A committed part file, as its name says. */
export interface PartFacts {
  readonly name: string;
  readonly part: {
    readonly sink: string;
    readonly lineage: string;
    readonly generation: number;
    readonly checkpointId: number;
  };
}

export interface OutputAheadRequest<Part extends PartFacts> {
  /** Of this job, all sinks. */
  readonly parts: readonly Part[];
  readonly restored: {readonly lineage: string; readonly id: number};
  /** Every lineage with a record; with ancestors. */
  readonly lineages: readonly Pick<LineageRecord, 'lineage' | 'ancestors'>[];
  /** The lineage that begins, or begins again: what it made is not ahead, it is its own. */
  readonly ownLineage: string;
  readonly policy: OutputAheadPolicy;
  /** The command that asked; null: it was no command. */
  readonly call: string | null;
}

export type OutputAheadDecision<Part extends PartFacts> =
  | {readonly kind: 'none'}
  | {readonly kind: 'keep' | 'withdraw'; readonly parts: readonly Part[]}
  | {
      readonly kind: 'refuse';
      readonly code: 'OUTPUT_AHEAD';
      readonly parts: readonly Part[];
      readonly message: string;
      readonly hint: string;
    };

/** Epochs that a message lists by number. */
const LISTED_EPOCHS_MAX = 20;

export function judgeOutputAhead<Part extends PartFacts>(
  request: OutputAheadRequest<Part>,
): OutputAheadDecision<Part> {
  const parts = request.parts.filter(({part}) => isAhead(request, part));
  if (parts.length === 0) return {kind: 'none'};
  if (request.policy !== 'refuse') return {kind: request.policy, parts};
  const {id} = request.restored;
  const files = parts.length === 1 ? '1 file' : `${parts.length} files`;
  return {
    kind: 'refuse',
    code: 'OUTPUT_AHEAD',
    parts,
    message: `the output is ahead of checkpoint ${id}: ${files} of later checkpoints ${parts.length === 1 ? 'is' : 'are'} committed (${epochsOf(parts)})`,
    hint: hintFor(request.call),
  };
}

/** Last the one after which the rows come once. */
function hintFor(call: string | null): string {
  const how = call === null ? ' with' : `: ${call}`;
  return `keep those rows and make them a second time with --output-ahead keep, or move them to .withdrawn/${how} --output-ahead withdraw`;
}

function isAhead(
  {restored, lineages, ownLineage}: OutputAheadRequest<PartFacts>,
  {lineage, checkpointId}: PartFacts['part'],
): boolean {
  if (checkpointId <= restored.id || lineage === ownLineage) return false;
  if (lineage === restored.lineage) return true;
  const known = lineages.find((other) => other.lineage === lineage);
  return known === undefined || descendsFrom(known, restored);
}

/**
 * Parts of the restored checkpoint's own past that a restore of an earlier one withdrew: what follows from it
 * would leave a hole in the output. Empty: nothing is missing.
 */
export function withdrawnBelow<Part extends PartFacts>(
  withdrawn: readonly Part[],
  restored: Pick<CheckpointMetadata, 'lineage' | 'checkpointId' | 'ancestors'>,
): readonly Part[] {
  const upTo = new Map<string, number>([
    ...restored.ancestors.map(({lineage, checkpointId}) => [lineage, checkpointId] as const),
    [restored.lineage, restored.checkpointId],
  ]);
  return withdrawn.filter(({part}) => part.checkpointId <= (upTo.get(part.lineage) ?? -1));
}

/**
 * Did a restore go back behind `restored` once? It removed what later checkpoints had prepared and not committed, and
 * settled their lineage: nobody commits it any more.
 */
export function branchedBelow(
  lineages: readonly Pick<LineageRecord, 'ancestors'>[],
  restored: {readonly lineage: string; readonly id: number},
): boolean {
  return lineages.some(({ancestors}) =>
    ancestors.some(
      ({lineage, checkpointId}) => lineage === restored.lineage && checkpointId < restored.id,
    ),
  );
}

/** "out: 13, 14, 15" */
export function epochsOf(parts: readonly PartFacts[]): string {
  const bySink = new Map<string, Set<number>>();
  for (const {part} of parts) {
    bySink.set(part.sink, (bySink.get(part.sink) ?? new Set()).add(part.checkpointId));
  }
  return [...bySink]
    .map(([sink, epochs]) => {
      const sorted = [...epochs].toSorted((left, right) => left - right);
      const listed = sorted.slice(0, LISTED_EPOCHS_MAX).join(', ');
      const more = sorted.length - LISTED_EPOCHS_MAX;
      return more > 0 ? `${sink}: ${listed} and ${more} more` : `${sink}: ${listed}`;
    })
    .join('; ');
}
