// A state file's checksums are those of its bytes however they were appended; a reader never hands out a
// byte of a damaged chunk.

import {createHash} from 'node:crypto';
import {crc32} from 'node:zlib';

import fc from 'fast-check';
import {describe, expect, it} from 'vitest';

import {CHUNK_BYTES} from '#src/storage/state-chunks.js';
import {readStateFile, StateFileReader} from '#src/storage/state-file-reader.js';
import {createStateFile, writeStateFile} from '#src/storage/state-file-writer.js';
import {MemoryFileSystem} from './support/memory-file-system.js';

async function write(files: MemoryFileSystem, path: string, parts: readonly Uint8Array[]) {
  return writeStateFile(files, path, async (append) => {
    for (const part of parts) await append(part);
  });
}

describe('state files', () => {
  it('checksums do not depend on how the bytes are cut', async () => {
    const content = Buffer.alloc(CHUNK_BYTES * 2 + 12345, 'tidemark');
    const chunks = [0, 1, 2].map((index) =>
      crc32(content.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)),
    );
    const sha256 = createHash('sha256').update(content).digest('hex');
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(content.length), {maxLength: 6}), async (cuts) => {
        const files = new MemoryFileSystem();
        const edges = [0, ...cuts.sort((left, right) => left - right), content.length];
        const parts = edges.slice(1).map((end, index) => content.subarray(edges[index], end));
        count += 1;
        const summary = await write(files, `/${count}`, parts);
        expect(summary).toEqual({length: content.length, sha256, chunkCrcs: chunks});
        expect(files.syncs).toHaveLength(1);
      }),
      {numRuns: 15},
    );
  });

  it('an empty file, and files of exactly one chunk, come back', async () => {
    const files = new MemoryFileSystem();
    for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1]) {
      const writer = await createStateFile(files, `/s${size}`);
      await writer.append(Buffer.alloc(size, 3));
      const summary = await writer.finish();
      expect(summary.chunkCrcs).toHaveLength(Math.ceil(size / CHUNK_BYTES));
      expect((await readStateFile(files, `/s${size}`, summary)).length).toBe(size);
    }
  });

  it('damage in the second chunk is found before one of its bytes is handed out', async () => {
    const files = new MemoryFileSystem();
    const summary = await write(files, '/a', [Buffer.alloc(CHUNK_BYTES * 2, 5)]);
    const content = files.contentOf('/a');
    content[CHUNK_BYTES + 77] = 6;
    files.overwrite('/a', content);
    const reader = await StateFileReader.open(files, '/a', summary);
    expect((await reader.readChunk(0))[0]).toBe(5);
    await expect(reader.readChunk(1)).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      details: {file: '/a', facts: {offset: CHUNK_BYTES}},
    });
    await expect(readStateFile(files, '/a', {...summary, length: 7})).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
    });
    await expect(readStateFile(files, '/none', summary)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });

  it('a digest that differs is damage although every chunk fits', async () => {
    const files = new MemoryFileSystem();
    const summary = await write(files, '/a', [Buffer.from('state')]);
    const other = {...summary, sha256: createHash('sha256').update('other').digest('hex')};
    await expect(readStateFile(files, '/a', other)).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      details: {file: '/a'},
    });
  });

  it('H52: a sync that fails once makes a new file; the failed descriptor is never synced again', async () => {
    let failures = 1;
    const files = new MemoryFileSystem({
      fault: ({name}) => (name === 'sync' && failures-- > 0 ? {kind: 'fail', code: 'EIO'} : null),
    });
    const summary = await write(files, '/a', [Buffer.from('state')]);
    expect(files.syncs).toHaveLength(1);
    const durable = files.afterCrash(files.log.length, () => 'lost');
    // The entry is the publish's to sync; the bytes are there.
    expect(durable.snapshot().size).toBe(0);
    await files.syncDirectory('/');
    const after = files.afterCrash(files.log.length, () => 'lost');
    expect(Buffer.from(await readStateFile(after, '/a', summary)).toString()).toBe('state');
    failures = 2;
    await expect(write(files, '/b', [Buffer.from('state')])).rejects.toMatchObject({code: 'EIO'});
  });
});
