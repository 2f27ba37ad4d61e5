// What a restore makes of the state of an operator: each subtask's, at the parallelism of the checkpoint, in a state backend; and
// what a snapshot of that holds.

import type {KeyGroupRange} from '../base/key-groups.ts';
import {keyGroupRangeOf} from '../base/key-groups.ts';
import type {
  CheckpointMetadata,
  FileState,
  OperatorMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import {HashmapBackend} from '../state/hashmap/hashmap-backend.ts';
import {InProcessWriter} from '../state/snapshot-writer.ts';
import type {TableSpec} from '../state/state-backend.ts';
import {removeTree} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {openDatabase, type RestorePlace} from './open-database.ts';
import {readTable} from './state/read-states.ts';
import {RowDigest, type RowTexts} from './state/row-digest.ts';
import {stateTables} from './state/state-tables.ts';

export interface RestoreRequest {
  readonly files: FileSystem;
  readonly directory: string;
  readonly metadata: CheckpointMetadata;
  readonly place: RestorePlace;
}

/** By `<operator>.<state>`: the rows of the snapshot. */
export async function restoredDigests(
  operator: OperatorMetadata,
  texts: RowTexts,
  request: RestoreRequest,
): Promise<ReadonlyMap<string, RowDigest>> {
  const {uid, parallelism, maxParallelism} = operator;
  const {files, directory, metadata, place} = request;
  const alone = {...metadata, operators: [operator]};
  const specs = new Map(
    stateTables(alone, directory).map(({state, shape}) => [state, shape.spec] as const),
  );
  const digests = new Map<string, RowDigest>();
  for (let index = 0; index < parallelism; index += 1) {
    const scratch = await place.makeDirectory();
    try {
      const keyGroups = keyGroupRangeOf(index, parallelism, maxParallelism);
      const states = await snapshotOf(operator, request, {scratch, keyGroups, specs});
      const subtasks = [{index, states, watermark: null}];
      const taken = {...metadata, operators: [{...operator, subtasks}]};
      for (const table of stateTables(taken, scratch)) {
        const name = `${uid}.${table.state}`;
        const digest = digests.get(name) ?? new RowDigest(texts);
        digests.set(name, digest);
        for await (const rows of readTable(table, {files, directory: scratch})) {
          digest.add(rows);
        }
      }
    } finally {
      await removeTree(files, scratch);
    }
  }
  return digests;
}

async function snapshotOf(
  {uid, maxParallelism, subtasks}: OperatorMetadata,
  {files, directory, place}: RestoreRequest,
  {
    scratch,
    keyGroups,
    specs,
  }: {
    readonly scratch: string;
    readonly keyGroups: KeyGroupRange;
    readonly specs: ReadonlyMap<string, TableSpec>;
  },
): Promise<readonly FileState[]> {
  const backend = new HashmapBackend({
    ...{uid, subtask: 0, maxParallelism, keyGroups, files},
    restored: subtasks,
    restoredDirectory: directory,
    compression: 'none',
    incremental: null,
    writer: new InProcessWriter(files),
    openStored: async (stored) => openDatabase(stored, uid, {files, directory, place}),
  });
  try {
    for (const spec of specs.values()) await backend.openTable(spec);
    return await backend.snapshot({checkpointId: 1, directory: scratch});
  } finally {
    await backend.close();
  }
}
