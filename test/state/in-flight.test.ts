// In-flight data is read back as it was written, whatever the sections; the page shows the bytes that are written;
// a file that is cut or has a wrong length inside is damage, never a crash and never half of it.

import {readFileSync} from 'node:fs';

import {describe, expect, test} from 'vitest';

import {MessageEncoder} from '#src/channels/message-encoder.js';
import {ReplayReader} from '#src/channels/replay.js';
import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {Schema} from '#src/records/schema.js';
import {toRows} from '#src/records/value.js';
import {
  inFlightEdges,
  readInFlight,
  schemaJson,
  writeInFlight,
  type InFlightMessages,
} from '#src/state/in-flight.js';
import {metadata, operator} from '../recovery/history.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';

const SCHEMA: Schema = {
  fields: [
    {name: 'origin', type: {kind: 'string'}},
    {name: 'n', type: {kind: 'bigint'}},
  ],
};

function messages(): Uint8Array[] {
  const encoder = new MessageEncoder(SCHEMA);
  const builder = new BatchBuilder(SCHEMA);
  builder.appendRow(['SFO', 7n]);
  builder.appendRow(['LAX', null]);
  const batch = encoder.encode({kind: 'batch', batch: builder.build()});
  return [batch, encoder.encode({kind: 'watermark', time: 1000})];
}

async function write(
  disk: MemoryFileSystem,
  sections: readonly InFlightMessages[],
): Promise<FileState | null> {
  await disk.makeDirectory('/chk');
  return writeInFlight(sections, {
    files: disk,
    directory: '/chk',
    uid: 'sums',
    subtask: 1,
    schemaOf: () => schemaJson(SCHEMA),
  });
}

function checkpointWith(file: FileState): CheckpointMetadata {
  const subtasks = [{index: 1, states: [file], watermark: null}];
  return metadata({operators: [operator('sums', {parallelism: 2, subtasks})]});
}

const EDGE = 'late>sums#0';

test('what is written is read back by channel, input before output', async () => {
  const disk = new MemoryFileSystem();
  const [batch, watermark] = messages();
  const file = await write(disk, [
    {edge: EDGE, from: 0, to: 1, side: 'output', messages: [watermark!]},
    {edge: EDGE, from: 0, to: 1, side: 'input', messages: [batch!]},
    {edge: 'other>sums#1', from: 0, to: 1, side: 'input', messages: [watermark!]},
    {edge: EDGE, from: 1, to: 1, side: 'input', messages: []},
  ]);
  const restored = {directory: '/chk', metadata: checkpointWith(file!)};
  expect([...inFlightEdges(restored.metadata)]).toEqual([
    [EDGE, schemaJson(SCHEMA)],
    ['other>sums#1', schemaJson(SCHEMA)],
  ]);
  const channels = await readInFlight(disk, restored, (edge) => edge === EDGE);
  expect(channels.map(({from, to}) => [from, to])).toEqual([[0, 1]]);
  const reader = new ReplayReader(SCHEMA, channels[0]!.messages);
  const first = reader.next();
  expect(first?.kind === 'batch' && toRows(first.batch)).toEqual([
    {origin: 'SFO', n: 7n},
    {origin: 'LAX', n: null},
  ]);
  expect(reader.next()).toEqual({kind: 'watermark', time: 1000});
  expect(reader.next()).toBeNull();
});

test('without anything in flight there is no file', async () => {
  const disk = new MemoryFileSystem();
  const nothing = {edge: EDGE, from: 0, to: 1, side: 'input', messages: []} as const;
  expect(await write(disk, [nothing])).toBeNull();
  expect(await disk.list('/chk')).toEqual([]);
});

describe('damage', () => {
  test('of any byte is found before a message is handed out', async () => {
    const disk = new MemoryFileSystem();
    const section = {edge: EDGE, from: 0, to: 1, side: 'input', messages: messages()} as const;
    const file = (await write(disk, [section]))!;
    const restored = {directory: '/chk', metadata: checkpointWith(file)};
    const whole = disk.contentOf('/chk/sums/1.in-flight');
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      disk.overwrite('/chk/sums/1.in-flight', bytes);
      await expect(readInFlight(disk, restored, () => true)).rejects.toThrow(/damaged/);
    }
    disk.overwrite('/chk/sums/1.in-flight', whole.subarray(0, -1));
    await expect(readInFlight(disk, restored, () => true)).rejects.toThrow(/damaged/);
  });

  test('of a section that reaches beyond the file, or cuts a message, is named', async () => {
    const disk = new MemoryFileSystem();
    const section = {edge: EDGE, from: 0, to: 1, side: 'input', messages: messages()} as const;
    const file = (await write(disk, [section]))!;
    for (const length of [file.length + 1, file.length - 1, 3]) {
      const stored = {edge: EDGE, from: 0, to: 1, side: 'input', schema: null, messages: 2};
      const description = {sections: [{...stored, offset: 0, length}]};
      const restored = {directory: '/chk', metadata: checkpointWith({...file, description})};
      await expect(readInFlight(disk, restored, () => true)).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
      });
    }
  });
});

test('the page shows the bytes that are written', async () => {
  const disk = new MemoryFileSystem();
  await write(disk, [{edge: EDGE, from: 0, to: 1, side: 'input', messages: messages()}]);
  const bytes = disk.contentOf('/chk/sums/1.in-flight');
  const page = readFileSync(new URL('../../src/state/FORMAT.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```\n([\s\S]*?)```/g)].map((match) => match[1]);
  expect(blocks.at(-1)).toBe(hexDump(bytes));
});

/** As `hexdump -C`, without the closing line. */
function hexDump(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const shown = Array.from(row, (byte) =>
      byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.',
    );
    text += `${at.toString(16).padStart(4, '0')}  ${hex.padEnd(48)} ${shown.join('')}\n`;
  }
  return text;
}
