// Promise: a compressed state file is read as the plain one is, a part of its key groups from a part of its bytes; what
// expands to more than it declares is refused before the memory for it is there (H33).
import {brotliCompressSync, gzipSync} from 'node:zlib';
import {describe, expect, it} from 'vitest';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {restoreTable} from '#src/state/snapshot-reader.js';
import {compress, decompress, HAS_ZSTD} from '#src/base/compression.js';
import {STRING} from '#src/records/data-type.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';

const SPEC: TableSpec = {
  name: 'groups',
  key: [{name: 'origin', type: STRING}],
  keyGroupColumns: 1,
  values: [
    {name: 'n.count', kind: 'float64'},
    {name: 'last', kind: 'bytes'},
  ],
};
const ALL = {start: 0, end: 127};
const PATH = '/chk-1/by-origin/0.groups';
type Codec = 'none' | 'gzip' | 'brotli';

async function write(
  compression: Codec,
  rowCount: number,
): Promise<{bytes: Uint8Array; state: FileState}> {
  const table = new HashTable(SPEC, 128, 'by-origin');
  const builder = new BatchBuilder({fields: SPEC.key});
  for (let row = 0; row < rowCount; row += 1) builder.appendRow([`the airport number ${row}`]);
  const rows = new Int32Array(rowCount);
  table.resolve(builder.build().columns, null, 0, rowCount, rows);
  const text = new TextEncoder().encode('a value that is the same in every row');
  for (const row of rows) table.writeBytes(row, table.shape.slots[1]!, text, 0, text.length);
  const files = new MemoryFiles();
  const state = await new InProcessWriter(files).call({
    checkpointId: 1,
    directory: '/chk-1',
    uid: 'by-origin',
    subtask: 0,
    spec: SPEC,
    keyGroups: ALL,
    maxParallelism: 128,
    table: table.freeze(),
    compression,
    delta: null,
    shared: false,
    control: new SharedArrayBuffer(4),
  });
  return {bytes: files.content.get(PATH)!, state};
}

async function restore(bytes: Uint8Array, range = ALL): Promise<{rows: number; read: number}> {
  const files = new MemoryFiles();
  files.content.set(PATH, bytes);
  let read = 0;
  const open = files.openForRead.bind(files);
  files.openForRead = async (path) => {
    const handle = await open(path);
    return {
      ...handle,
      read: async (buffer, offset, length, position) => {
        read += length;
        return handle.read(buffer, offset, length, position);
      },
    };
  };
  const table = new HashTable(SPEC, 128, 'by-origin');
  await restoreTable(files, [{path: PATH, delta: null}], table, range, 128);
  return {rows: table.liveCount, read};
}

describe.each(['gzip', 'brotli'] as const)('%s', (codec) => {
  it('makes the file smaller, says so in the handle, and reads back', async () => {
    const plain = await write('none', 20_000);
    const {bytes, state} = await write(codec, 20_000);
    expect(bytes.length).toBeLessThan(plain.bytes.length / 3);
    expect(state.codecVersion).toBe(2);
    expect(state.description).toMatchObject({compression: codec, rows: 20_000});
    const {uncompressed_length: length} = state.description as {uncompressed_length: number};
    expect(Math.abs(length - plain.bytes.length)).toBeLessThan(64);
    expect((await restore(bytes)).rows).toBe(20_000);
  });

  it('is read in part for a part of the key groups', async () => {
    const {bytes} = await write(codec, 60_000);
    const whole = await restore(bytes);
    const parts = [
      await restore(bytes, {start: 0, end: 15}),
      await restore(bytes, {start: 16, end: 127}),
    ];
    expect(parts[0]!.rows + parts[1]!.rows).toBe(whole.rows);
    expect(parts[0]!.read).toBeLessThan(whole.read / 3);
  });

  it('is refused when it is cut off anywhere, or a length or count is forged', async () => {
    const {bytes} = await write(codec, 300);
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(restore(bytes.slice(0, length))).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
      });
    }
    const chunk = Buffer.from(bytes).indexOf('CHNZ');
    const groupCount = new DataView(bytes.buffer, bytes.byteOffset).getUint32(chunk + 4, true);
    const parts = 24 + groupCount * 12;
    const places = [4, 8, 12, 16, 20, 28, 32, parts, parts + 4, parts + 8];
    for (const place of places) {
      for (const forged of [0xffffffff, 0x7fffffff, 1_000_000_000, 0x80000000, 0]) {
        const copy = Uint8Array.from(bytes);
        new DataView(copy.buffer).setUint32(chunk + place, forged, true);
        await expect(restore(copy)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
      }
    }
  });

  it('with any byte changed is refused or read, and never crashes the reader', async () => {
    const {bytes} = await write(codec, 20);
    for (let at = 0; at < bytes.length; at += 3) {
      const copy = Uint8Array.from(bytes);
      copy[at]! ^= 0x41;
      try {
        await restore(copy);
      } catch (error) {
        expect((error as {code?: string}).code).toMatch(/^(CHECKPOINT_DAMAGED|INCOMPATIBLE)$/);
      }
    }
  });

  it('that expands to more than it declares is refused', async () => {
    const {bytes} = await write(codec, 20);
    const bomb = withPart(bytes, packed(codec, new Uint8Array(1024 * 1024)));
    await expect(restore(bomb)).rejects.toThrow(/they expand to more than \d+ bytes/);
    const short = withPart(bytes, packed(codec, new Uint8Array(8)));
    await expect(restore(short)).rejects.toThrow(/they expand to 8 bytes, not/);
  });
});

/** A declared length beyond what a chunk may expand to: nothing is expanded at all. */
it('a chunk that declares more than it may expand to is refused before it is expanded', async () => {
  const {bytes} = await write('gzip', 20);
  const layout = placesOf(bytes);
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  // Strings of one group, the sum of the chunk and the length of the part, all as they belong together.
  const more = 256 * 1024 * 1024;
  for (const place of [layout.chunk + 24 + 8, layout.chunk + 12, layout.part + 4]) {
    view.setUint32(place, view.getUint32(place, true) + more, true);
  }
  await expect(restore(copy)).rejects.toThrow(/a part of \d+ bytes in \d+/);
});

it('zstd is a codec where Node has it, and none where not', () => {
  const bytes = new TextEncoder().encode('some text '.repeat(100));
  if (HAS_ZSTD) expect(decompress('zstd', compress('zstd', bytes), bytes.length)).toEqual(bytes);
  else expect(() => compress('zstd', bytes)).toThrow('zstd in this Node');
});

function packed(codec: 'gzip' | 'brotli', bytes: Uint8Array): Uint8Array {
  return codec === 'gzip' ? gzipSync(bytes) : brotliCompressSync(bytes);
}

function placesOf(bytes: Uint8Array): {chunk: number; part: number; data: number} {
  const chunk = Buffer.from(bytes).indexOf('CHNZ');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const part = chunk + 24 + view.getUint32(chunk + 4, true) * 12;
  expect(view.getUint32(chunk + 16, true)).toBe(1);
  return {chunk, part, data: Math.ceil((part + 12 - chunk) / 8) * 8 + chunk};
}

/** The file with `part` in place of the only part of its only chunk; all lengths as they belong. */
function withPart(bytes: Uint8Array, part: Uint8Array): Uint8Array {
  const {chunk, part: entry, data} = placesOf(bytes);
  // Stored in fewer bytes than declared: otherwise it would be taken as it is.
  const stored = part.length;
  const forged = new Uint8Array(data + Math.ceil(stored / 8) * 8 + 16);
  forged.set(bytes.subarray(0, data));
  forged.set(part, data);
  forged.set(bytes.subarray(bytes.length - 16), forged.length - 16);
  const view = new DataView(forged.buffer);
  view.setUint32(chunk + 20, Math.ceil(stored / 8) * 8, true);
  view.setUint32(entry + 8, stored, true);
  return forged;
}
