// Promise: a canonical state file holds what the backend's own file held, restores to the same table whatever the key
// groups, types and slices were, has the bytes that FORMAT.md shows, and is refused when it is damaged or forged.
import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {
  BIGINT,
  BOOLEAN,
  BYTES,
  DATE,
  decimal,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
} from '#src/records/data-type.js';
import {readValue, type Value} from '#src/records/value.js';
import {ByteSink} from '#src/state/canonical/byte-sink.js';
import {restoreCanonical} from '#src/state/canonical/canonical-reader.js';
import {convertSnapshot, type ConversionRequest} from '#src/state/canonical/convert-snapshot.js';
import {decodeKey, encodeKey} from '#src/state/canonical/key-codec.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {FREEZES_MAX} from '#src/state/hashmap/page-guard.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import {noDatabase} from './support/no-database.ts';
import {MemoryFiles} from './support/memory-files.ts';
import {
  MAX_PARALLELISM,
  stateBackendSuite,
  type BackendRequest,
} from './support/state-backend-suite.ts';

const COMPRESSIONS = ['none', 'gzip', 'brotli'] as const;

/** Restores from canonical copies of what it is given. */
class ThroughCanonical {
  readonly #request: BackendRequest;
  #backend: HashmapBackend;

  constructor(request: BackendRequest) {
    this.#request = request;
    this.#backend = this.#make([]);
  }

  async openTable(spec: TableSpec): Promise<KeyedTable> {
    const {files, restored} = this.#request;
    const converted: FileState[] = [];
    for (const state of restored) {
      files.content.delete(`/canonical/${state.path}`);
      const [sourceDirectory, targetDirectory] = ['/restored', '/canonical'];
      const targetPath = state.path;
      const states = [state];
      const to = {targetDirectory, targetPath, compression: COMPRESSIONS[state.length % 3]!};
      const request = {states, sourceDirectory, ...to, sliceBytes: 3000};
      converted.push(await convertSnapshot(files, request));
    }
    if (this.#backend.sizeBytes() === 0) this.#backend = this.#make(converted);
    return this.#backend.openTable(spec);
  }

  get inner(): HashmapBackend {
    return this.#backend;
  }

  #make(states: readonly FileState[]): HashmapBackend {
    const {files, keyGroups} = this.#request;
    return new HashmapBackend({
      uid: 'test',
      subtask: 0,
      maxParallelism: MAX_PARALLELISM,
      keyGroups,
      restored: states.length === 0 ? [] : [{index: 0, states, watermark: null}],
      restoredDirectory: states.length === 0 ? null : '/canonical',
      files,
      writer: new InProcessWriter(files),
      openStored: noDatabase,
      compression: 'gzip',
      incremental: null,
    });
  }
}

stateBackendSuite(
  'restored from canonical files',
  (request): StateBackend => {
    const through = new ThroughCanonical(request);
    return {
      maxParallelism: MAX_PARALLELISM,
      keyGroups: request.keyGroups,
      openTable: async (spec) => through.openTable(spec),
      snapshot: async (target) => through.inner.snapshot(target),
      abortSnapshot: (id) => through.inner.abortSnapshot(id),
      checkpointCompleted: (id) => through.inner.checkpointCompleted(id),
      checkpointAborted: (id) => through.inner.checkpointAborted(id),
      sizeBytes: () => through.inner.sizeBytes(),
      close: async () => through.inner.close(),
    };
  },
  () => new MemoryFiles(),
  {atOnce: FREEZES_MAX},
);

const EVERY_TYPE = [BOOLEAN, INT, DATE, BIGINT, decimal(18, 2), TIMESTAMP, DOUBLE, STRING, BYTES];
const SPEC: TableSpec = {
  name: 'every',
  key: EVERY_TYPE.map((type, index) => ({name: `k${index}`, type})),
  keyGroupColumns: EVERY_TYPE.length,
  values: [
    {name: 'f', kind: 'float64'},
    {name: 'i', kind: 'int64'},
    {name: 'b', kind: 'bytes'},
    {name: 'flag', kind: 'flag'},
  ],
};
const RANGE = {start: 0, end: 127};

const INT32 = fc.integer({min: -(2 ** 31), max: 2 ** 31 - 1});
const INT64 = fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n});
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, {freq: 5});
const aKey: fc.Arbitrary<readonly Value[]> = fc.tuple(
  ...[orNull(fc.boolean()), orNull(INT32), orNull(INT32), orNull(INT64), orNull(INT64)],
  orNull(fc.integer({min: -8.64e15, max: 8.64e15})),
  orNull(fc.double()),
  orNull(fc.string({unit: 'grapheme', maxLength: 20})),
  orNull(fc.uint8Array({maxLength: 20})),
);

function tableOf(
  spec: TableSpec,
  keys: readonly (readonly Value[])[],
): {table: HashTable; rows: Int32Array} {
  const table = new HashTable(spec, 128, 'op');
  const builder = new BatchBuilder({fields: spec.key});
  for (const key of keys) builder.appendRow(key);
  const rows = new Int32Array(keys.length);
  table.resolve(builder.build().columns, null, 0, keys.length, rows);
  return {table, rows};
}

async function written(files: MemoryFiles, table: HashTable): Promise<FileState> {
  return new InProcessWriter(files).call({
    checkpointId: 1,
    directory: '/chk-1',
    uid: 'op',
    subtask: 0,
    spec: table.spec,
    keyGroups: RANGE,
    maxParallelism: 128,
    table: table.freeze(),
    compression: 'none',
    delta: null,
    shared: false,
    control: new SharedArrayBuffer(4),
  });
}

async function converted(
  files: MemoryFiles,
  state: FileState,
  {sliceBytes, compression = 'none'}: Partial<ConversionRequest> = {},
): Promise<Uint8Array> {
  files.content.delete(`/sp/${state.path}`);
  await convertSnapshot(files, {
    states: [state],
    sourceDirectory: '/chk-1',
    targetDirectory: '/sp',
    targetPath: state.path,
    ...{sliceBytes, compression},
  });
  return files.content.get(`/sp/${state.path}`)!;
}

async function restore(spec: TableSpec, bytes: Uint8Array, range = RANGE): Promise<HashTable> {
  const files = new MemoryFiles();
  files.content.set('/sp/x', bytes);
  const table = new HashTable(spec, 128, 'op');
  await restoreCanonical(files, '/sp/x', table, range, 128);
  return table;
}

/** Every row as text. */
function rowsOf(table: HashTable): string[] {
  const rows = Int32Array.from({length: table.rowCount}, (_, row) => row).filter((row) =>
    table.isLive(row),
  );
  const columns = table.spec.key.map((_, index) => table.readKey(index, rows, 0, rows.length));
  const {ints, floats, wides} = table.memory();
  const {rowInts, rowWords, slots} = table.shape;
  return [...rows]
    .map((row, at) => {
      const key = table.spec.key.map(({type}, index) => readValue(type, columns[index]!, at));
      const values = slots.map((slot) => {
        const flags = ints[row * rowInts + slot.flagInt]!;
        const set = (flags & slot.setMask) !== 0;
        if (slot.kind === 'flag') return [set];
        const at = row * rowWords + slot.word;
        if (slot.kind === 'float64') return [set, floats[at]];
        if (slot.kind === 'int64')
          return [set, (flags & slot.wideMask) === 0 ? BigInt(floats[at]!) : wides[at]];
        const start = table.bytesStart(row, slot);
        return set
          ? [set, table.arena().slice(start, start + table.bytesLength(row, slot))]
          : [set];
      });
      return [...key, values]
        .map((value) => (Object.is(value, -0) ? '0' : JSON.stringify(value, textOf)))
        .join(' ');
    })
    .sort();
}

function textOf(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

describe('canonical state file', () => {
  it('holds what the state file of the backend held, whatever the slices and key groups are', async () => {
    const aRow = fc.record({
      key: aKey,
      float: orNull(fc.double()),
      unset: fc.double(),
      int: orNull(INT64),
      bytes: orNull(fc.uint8Array({maxLength: 30})),
      flag: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(aRow, {maxLength: 40}),
        fc.integer({min: 64, max: 5000}),
        fc.integer({min: 0, max: 126}),
        fc.constantFrom(...COMPRESSIONS),
        async (facts, sliceBytes, cut, compression) => {
          const {table, rows} = tableOf(
            SPEC,
            facts.map(({key}) => key),
          );
          for (const [at, {float, unset, int, bytes, flag}] of facts.entries()) {
            const row = rows[at]!;
            const {ints, floats, wides} = table.memory();
            const {rowInts, rowWords, slots} = table.shape;
            const [f, i, b, g] = [slots[0]!, slots[1]!, slots[2]!, slots[3]!];
            floats[row * rowWords + f.word] = float ?? unset;
            if (float !== null) ints[row * rowInts + f.flagInt]! |= f.setMask;
            ints[row * rowInts + i.flagInt]! &= ~i.wideMask;
            if (int !== null && BigInt.asIntN(54, int) !== int) {
              wides[row * rowWords + i.word] = int;
              ints[row * rowInts + i.flagInt]! |= i.setMask | i.wideMask;
            } else {
              floats[row * rowWords + i.word] = Number(int ?? 0n);
            }
            if (bytes !== null) table.writeBytes(row, b, bytes, 0, bytes.length);
            if (flag) ints[row * rowInts + g.flagInt]! |= g.setMask;
          }
          const files = new MemoryFiles();
          const state = await written(files, table);
          const whole = await converted(files, state, {compression});
          expect(await converted(files, state, {compression, sliceBytes})).toEqual(whole);
          expect(rowsOf(await restore(SPEC, whole))).toEqual(rowsOf(table));
          const halves = [
            await restore(SPEC, whole, {start: 0, end: cut}),
            await restore(SPEC, whole, {start: cut + 1, end: 127}),
          ];
          expect(halves.flatMap(rowsOf).sort()).toEqual(rowsOf(table));
        },
      ),
      {numRuns: 40},
    );
  });

  it('sorts keys as their values sort, NULL first', () => {
    const encode = (type: (typeof EVERY_TYPE)[number], value: Value): Buffer => {
      const builder = new BatchBuilder({fields: [{name: 'k', type}]});
      builder.appendRow([value]);
      const sink = new ByteSink();
      encodeKey([{name: 'k', type}], builder.build().columns, 0, sink);
      return Buffer.from(sink.written);
    };
    const ordered: readonly (readonly [(typeof EVERY_TYPE)[number], readonly Value[]])[] = [
      [BOOLEAN, [null, false, true]],
      [INT, [null, -(2 ** 31), -1, 0, 1, 2 ** 31 - 1]],
      [BIGINT, [null, -(2n ** 63n), -(2n ** 53n), -1n, 0n, 1n, 2n ** 53n, 2n ** 63n - 1n]],
      [TIMESTAMP, [null, -1000, 0, 1_700_000_000_000]],
      [DOUBLE, [null, -Infinity, -2.5, -1e-300, 0, 1e-300, 2.5, Infinity, NaN]],
      [STRING, [null, '', '\0', '\0a', '\u0001', 'a', 'a\0', 'aa', 'b', 'é', '😀']],
    ];
    for (const [type, values] of ordered) {
      const keys = values.map((value) => encode(type, value));
      expect(keys.toSorted((left, right) => Buffer.compare(left, right))).toEqual(keys);
      expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(keys.length);
    }
    expect(encode(DOUBLE, -0)).toEqual(encode(DOUBLE, 0));
  });

  it('a key of other bytes than its types can have is no key', () => {
    const fields = [{name: 'k', type: STRING}];
    for (const hex of ['', '02', '01', '0161', '016100', '01610001', '010000ff', '00ff']) {
      const decoded = decodeKey(
        fields,
        Buffer.from(hex, 'hex'),
        new BatchBuilder({fields}),
        new ByteSink(),
      );
      expect([hex, decoded]).toEqual([hex, false]);
    }
  });

  it('has the bytes of the example in FORMAT.md', async () => {
    const dump = hexDump(await example());
    const page = readFileSync(new URL('../../src/state/FORMAT.md', import.meta.url), 'utf8');
    expect(page, dump).toContain(dump);
  });

  it('compressed, is read as the example in FORMAT.md says', async () => {
    const page = readFileSync(new URL('../../src/state/FORMAT.md', import.meta.url), 'utf8');
    const [, dump = ''] = /compressed with gzip:[^`]*```\n(.*?)\n```/su.exec(page) ?? [];
    const hex = dump.split('\n').map((line) => line.slice(6, 53).replaceAll(' ', ''));
    const bytes = Buffer.from(hex.join(''), 'hex');
    expect(hexDump(bytes)).toBe(dump.trimEnd());
    expect(rowsOf(await restore(EXAMPLE, bytes))).toEqual(
      rowsOf(await restore(EXAMPLE, await example())),
    );
    // The compressed bytes are those of a zlib; all before them is ours.
    const own = await example('gzip');
    const part = bytes.indexOf('GRPZ') + 12;
    expect(hexDump(own.subarray(0, part))).toBe(hexDump(bytes.subarray(0, part)));
  });

  it('is refused when it is cut off anywhere, and with any byte changed refused or read', async () => {
    const bytes = await example();
    expect((await restore(EXAMPLE, bytes)).liveCount).toBe(3);
    const refused = /^(CHECKPOINT_DAMAGED|INCOMPATIBLE)$/;
    const codeOf = async (forged: Uint8Array): Promise<string> =>
      restore(EXAMPLE, forged).then(
        () => 'read',
        (error: unknown) => (error as {code?: string}).code ?? String(error),
      );
    for (let length = 0; length < bytes.length; length += 1) {
      expect(await codeOf(bytes.slice(0, length))).toMatch(refused);
    }
    for (let at = 0; at < bytes.length; at += 1) {
      for (const flip of [0x01, 0x41, 0x80, 0xff]) {
        const copy = Uint8Array.from(bytes);
        copy[at]! ^= flip;
        expect(await codeOf(copy)).toMatch(/^(CHECKPOINT_DAMAGED|INCOMPATIBLE|read)$/);
      }
    }
  });

  it('is refused where a row stands under another key group, or keys are out of order', async () => {
    const bytes = await example();
    const last = Buffer.from(bytes).lastIndexOf('GRUP');
    const group = new DataView(bytes.buffer, bytes.byteOffset).getUint32(last + 4, true);
    const moved = Uint8Array.from(bytes);
    new DataView(moved.buffer).setUint32(last + 4, group === 127 ? 126 : 127, true);
    await expect(restore(EXAMPLE, moved)).rejects.toThrow('another key group');
    const one = {...EXAMPLE, keyGroupColumns: 0};
    const files = new MemoryFiles();
    const {table} = tableOf(one, [['a'], ['b']]);
    const sorted = await converted(files, await written(files, table));
    const swapped = Buffer.from(sorted);
    const [a, b] = [swapped.indexOf('\x01a\0\0'), swapped.indexOf('\x01b\0\0')];
    swapped[a + 1] = 0x62;
    swapped[b + 1] = 0x61;
    await expect(restore(one, swapped)).rejects.toThrow('out of order');
    swapped[b + 1] = 0x62;
    await expect(restore(one, swapped)).rejects.toThrow('out of order');
  });
});

const EXAMPLE: TableSpec = {
  name: 'groups',
  key: [{name: 'origin', type: STRING}],
  keyGroupColumns: 1,
  values: [{name: 'n.count', kind: 'float64'}],
};

async function example(
  compression: ConversionRequest['compression'] = 'none',
): Promise<Uint8Array> {
  const {table, rows} = tableOf(EXAMPLE, [['SFO'], ['a longer origin'], [null]]);
  rows.forEach((row, index) => {
    table.memory().floats[row * table.shape.rowWords + table.shape.slots[0]!.word] = index + 1;
  });
  const files = new MemoryFiles();
  return converted(files, await written(files, table), {compression});
}

function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'))
      .join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}
