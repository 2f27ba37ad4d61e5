// Promise: a state file has the bytes that FORMAT.md shows, and a damaged or forged one is refused with
// its place; it neither crashes the reader nor makes it allocate what the file does not hold.
import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {restoreTable} from '#src/state/snapshot-reader.js';
import {STRING} from '#src/records/data-type.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';

const SPEC: TableSpec = {
  name: 'groups',
  key: [{name: 'origin', type: STRING}],
  keyGroupColumns: 1,
  values: [{name: 'n.count', kind: 'float64'}],
};
const RANGE = {start: 0, end: 127};
const PATH = '/chk-1/by-origin/0.groups';

async function example(): Promise<Uint8Array> {
  const table = new HashTable(SPEC, 128, 'by-origin');
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const key of ['SFO', 'a longer origin', null]) builder.appendRow([key]);
  const rows = new Int32Array(3);
  table.resolve(builder.build().columns, null, 0, 3, rows);
  rows.forEach((row, index) => {
    table.memory().floats[row * table.shape.rowWords + table.shape.slots[0]!.word] = index + 1;
  });
  const files = new MemoryFiles();
  await new InProcessWriter(files).call({
    checkpointId: 1,
    directory: '/chk-1',
    uid: 'by-origin',
    subtask: 0,
    spec: SPEC,
    keyGroups: RANGE,
    maxParallelism: 128,
    table: table.freeze(),
    compression: 'none',
    delta: null,
    shared: false,
    control: new SharedArrayBuffer(4),
  });
  return files.content.get(PATH)!;
}

async function restore(bytes: Uint8Array): Promise<HashTable> {
  const files = new MemoryFiles();
  files.content.set(PATH, bytes);
  const table = new HashTable(SPEC, 128, 'by-origin');
  await restoreTable(files, [{path: PATH, delta: null}], table, RANGE, 128);
  return table;
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

describe('state file', () => {
  it('has the bytes of the example in FORMAT.md', async () => {
    const dump = hexDump(await example());
    const page = readFileSync(new URL('../../src/state/FORMAT.md', import.meta.url), 'utf8');
    expect(page).toContain(dump);
  });

  it('is refused when it is cut off anywhere, or a length or count is forged', async () => {
    const bytes = await example();
    expect((await restore(bytes)).liveCount).toBe(3);
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(restore(bytes.slice(0, length))).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
      });
    }
    const chunk = Buffer.from(bytes).indexOf('CHNK');
    const places = [12, ...[4, 8, 12, 20, 24].map((offset) => chunk + offset)];
    for (const place of places) {
      for (const forged of [0xffffffff, 0x7fffffff, 1_000_000_000, 0x80000000]) {
        const copy = bytes.slice();
        new DataView(copy.buffer, copy.byteOffset).setUint32(place, forged, true);
        await expect(restore(copy)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
      }
    }
  });

  it('is refused where a row stands under another key group, or max-parallelism was another', async () => {
    const bytes = await example();
    const chunk = Buffer.from(bytes).indexOf('CHNK');
    const forged = Uint8Array.from(bytes);
    const view = new DataView(forged.buffer);
    const last = chunk + 16 + 12 * (view.getUint32(chunk + 4, true) - 1);
    const group = view.getUint32(last, true);
    view.setUint32(last, group === 127 ? group - 1 : group + 1, true);
    await expect(restore(forged)).rejects.toThrow('another key group');
    const files = new MemoryFiles();
    files.content.set(PATH, bytes);
    const table = new HashTable(SPEC, 64, 'by-origin');
    await expect(
      restoreTable(files, [{path: PATH, delta: null}], table, {start: 0, end: 63}, 64),
    ).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
    });
  });

  it('with any byte changed is refused or read, and never crashes the reader', async () => {
    const bytes = await example();
    for (let at = 0; at < bytes.length; at += 1) {
      const copy = bytes.slice();
      copy[at]! ^= 0x41;
      try {
        await restore(copy);
      } catch (error) {
        expect((error as {code?: string}).code).toMatch(/^(CHECKPOINT_DAMAGED|INCOMPATIBLE)$/);
      }
    }
  });
});
