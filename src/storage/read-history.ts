// What earlier generations left in `owner/`: who they were, on which lineage they worked, how they ended.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {readWholeFile} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {
  decodeClaimedRecord,
  decodeEndRecord,
  decodeLineageRecord,
  decodeOwnerRecord,
  RECORD_BYTES_MAX,
  type ClaimedRecord,
  type EndRecord,
  type LineageOrigin,
  type LineageRecord,
  type OwnerRecord,
} from './owner-record.ts';
import {parseOwnerName, type JobPaths} from './paths.ts';

export interface GenerationHistory {
  readonly generation: number;
  /** Null: damaged or absent. It is only information: the fence never depends on it. */
  readonly owner: OwnerRecord | null;
  /** Null: it never got as far as running; it does not count as a run. */
  readonly lineage: LineageRecord | null;
  readonly published: boolean;
  readonly settled: boolean;
  /** What it took away from here because a job of another directory had claimed it; null: nothing. */
  readonly claimed: ClaimedRecord | null;
  /** Null: it crashed, or still runs. */
  readonly end: EndRecord | null;
}

/** All generations of one lineage together. */
export interface LineageHistory {
  readonly lineage: string;
  readonly origin: LineageOrigin;
  readonly record: LineageRecord;
  /** Ascending. */
  readonly generations: readonly number[];
  /** One of its generations has published a checkpoint: it never goes back to its origin. */
  readonly published: boolean;
  /** The newest of its generations carries the mark. */
  readonly settled: boolean;
}

export interface JobHistory {
  /** Ascending. */
  readonly generations: readonly GenerationHistory[];
  /** The newest generation that counts as a run; null: the job never ran here. */
  readonly lastRun: GenerationHistory | null;
  /** In the order in which they began. */
  readonly lineages: readonly LineageHistory[];
  /** Names in `owner/` that are nobody's: left alone, to be reported. */
  readonly unknownNames: readonly string[];
}

/**
 * Generations below `before`. A damaged lineage or end record is CHECKPOINT_DAMAGED: without it nobody
 * can say what to resume.
 */
export async function readHistory(
  files: FileSystem,
  paths: JobPaths,
  before: number,
): Promise<JobHistory> {
  const marks = new Map<number, Set<string>>();
  const unknownNames: string[] = [];
  for (const {name} of await files.list(paths.ownerDirectory)) {
    const parsed = parseOwnerName(name);
    if (parsed === null) {
      unknownNames.push(name);
    } else if (parsed.kind !== 'aside' && parsed.generation < before) {
      const seen = marks.get(parsed.generation) ?? new Set();
      seen.add(parsed.kind === 'mark' ? parsed.mark : 'record');
      marks.set(parsed.generation, seen);
    }
  }
  const generations: GenerationHistory[] = [];
  for (const generation of [...marks.keys()].sort((left, right) => left - right)) {
    generations.push(await readGeneration(files, paths, generation, marks.get(generation)!));
  }
  const runs = generations.filter((one) => one.lineage !== null && one.owner?.kind !== 'prune');
  return {
    generations,
    lastRun: runs.at(-1) ?? null,
    lineages: groupByLineage(generations),
    unknownNames,
  };
}

async function readGeneration(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  marks: ReadonlySet<string>,
): Promise<GenerationHistory> {
  const read = async (path: string): Promise<Uint8Array> =>
    readWholeFile(files, path, RECORD_BYTES_MAX);
  const lineagePath = paths.ownerMark(generation, 'lineage');
  const claimedPath = paths.ownerMark(generation, 'claimed');
  const endPath = paths.ownerMark(generation, 'end');
  return {
    generation,
    owner: marks.has('record') ? await readOwner(files, paths, generation) : null,
    lineage: marks.has('lineage')
      ? decodeLineageRecord(await read(lineagePath), lineagePath)
      : null,
    published: marks.has('published'),
    settled: marks.has('settled'),
    claimed: marks.has('claimed')
      ? decodeClaimedRecord(await read(claimedPath), claimedPath)
      : null,
    end: marks.has('end') ? decodeEndRecord(await read(endPath), endPath) : null,
  };
}

/** The owner record of `generation`; null: absent, or damaged, so that it says nothing. */
export async function readOwner(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
): Promise<OwnerRecord | null> {
  const path = paths.owner(generation);
  try {
    return decodeOwnerRecord(await readWholeFile(files, path, RECORD_BYTES_MAX), path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    if (error instanceof EngineError && error.code === 'CHECKPOINT_DAMAGED') return null;
    throw error;
  }
}

function groupByLineage(generations: readonly GenerationHistory[]): readonly LineageHistory[] {
  const groups = new Map<string, LineageHistory>();
  for (const one of generations) {
    if (one.lineage === null) continue;
    const before = groups.get(one.lineage.lineage);
    groups.set(one.lineage.lineage, {
      lineage: one.lineage.lineage,
      origin: before?.origin ?? one.lineage.origin,
      record: before?.record ?? one.lineage,
      generations: [...(before?.generations ?? []), one.generation],
      published: (before?.published ?? false) || one.published,
      settled: one.settled,
    });
  }
  return [...groups.values()];
}
