// What lies on the simulated disk, read from names and JSON alone: by nothing of the engine but its formats.

import type {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {CHECKPOINTS, type InputRow, type JobModel, type SourceModel} from './job-model.ts';

export interface Ancestor {
  readonly lineage: string;
  readonly checkpointId: number;
}

export interface LineageFacts {
  readonly lineage: string;
  /** Oldest first. */
  readonly ancestors: readonly Ancestor[];
  /** What it began from; null: nothing. */
  readonly origin: {readonly path: string; readonly claimed: boolean} | null;
}

export interface CheckpointOnDisk {
  readonly id: number;
  readonly lineage: string;
  readonly generation: number;
  readonly drained: boolean;
  /** Drained on request: its input was not at the end. */
  readonly stopDrained: boolean;
  /** Steps whose input had ended at all subtasks: what goes out at the end has gone out. */
  readonly flushed: ReadonlySet<string>;
  /** Steps of whose subtasks some had come to their end, and others not. */
  readonly flushing: ReadonlySet<string>;
  /** In-flight rows may be neither behind the positions nor in the output. */
  readonly unaligned: boolean;
  /** Some of its state is a delta of an earlier checkpoint's. */
  readonly deltas: boolean;
  /** Of these, some are rows on top of what another checkpoint wrote. */
  readonly chained: boolean;
  /** It holds rows that were on their way between two tasks. */
  readonly inFlight: boolean;
  /** The rows behind its positions, of all sources. */
  readonly rowsBehind: readonly InputRow[];
}

export interface PartFacts {
  readonly path: string;
  readonly sink: string;
  readonly lineage: string;
  readonly checkpointId: number;
  /** Sorts parts of one checkpoint by when they were begun. */
  readonly order: string;
}

const PART =
  /^\/job\/(?:beside\/)?out\/[^/]+\/(sim\.([a-z-]+)\.([0-9a-f]{16})\.c(\d+)-(g\d+-s\d+-\d+)\.ndjson)$/;

export function parsePart(path: string): PartFacts | null {
  const match = PART.exec(path);
  if (match === null) return null;
  const [, , sink, lineage, id, order] = match;
  return {path, sink: sink!, lineage: lineage!, checkpointId: Number(id), order: order!};
}

/** `/job/state/sim/chk-7` → 7; null: no published checkpoint. */
export function checkpointIdOf(path: string, directory = CHECKPOINTS): number | null {
  if (!path.startsWith(`${directory}/chk-`)) return null;
  const id = Number(path.slice(`${directory}/chk-`.length));
  return Number.isInteger(id) ? id : null;
}

export function publishedIds(disk: MemoryFileSystem, directory = CHECKPOINTS): readonly number[] {
  return disk
    .namesIn(directory)
    .flatMap((name) => checkpointIdOf(`${CHECKPOINTS}/${name}`) ?? [])
    .sort((left, right) => left - right);
}

/** Absolute paths of the files in shared/ that checkpoint `id` needs, as its SHA256SUMS names them. */
export function sharedFilesOf(
  disk: MemoryFileSystem,
  id: number,
  directory = CHECKPOINTS,
): readonly string[] {
  const path = `${directory}/chk-${id}/SHA256SUMS`;
  const names = disk
    .contentOf(path)
    .toString()
    .matchAll(/ {2}\.\.\/(shared\/.*)$/gm);
  return [...names].map(([, name]) => `${directory}/${name}`);
}

/** All that lies in shared/. */
export function sharedFiles(
  disk: MemoryFileSystem,
  directory = CHECKPOINTS,
): ReturnType<MemoryFileSystem['filesBelow']> {
  const hasShared = disk.namesIn(directory).includes('shared');
  return hasShared ? disk.filesBelow(`${directory}/shared`) : [];
}

/** The highest generation with a record; 0: none. */
export function newestGeneration(disk: MemoryFileSystem, directory = CHECKPOINTS): number {
  const records = disk.namesIn(`${directory}/owner`).filter((name) => /^\d{10}$/.test(name));
  return Math.max(0, ...records.map(Number));
}

/** What the newest generation that runs works on; null: none has begun. */
export function newestLineage(
  disk: MemoryFileSystem,
  directory = CHECKPOINTS,
): LineageFacts | null {
  const name = lineageRecords(disk, directory).at(-1);
  return name === undefined ? null : readLineage(disk, `${directory}/owner/${name}`);
}

/** How the newest generation of a lineage ended; null: it did not. */
export function endOf(
  disk: MemoryFileSystem,
  lineage: string,
  directory = CHECKPOINTS,
): string | null {
  const last = generationsOf(disk, lineage, directory).at(-1);
  return endAt(disk, `${directory}/owner/${last ?? ''}.end`);
}

/** What an end record says; null: it is not there. */
export function endAt(disk: MemoryFileSystem, path: string): string | null {
  const at = path.lastIndexOf('/');
  const [directory, name] = [path.slice(0, at), path.slice(at + 1)];
  const names = disk.namesIn(directory);
  // A generation that was taken to prune another directory ends well, however the run does.
  const isThere = names.includes(name) && names.includes(name.replace('.end', '.lineage'));
  return isThere ? String(jsonOf(disk, path)['how']) : null;
}

export function endedOnPurpose(how: string | null): boolean {
  return ['finished', 'cancelled', 'stopped'].includes(how ?? '');
}

/** Of a lineage, as their records are called, in order. */
export function generationsOf(
  disk: MemoryFileSystem,
  lineage: string,
  directory = CHECKPOINTS,
): readonly string[] {
  return lineageRecords(disk, directory)
    .filter((name) => readLineage(disk, `${directory}/owner/${name}`).lineage === lineage)
    .map((name) => name.slice(0, 10));
}

/** Every lineage that has a record. */
export function allLineages(
  disk: MemoryFileSystem,
  directory = CHECKPOINTS,
): readonly LineageFacts[] {
  const all = lineageRecords(disk, directory).map((name) =>
    readLineage(disk, `${directory}/owner/${name}`),
  );
  return [...new Map(all.map((each) => [each.lineage, each])).values()];
}

function lineageRecords(disk: MemoryFileSystem, directory: string): readonly string[] {
  return disk
    .namesIn(`${directory}/owner`)
    .filter((name) => /^\d{10}\.lineage$/.test(name))
    .sort();
}

export function readLineage(disk: MemoryFileSystem, path: string): LineageFacts {
  const record = jsonOf(disk, path);
  const ancestors = record['ancestors'] as {lineage: string; checkpoint_id: number}[];
  const origin = record['origin'] as {kind: string; path: string; claimed: boolean};
  return {
    lineage: record['lineage'] as string,
    origin: origin.kind === 'fresh' ? null : {path: origin.path, claimed: origin.claimed},
    ancestors: ancestors.map(({lineage, checkpoint_id}) => ({
      lineage,
      checkpointId: checkpoint_id,
    })),
  };
}

const read = new WeakMap<Buffer, CheckpointOnDisk>();

export function readCheckpointOnDisk(
  disk: MemoryFileSystem,
  job: JobModel,
  id: number,
  directory = CHECKPOINTS,
): CheckpointOnDisk {
  const bytes = disk.dataOf(`${directory}/chk-${id}/_metadata`);
  const checkpoint = read.get(bytes) ?? checkpointFrom(bytes, job, id);
  read.set(bytes, checkpoint);
  return checkpoint;
}

function checkpointFrom(bytes: Buffer, job: JobModel, id: number): CheckpointOnDisk {
  const metadata = JSON.parse(bytes.toString()) as Record<string, unknown>;
  const operators = metadata['operators'] as OperatorJson[];
  return {
    id,
    lineage: metadata['lineage'] as string,
    generation: metadata['generation'] as number,
    drained: metadata['drained'] === true,
    stopDrained: metadata['drained'] === true && metadata['purpose'] === 'stop',
    flushed: new Set(operators.filter((it) => endedCount(it) === it.subtasks.length).map(uidOf)),
    flushing: new Set(operators.filter((it) => endedCount(it) > 0).map(uidOf)),
    unaligned: metadata['unaligned'] === true,
    deltas: metadata['incremental'] === true,
    chained: (metadata['required_features'] as readonly string[]).includes('state-deltas'),
    inFlight: operators.some(({subtasks}) =>
      subtasks.some(({states}) => states.some(({kind}) => kind === 'channel')),
    ),
    rowsBehind: job.sources.flatMap((source) => {
      const operator = operators.find(({uid}) => uid === source.uid);
      const states = operator?.subtasks.flatMap((subtask) => subtask.states) ?? [];
      const values = states.flatMap((state) => (state.kind === 'position' ? [state.value] : []));
      return rowsBehind(source, values);
    }),
  };
}

interface OperatorJson {
  readonly uid: string;
  readonly subtasks: readonly {
    readonly states: readonly StateJson[];
  }[];
}

interface StateJson {
  readonly kind: string;
  readonly name: string;
  readonly value: PositionJson;
}

function endedCount({subtasks}: OperatorJson): number {
  return subtasks.filter(({states}) => states.some(({name}) => name === 'input-ended')).length;
}

function uidOf({uid}: OperatorJson): string {
  return uid;
}

interface PositionJson {
  readonly shares?: {readonly plan: PositionJson | null} | null;
  readonly positions?: readonly {readonly split: number; readonly rows: number}[];
  readonly finished?: readonly {readonly path: string}[];
  readonly splits?:
    number | readonly {readonly path: string; readonly open: {readonly offset: number} | null}[];
}

function rowsBehind(source: SourceModel, values: readonly PositionJson[]): readonly InputRow[] {
  if (source.kind === 'generator') {
    const made = new Map(
      values.flatMap(({positions}) => (positions ?? []).map(({split, rows}) => [split, rows])),
    );
    return source.rows.filter(
      (_, row) => Math.floor(row / source.splits) < (made.get(row % source.splits) ?? 0),
    );
  }
  const offsets = new Map<string, number>();
  const take = ({finished, splits}: PositionJson): void => {
    for (const {path} of finished ?? []) offsets.set(path, Infinity);
    if (typeof splits !== 'object') return;
    for (const {path, open} of splits) offsets.set(path, open?.offset ?? 0);
  };
  // What a subtask lists itself says more than the plan that it began with.
  for (const {shares} of values) if (shares?.plan) take(shares.plan);
  for (const value of values) take(value);
  return source.files.flatMap(({path, rows, ends}) => {
    const offset = offsets.get(path) ?? 0;
    return rows.filter((_, row) => ends[row]! <= offset);
  });
}

function jsonOf(disk: MemoryFileSystem, path: string): Record<string, unknown> {
  return JSON.parse(disk.contentOf(path).toString()) as Record<string, unknown>;
}
