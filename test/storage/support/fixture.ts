// A job directory on a disk in memory, and the steps of a run as one-liners.

import type {Clock, Timers} from '#src/base/clock.js';
import type {ProcessIdentity, ProcessSighting} from '#src/base/process-identity.js';
import {SeededRandom} from '#src/base/random.js';
import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {PublishedCheckpoint} from '#src/storage/attempt.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {takeOver, type Ownership} from '#src/storage/job-directory.js';
import type {ProcessTable} from '#src/storage/process-table.js';
import {writeStateFile} from '#src/storage/state-file-writer.js';

export const JOB = 'flights';
export const JOB_DIRECTORY = `/data/checkpoints/${JOB}`;
export const LINEAGE = '00112233aabbccdd';

/** Time passes when somebody waits for it. */
export class FakeTime implements Clock, Timers {
  now = 1_700_000_000_000;
  monotonicMillis(): number {
    return this.now;
  }
  wallMillis(): number {
    return this.now;
  }
  after(millis: number, action: () => void): {cancel(): void} {
    let cancelled = false;
    setImmediate(() => {
      if (cancelled) return;
      this.now += millis;
      action();
    });
    return {cancel: () => (cancelled = true)};
  }
  async yield(): Promise<void> {
    return Promise.resolve();
  }
}

export const HERE: ProcessIdentity = {
  host: 'one',
  bootId: 'boot-1',
  pidNamespace: 'pid:[1]',
  pid: 100,
  startTime: '5000',
};

export function processTable(
  self: ProcessIdentity = HERE,
  look: (pid: number) => ProcessSighting = () => ({kind: 'gone'}),
): ProcessTable {
  return {self: () => self, look};
}

export interface StartOptions {
  readonly directory?: string;
  readonly processes?: ProcessTable;
  readonly takeOver?: boolean;
  readonly seed?: number;
  readonly time?: FakeTime;
  readonly kind?: 'run' | 'prune';
}

let seeds = 1;

export async function start(files: FileSystem, options: StartOptions = {}): Promise<Ownership> {
  const time = options.time ?? new FakeTime();
  seeds += 1;
  return takeOver({
    files,
    clock: time,
    timers: time,
    random: new SeededRandom(options.seed ?? seeds),
    processes: options.processes ?? processTable(),
    jobDirectory: options.directory ?? JOB_DIRECTORY,
    kind: options.kind ?? 'run',
    takeOver: options.takeOver ?? false,
  });
}

export async function beginFresh(owner: Ownership, lineage = LINEAGE): Promise<void> {
  await owner.beginLineage({lineage, origin: {kind: 'fresh'}, ancestors: [], outputAhead: null});
}

/** Two operators, one state file each of `stateBytes`, one inline state. */
export async function publish(
  files: FileSystem,
  owner: Ownership,
  checkpointId: number,
  stateBytes = 40,
): Promise<PublishedCheckpoint> {
  const attempt = await owner.beginAttempt(checkpointId);
  const states = await writeStates(files, attempt.directory, checkpointId, stateBytes);
  return attempt.publish(metadataOf(owner, checkpointId, states));
}

export async function writeStates(
  files: FileSystem,
  directory: string,
  checkpointId: number,
  stateBytes: number,
): Promise<readonly FileState[]> {
  const states: FileState[] = [];
  for (const [index, uid] of ['count', 'sum'].entries()) {
    await files.makeDirectory(`${directory}/${uid}`);
    const path = `${uid}/0.keyed`;
    const content = Buffer.alloc(stateBytes);
    for (let at = 0; at < stateBytes; at += 1)
      content[at] = (at * 7 + checkpointId * 31 + index * 101) & 255;
    const summary = await writeStateFile(files, `${directory}/${path}`, async (append) => {
      await append(content.subarray(0, stateBytes >> 1));
      await append(content.subarray(stateBytes >> 1));
    });
    states.push({
      location: 'file',
      name: 'keyed',
      kind: 'keyed',
      codecVersion: 1,
      keyGroups: {start: 0, end: 127},
      path,
      ...summary,
      description: {rows: 2},
    });
  }
  return states;
}

export function metadataOf(
  owner: {readonly generation: number; readonly runId: string},
  checkpointId: number,
  states: readonly FileState[],
): CheckpointMetadata {
  return {
    format: {major: 1, minor: 0},
    engine: '0.1.0',
    requiredFeatures: [],
    jobName: JOB,
    jobHash: 'ab'.repeat(32),
    checkpointId,
    kind: 'checkpoint',
    purpose: 'periodic',
    lineage: LINEAGE,
    ancestors: [],
    runId: owner.runId,
    generation: owner.generation,
    parent: null,
    unaligned: false,
    incremental: false,
    compression: 'none',
    drained: false,
    savepointTarget: null,
    triggered: 1_700_000_000_000,
    completed: 1_700_000_000_020,
    operators: [
      {
        uid: 'flights',
        type: 'source:file',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [
          {
            index: 0,
            watermark: 1_600_000_000_000,
            states: [
              {
                location: 'inline',
                name: 'splits',
                kind: 'position',
                codecVersion: 1,
                value: {open: [{path: 'a.json', offset: 17}], unread: []},
              },
            ],
          },
        ],
      },
      ...states.map((state) => ({
        uid: state.path.split('/')[0] ?? '',
        type: 'aggregate',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [{index: 0, watermark: null, states: [state]}],
      })),
    ],
  };
}

/** Copies a small tree from one file system to another; a test's preparation, so it syncs nothing. */
export async function copyTree(
  from: FileSystem,
  source: string,
  to: FileSystem,
  target: string,
): Promise<void> {
  await to.makeDirectory(target);
  for (const {name, kind} of await from.list(source)) {
    if (kind === 'directory') await copyTree(from, `${source}/${name}`, to, `${target}/${name}`);
    else await writeFile(to, `${target}/${name}`, await readFile(from, `${source}/${name}`));
  }
}

export async function readFile(files: FileSystem, path: string): Promise<Buffer> {
  const handle = await files.openForRead(path);
  const {size} = await handle.status();
  const bytes = Buffer.alloc(size);
  await handle.read(bytes, 0, size, 0);
  await handle.close();
  return bytes;
}

export async function writeFile(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await files.createNew(path);
  await handle.append(bytes);
  await handle.close();
}
