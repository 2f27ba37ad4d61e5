// Promise: a compressed canonical file is read as the plain one is, a part of its key groups from a part of its bytes; the same
// rows make the same bytes. What is forged in it is refused as damage, and what expands to more than it declares, or declares
// more than a reader expands, before the memory for it is there (H33).
import {brotliCompressSync, gunzipSync, gzipSync} from 'node:zlib';
import {describe, expect, it} from 'vitest';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {STRING} from '#src/records/data-type.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {restoreCanonical} from '#src/state/canonical/canonical-reader.js';
import {CanonicalWriter} from '#src/state/canonical/canonical-writer.js';
import {describeCanonical} from '#src/state/canonical/canonical-format.js';
import {PartWriter} from '#src/state/canonical/part-writer.js';
import {compressPart, EXPANDED_BYTES_MAX, PART_TARGET_BYTES} from '#src/state/compressed-part.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {plainLengthOf, snapshotSchema} from '#src/state/snapshot-format.js';
import type {TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';

const SPEC: TableSpec = {
  name: 'groups',
  key: [{name: 'origin', type: STRING}],
  keyGroupColumns: 1,
  values: [{name: 'last', kind: 'bytes'}],
};
/** All rows are in one key group. */
const ONE_GROUP: TableSpec = {...SPEC, keyGroupColumns: 0};
const ALL = {start: 0, end: 127};
const PATH = '/sp/by-origin/0.groups';
type Compression = 'none' | 'gzip' | 'brotli';

function tableOf(keys: readonly string[], spec: TableSpec): HashTable {
  const table = new HashTable(spec, 128, 'by-origin');
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const key of keys) builder.appendRow([key]);
  const rows = new Int32Array(keys.length);
  table.resolve(builder.build().columns, null, 0, keys.length, rows);
  const text = new TextEncoder().encode('a value that is the same in every row');
  for (const row of rows) table.writeBytes(row, table.shape.slots[0]!, text, 0, text.length);
  return table;
}

function keysOf(count: number): string[] {
  return Array.from({length: count}, (_, row) => `the airport number ${row}`);
}

async function write(
  compression: Compression,
  keys: readonly string[],
  spec = SPEC,
): Promise<{bytes: Buffer; state: Pick<FileState, 'codecVersion' | 'description'>}> {
  const pieces: Buffer[] = [];
  const header = {schema: snapshotSchema(spec, 128), compression};
  const writer = new CanonicalWriter(spec, header, async (piece) => {
    pieces.push(Buffer.from(piece));
    return Promise.resolve();
  });
  await writer.begin();
  await writer.add(tableOf(keys, spec));
  const rows = await writer.finish();
  return {bytes: Buffer.concat(pieces), state: describeCanonical(header, rows)};
}

/** The number of rows. */
async function restore(bytes: Uint8Array, {range = ALL, spec = SPEC} = {}): Promise<number> {
  const files = new MemoryFiles();
  files.content.set(PATH, bytes);
  const table = new HashTable(spec, 128, 'by-origin');
  await restoreCanonical(files, PATH, table, range, 128);
  return table.liveCount;
}

/** Places of the first part. */
function placesOf(bytes: Buffer): {part: number; length: number; stored: number; data: number} {
  const part = bytes.indexOf('GRPZ');
  const data = part + 16 + bytes.readUInt32LE(part + 4) * 12;
  return {part, length: part + 8, stored: part + 12, data};
}

/** The file, of one part, with other bytes in it; its length in the file as it belongs. */
function withPart(bytes: Buffer, part: Uint8Array): Buffer {
  const {stored, data} = placesOf(bytes);
  const head = Buffer.from(bytes.subarray(0, data));
  head.writeUInt32LE(part.length, stored);
  return Buffer.concat([head, part, bytes.subarray(bytes.length - 16)]);
}

const DAMAGED = {code: 'CHECKPOINT_DAMAGED'};
const packed = {gzip: gzipSync, brotli: brotliCompressSync};

describe.each(['gzip', 'brotli'] as const)('%s', (codec) => {
  it('makes the file smaller, says so in the handle, and reads back', async () => {
    for (const spec of [SPEC, ONE_GROUP]) {
      const plain = await write('none', keysOf(20_000), spec);
      const {bytes, state} = await write(codec, keysOf(20_000), spec);
      expect(bytes.length).toBeLessThan(plain.bytes.length / 3);
      expect([plain.state.codecVersion, state.codecVersion]).toEqual([1, 2]);
      expect(state.description).toMatchObject({
        ...{encoding: 'canonical', rows: 20_000, compression: codec},
        uncompressed_length: plain.bytes.length,
      });
      expect(plain.state.description).not.toHaveProperty('compression');
      const handle = {...state, length: bytes.length} as FileState;
      expect(plainLengthOf(handle)).toBe(plain.bytes.length);
      expect(await restore(bytes, {spec})).toBe(20_000);
    }
  });

  it('is read in part for a part of the key groups', async () => {
    const {bytes} = await write(codec, keysOf(20_000));
    // What is not expanded shows in damage that is not seen.
    const copy = Buffer.from(bytes);
    const last = copy.lastIndexOf('GRPZ');
    const {data} = placesOf(copy.subarray(last));
    copy.fill(0xff, last + data, copy.length - 16);
    const halves = [
      await restore(copy, {range: {start: 0, end: 15}}),
      await restore(bytes, {range: {start: 16, end: 127}}),
    ];
    expect(halves[0]! + halves[1]!).toBe(20_000);
    await expect(restore(copy)).rejects.toMatchObject(DAMAGED);
  });

  it('is refused when it is cut off anywhere, or a length or count is forged', async () => {
    const {bytes} = await write(codec, keysOf(300));
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(restore(bytes.subarray(0, length))).rejects.toMatchObject(DAMAGED);
    }
    const {part} = placesOf(bytes);
    // Counts, lengths, and of the first key group its number, rows and bytes.
    for (const place of [0, 4, 8, 12, 16, 20, 24]) {
      for (const forged of [0xffffffff, 0x7fffffff, 1_000_000_000, 0x80000000, 0]) {
        const copy = Buffer.from(bytes);
        if (copy.readUInt32LE(part + place) === forged) continue;
        copy.writeUInt32LE(forged, part + place);
        await expect(restore(copy), `${forged} at ${place}`).rejects.toMatchObject(DAMAGED);
      }
    }
  });

  it('with any byte changed is refused or read, and never crashes the reader', async () => {
    const {bytes} = await write(codec, keysOf(20));
    for (let at = 0; at < bytes.length; at += 3) {
      const copy = Buffer.from(bytes);
      copy[at]! ^= 0x41;
      try {
        await restore(copy);
      } catch (error) {
        expect((error as {code?: string}).code).toMatch(/^(CHECKPOINT_DAMAGED|INCOMPATIBLE)$/);
      }
    }
  });

  it('that expands to more or less than it declares, or is of another codec, is refused', async () => {
    const {bytes} = await write(codec, keysOf(20));
    const bomb = packed[codec](new Uint8Array(1024 * 1024));
    await expect(restore(withPart(bytes, bomb))).rejects.toThrow(/expand to more than \d+ bytes/);
    const short = packed[codec](new Uint8Array(8));
    await expect(restore(withPart(bytes, short))).rejects.toThrow(/expand to 8 bytes, not/);
    const other = packed[codec === 'gzip' ? 'brotli' : 'gzip'](new Uint8Array(8));
    await expect(restore(withPart(bytes, other))).rejects.toThrow(`they are no ${codec} data`);
    const {data} = placesOf(bytes);
    const torn = withPart(bytes, bytes.subarray(data, bytes.length - 16 - 9));
    await expect(restore(torn)).rejects.toMatchObject(DAMAGED);
  });
});

describe('a compressed canonical file', () => {
  it('that declares more than a reader expands is refused before it is read', async () => {
    const {bytes} = await write('gzip', keysOf(20));
    const copy = Buffer.from(bytes);
    const {part, length} = placesOf(copy);
    // The bytes of a key group and of the part, both as they belong together.
    for (const place of [part + 24, length]) {
      copy.writeUInt32LE(copy.readUInt32LE(place) + EXPANDED_BYTES_MAX, place);
    }
    await expect(restore(copy)).rejects.toThrow(/a part of \d+ bytes in \d+/);
  });

  it('that has more bytes in a part than in its key groups is refused', async () => {
    const {bytes} = await write('gzip', keysOf(20));
    const {length, data} = placesOf(bytes);
    const rows = gunzipSync(bytes.subarray(data, -16));
    const more = withPart(bytes, gzipSync(Buffer.concat([rows, Buffer.alloc(8)])));
    more.writeUInt32LE(rows.length + 8, length);
    await expect(restore(more)).rejects.toThrow(/a part of \d+ bytes in \d+/);
  });

  it('that has many rows stored as they are in one part is not read at once', async () => {
    const {bytes} = await write('gzip', keysOf(20));
    const large = Buffer.alloc(EXPANDED_BYTES_MAX + 8);
    const forged = withPart(bytes, large);
    const {part, length} = placesOf(forged);
    forged.writeUInt32LE(large.length, length);
    const before = bytes.readUInt32LE(length);
    forged.writeUInt32LE(forged.readUInt32LE(part + 24) + large.length - before, part + 24);
    await expect(restore(forged)).rejects.toThrow(/a part of \d+ bytes in \d+/);
  });

  it('has keys in order across its parts, and its key groups too', async () => {
    const {bytes} = await write('gzip', keysOf(20_000), ONE_GROUP);
    const first = bytes.indexOf('GRPZ');
    const second = bytes.indexOf('GRPZ', first + 4);
    const third = bytes.indexOf('GRPZ', second + 4);
    const swapped = Buffer.concat([
      bytes.subarray(0, first),
      bytes.subarray(second, third),
      bytes.subarray(first, second),
      bytes.subarray(third),
    ]);
    const refused = restore(swapped, {spec: ONE_GROUP});
    await expect(refused).rejects.toThrow('a key is out of order');
    const grouped = await write('gzip', keysOf(20_000));
    const [one, two] = [grouped.bytes.indexOf('GRPZ'), grouped.bytes.lastIndexOf('GRPZ')];
    const turned = Buffer.concat([
      grouped.bytes.subarray(0, one),
      grouped.bytes.subarray(two, -16),
      grouped.bytes.subarray(one, two),
      grouped.bytes.subarray(-16),
    ]);
    await expect(restore(turned)).rejects.toThrow(/key group \d+ is out of order/);
  });

  it('must say with what it is compressed, and a plain one has no parts', async () => {
    const {bytes} = await write('gzip', keysOf(20));
    const {bytes: plain} = await write('none', keysOf(20));
    for (const [from, to] of [
      [bytes, plain],
      [plain, bytes],
    ] as const) {
      const copy = Buffer.from(from);
      to.copy(copy, 8, 8, 12);
      await expect(restore(copy)).rejects.toMatchObject(DAMAGED);
    }
    const unknown = Buffer.from(bytes);
    unknown.write('"7zip"', unknown.indexOf('"gzip"'));
    await expect(restore(unknown)).rejects.toThrow('an unknown compression');
    const version = Buffer.from(bytes).fill(3, 8, 9);
    await expect(restore(version)).rejects.toMatchObject({code: 'INCOMPATIBLE'});
  });

  it('has a row that is larger than what a reader expands in a part of its own, as it is', () => {
    const large = new Uint8Array(EXPANDED_BYTES_MAX + 1);
    expect(compressPart('gzip', large)).toBe(large);
    const writer = new PartWriter('gzip', async () => Promise.resolve());
    writer.beginGroup(0);
    expect(writer.hasRoom(large.length)).toBe(true);
    writer.add(new Uint8Array(8), new Uint8Array(8));
    expect(writer.hasRoom(large.length)).toBe(false);
    expect(writer.hasRoom(1024)).toBe(true);
    writer.add(new Uint8Array(8), new Uint8Array(PART_TARGET_BYTES));
    expect(writer.hasRoom(0)).toBe(false);
  });
});
