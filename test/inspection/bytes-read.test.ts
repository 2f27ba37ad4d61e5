// Promise: what reads the rows of a checkpoint reads each of its bytes a few times, in however many parts it has to be looked at:
// how often does not grow with its size. Who asks for one key, or for some rows, reads a part of it.

import {beforeAll, describe, expect, test} from 'vitest';

import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {diffStates} from '#src/inspection/state/diff-states.js';
import {readTable, TableReader} from '#src/inspection/state/read-states.js';
import {stateTables} from '#src/inspection/state/state-tables.js';
import {verifyRows} from '#src/inspection/verify-rows.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {counting} from '../state/support/counting-files.ts';
import {MAX_PARALLELISM, Running, type Key} from '../state/support/incremental.ts';
import {nowhere} from './support/state-text.ts';

/** Some chunks of state files, each of all key groups. */
const ROWS = 180_000;
const CHANGED = 20_000;
/** A key group of the base has about 1 MiB: it is a part of its own. */
const SLICE_BYTES = 1024 * 1024;

interface Stored {
  readonly files: FileSystem;
  readonly directory: string;
  readonly metadata: CheckpointMetadata;
  readonly states: readonly FileState[];
  readonly bytes: number;
}

async function stored(incremental: boolean): Promise<Stored> {
  const running = new Running({incremental, deltasMax: 10});
  const keys = Array.from({length: ROWS}, (_, at): Key => [`word ${at % 500}`, BigInt(at)]);
  await running.update(keys, 'before');
  if (incremental) {
    running.complete(await running.snapshot());
    await running.update(keys.slice(0, CHANGED), 'after');
  }
  const taken = await running.snapshot();
  running.complete(taken);
  const {id, states} = taken;
  const subtasks = [{index: 0, states, watermark: null}];
  const operator = {uid: 'op', type: 'aggregate', parallelism: 1, maxParallelism: MAX_PARALLELISM};
  const metadata = {operators: [{...operator, subtasks}]} as unknown as CheckpointMetadata;
  const bytes = states.reduce((sum, {length}) => sum + length, 0);
  return {files: running.files, directory: `/chk-${id}`, metadata, states, bytes};
}

describe.each([
  ['a chain with deltas', true],
  ['one file', false],
] as const)('%s', (_, incremental) => {
  let state: Stored;
  const tableOf = ({metadata, directory}: Stored) => stateTables(metadata, directory)[0]!;

  beforeAll(async () => {
    state = await stored(incremental);
    expect(state.states).toHaveLength(incremental ? 2 : 1);
    expect(state.bytes).toBeGreaterThan(8 * SLICE_BYTES);
  });

  test('is read for all its rows, some key groups at a time', async () => {
    const {files, bytes} = counting(state.files);
    const {directory} = state;
    const options = {files, directory, sliceBytes: SLICE_BYTES};
    let rowCount = 0;
    for await (const rows of readTable(tableOf(state), options)) rowCount += rows.rowCount;
    expect(rowCount).toBe(ROWS);
    expect(bytes() / state.bytes).toBeLessThan(2.5);
  });

  test('is read for all its rows, one key group after another', async () => {
    const {files, bytes} = counting(state.files);
    const {directory} = state;
    let told = 0;
    const reader = new TableReader(tableOf(state), {
      ...{files, directory, sliceBytes: SLICE_BYTES},
      onRead: (count) => (told += count),
    });
    let rowCount = 0;
    for (let group = 0; group < MAX_PARALLELISM; group += 1) {
      for await (const rows of reader.rows({start: group, end: group})) rowCount += rows.rowCount;
    }
    expect(rowCount).toBe(ROWS);
    expect(bytes() / state.bytes).toBeLessThan(2.5);
    expect(told).toBe(state.bytes);
  });

  test('is verified', async () => {
    const {files, bytes} = counting(state.files);
    const {directory, metadata} = state;
    const told: number[] = [];
    const {rows} = await verifyRows({
      ...{files, directory, metadata, level: 'decode', place: nowhere},
      ...{keysAtOnce: ROWS / 8, sound: new Set(state.states.map(({path}) => path))},
      onFinding: ({message}) => expect.unreachable(message),
      isStopped: () => false,
      onRead: (count) => told.push(count),
    });
    expect(rows).toBe(ROWS);
    // Each byte once, little by little.
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(state.bytes);
    expect(Math.max(...told) / state.bytes).toBeLessThan(0.3);
    expect(bytes() / state.bytes).toBeLessThan(3.5);
  });

  test('is compared with itself', async () => {
    const {files, bytes} = counting(state.files);
    const {directory} = state;
    const side = {tables: [tableOf(state)], place: {files, directory}};
    const options = {from: side, to: side, rowsMax: 10, sliceBytes: 2 * SLICE_BYTES};
    expect(await diffStates(options)).toMatchObject({keysAdded: 0, keysRemoved: 0, keysChanged: 0});
    expect(bytes() / (2 * state.bytes)).toBeLessThan(2.5);
  });

  test('is opened once for key groups that fit into memory', async () => {
    const {files, opens} = counting(state.files);
    const {directory} = state;
    const options = {files, directory, sliceBytes: 0.6 * state.bytes};
    const range = {start: 0, end: MAX_PARALLELISM / 2 - 1};
    let rowCount = 0;
    for await (const rows of readTable(tableOf(state), {...options, range}))
      rowCount += rows.rowCount;
    expect(rowCount).toBeGreaterThan(ROWS / 4);
    expect(opens()).toBe(state.states.length);
  });

  test('is read in part for one key group, and for the first rows', async () => {
    const {files, bytes} = counting(state.files);
    const {directory} = state;
    const options = {files, directory, sliceBytes: SLICE_BYTES};
    const range = {start: 3, end: 3};
    for await (const rows of readTable(tableOf(state), {...options, range})) {
      expect(rows.rowCount).toBeGreaterThan(0);
    }
    expect(bytes() / state.bytes).toBeLessThan(0.8);
    const before = bytes();
    for await (const rows of readTable(tableOf(state), options)) {
      expect(rows.rowCount).toBeGreaterThan(0);
      break;
    }
    expect((bytes() - before) / state.bytes).toBeLessThan(0.8);
  });
});
