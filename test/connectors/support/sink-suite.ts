// What a sink of files promises (RELIABILITY part 3), on a disk that forgets what was not synced: the
// power fails at any point of a run, or any one call of the file system fails; recovery settles from the
// checkpoints that were published by then, a new generation makes the rest, and every row is in the
// final files exactly once. Files of others are never touched.

import {expect} from 'vitest';
import type {StateHandle} from '#src/checkpoint/checkpoint-metadata.js';
import {parsePartName} from '#src/connectors/file/part-names.js';
import {readCommittables} from '#src/connectors/file/prepared-part.js';
import {listParts, removeTemporaries, settleSink} from '#src/connectors/file/settle.js';
import {fileSink} from '#src/connectors/file/sink.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.ts';
import {LINEAGE, putFile, sinkSpec, testContext} from './context.ts';

export const TYPES = {id: BIGINT, name: STRING};
export const DIRECTORY = '/job/out/deep';
export const EPOCHS = 3;
const ROWS_PER_EPOCH = 5;

/** A checkpoint, from the moment at which it exists. */
export interface Published {
  readonly checkpointId: number;
  readonly states: readonly StateHandle[];
  /** In the log of the disk. */
  readonly position: number;
  readonly generation: number;
}

export const OTHERS = new Map([
  [`${DIRECTORY}/notes.txt`, 'mine'],
  [`${DIRECTORY}/other.out.${LINEAGE}.c000001-g000001-s000-000000.ndjson`, 'of another job'],
  [`${DIRECTORY}/.my.job-1.other.${LINEAGE}.g000001-s000-000000.ndjson.inprogress`, 'another sink'],
  [`${DIRECTORY}/.my.job-1.out.00000000000000bb.g000001-s000-000000.ndjson.inprogress`, 'lineage'],
]);

export async function newDisk(withOthers: boolean): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/job.yaml', 'name: my.job-1');
  if (withOthers) for (const [path, content] of OTHERS) await putFile(files, path, content);
  files.settle();
  return files;
}

export function batchOf(ids: readonly number[]): RecordBatch {
  const fields = Object.entries(TYPES).map(([name, type]) => ({name, type}));
  const builder = new BatchBuilder({fields});
  for (const id of ids) builder.appendRow([BigInt(id), `row ${id}`]);
  return builder.build();
}

export function rowsOfEpoch(checkpointId: number): number[] {
  return Array.from({length: ROWS_PER_EPOCH}, (_unused, row) => checkpointId * 10 + row);
}

export interface Run {
  readonly files: MemoryFileSystem;
  readonly generation: number;
  /** The first epoch that is still to be made. */
  readonly from: number;
  readonly published: Published[];
  /** Told to the sink after its epoch was prepared: the next one carries it. */
  readonly aborted?: ReadonlySet<number>;
}

/** Writes the epochs that are missing, with a checkpoint after each. */
export async function runSink(run: Run): Promise<void> {
  const {files, generation, published} = run;
  const options = {path: 'out/deep', format: 'json', 'roll-size': 60};
  const writer = fileSink.create(
    sinkSpec(options, TYPES),
    testContext({files, generation, uid: 'out'}),
  );
  try {
    await writer.open();
    for (let epoch = run.from; epoch <= EPOCHS; epoch += 1) {
      for (const id of rowsOfEpoch(epoch)) {
        writer.write(batchOf([id]));
        await writer.flow();
      }
      const states = await writer.prepare(epoch);
      if (run.aborted?.has(epoch) === true) {
        await writer.abort(epoch);
        continue;
      }
      const position = files.log.length;
      published.push({checkpointId: epoch, states, position, generation});
      await writer.commit(epoch);
    }
  } finally {
    await writer.close();
  }
}

/** What recovery does before a new generation is deployed. */
export async function recover(files: FileSystem, newest: Published | undefined): Promise<void> {
  const owner = {job: 'my.job-1', sink: 'out'};
  const selection = {files, directory: DIRECTORY, ...owner};
  const committables = (newest?.states ?? []).map((state) => ({
    sink: 'out',
    ...readCommittables(JSON.parse(JSON.stringify(state)) as StateHandle, owner),
  }));
  await settleSink({files, committables});
  const lineages = new Set([LINEAGE]);
  await removeTemporaries({...selection, lineages, except: new Set(), generation: 9});
}

/** The ids in the final files of our sink, sorted. */
export async function committedIds(files: MemoryFileSystem): Promise<number[]> {
  const selection = {files, directory: DIRECTORY, job: 'my.job-1', sink: 'out'};
  const ids: number[] = [];
  for (const {name} of await listParts(selection)) {
    const text = files.contentOf(`${DIRECTORY}/${name}`).toString();
    for (const line of text.trimEnd().split('\n')) ids.push((JSON.parse(line) as {id: number}).id);
  }
  return ids.sort((left, right) => left - right);
}

export function idsUpTo(checkpointId: number): number[] {
  return Array.from({length: checkpointId}, (_unused, index) => rowsOfEpoch(index + 1)).flat();
}

/** Visible parts are whole, and of published epochs, at any instant. */
export async function expectWholeParts(
  files: MemoryFileSystem,
  newest: Published | undefined,
): Promise<void> {
  const ids = await committedIds(files);
  expect(new Set(ids).size).toBe(ids.length);
  const allowed = new Set(idsUpTo(newest?.checkpointId ?? 0));
  expect(ids.filter((id) => !allowed.has(id))).toEqual([]);
}

/** After recovery and a second run: everything once, no temporary of ours, others as they were. */
export async function expectExactlyOnce(
  files: MemoryFileSystem,
  newest: Published | undefined,
  withOthers: boolean,
): Promise<void> {
  await recover(files, newest);
  expect(await committedIds(files)).toEqual(idsUpTo(newest?.checkpointId ?? 0));
  const from = (newest?.checkpointId ?? 0) + 1;
  const generation = (newest?.generation ?? 1) + 1;
  await runSink({files, generation, from, published: []});
  expect(await committedIds(files)).toEqual(idsUpTo(EPOCHS));
  const names = [...files.snapshot().keys()].filter((path) => path.startsWith(`${DIRECTORY}/`));
  const foreign = names.filter((path) => {
    const part = parsePartName(path.slice(DIRECTORY.length + 1));
    return part?.job !== 'my.job-1';
  });
  expect(foreign.sort()).toEqual(withOthers ? [...OTHERS.keys()].sort() : []);
  if (!withOthers) return;
  for (const [path, content] of OTHERS) expect(files.contentOf(path).toString()).toBe(content);
}
