// A file of RocksDB that was damaged before it was first copied: its checksums agree, and those that RocksDB put in it do not. That
// is damage of the checkpoint (4), not a disk that failed (15), nor something that was left out (5).

import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect} from 'vitest';
import {ROOT, tidemark} from '../kills/support/process.ts';
import {errorOf, findingsOf} from './support/ending.ts';
import {forgeStateFile} from './support/forge.ts';
import {sampleTest} from './support/sample.ts';

let directory: string;
let checkpoint: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-hostile-'));
  checkpoint = join(directory, 'chk-7');
  const kept = join(ROOT, 'test/formats/kept/rocksdb-full-0.1.0/files/state/kept/chk-7');
  cpSync(kept, checkpoint, {recursive: true});
});

afterEach(() => rmSync(directory, {recursive: true}));

/** One bit of each table, in its first block. */
function flipTables(): void {
  for (const file of readdirSync(join(checkpoint, 'running'))) {
    if (!file.endsWith('-sst')) continue;
    const bytes = readFileSync(join(checkpoint, 'running', file));
    bytes[20]! ^= 1;
    forgeStateFile(checkpoint, ['running', file.replace(/^0\./, '')], bytes);
  }
}

sampleTest('verify that decodes says so; one that compares checksums finds nothing', async () => {
  flipTables();
  expect((await tidemark(['checkpoint', 'verify', checkpoint])).status).toBe(0);
  for (const level of ['decode', 'restore']) {
    const run = await tidemark(['checkpoint', 'verify', checkpoint, '--level', level, '--json']);
    expect(run.status, run.stdout + run.stderr).toBe(4);
    expect(findingsOf(run)).toEqual([
      expect.objectContaining({
        severity: 'error',
        code: 'rows-damaged',
        message: expect.stringMatching(
          /running.0\.rocksdb-0000..-sst was damaged before .* at byte 0 a block has another checksum/,
        ) as string,
      }),
    ]);
  }
});

sampleTest('state scan and export end with 4, too', async () => {
  flipTables();
  for (const command of [
    ['state', 'scan', checkpoint],
    ['checkpoint', 'export', checkpoint, '--to', join(directory, 'made')],
  ]) {
    const run = await tidemark([...command, '--json']);
    expect(run.status, run.stdout + run.stderr).toBe(4);
    expect(errorOf(run)).toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect(errorOf(run).message).toContain(checkpoint);
    expect(errorOf(run).hint).toContain('--level decode');
  }
});

sampleTest('a MANIFEST that says nothing is no state without rows', async () => {
  const name = readdirSync(join(checkpoint, 'running')).find((file) => file.includes('manifest'));
  const {length} = readFileSync(join(checkpoint, 'running', name!));
  forgeStateFile(checkpoint, ['running', name!.replace(/^0\./, '')], Buffer.alloc(length));
  expect((await tidemark(['checkpoint', 'verify', checkpoint])).status).toBe(0);
  for (const command of [
    ['checkpoint', 'verify', checkpoint, '--level', 'decode'],
    ['state', 'scan', checkpoint],
  ]) {
    const run = await tidemark(command);
    expect(run.status, run.stdout + run.stderr).toBe(4);
  }
});
