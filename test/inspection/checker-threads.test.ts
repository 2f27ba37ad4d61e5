// Promise: a large checkpoint is read by several threads, which find what this thread would, each damage with its place, and
// which are gone afterwards; a small one starts none.

import {mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync} from 'node:fs';
import {availableParallelism, tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';

import {crc32} from '#src/base/checksum.js';
import {fileCheckers} from '#src/engine.js';
import {verifyCheckpoints, type VerifyEvent} from '#src/reports/verify-report.js';
import {makeHeavyCheckpoint} from '../bench/inspect-fixtures.js';

const MIB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'tidemark-checker-threads-'));
const started: unknown[] = [];
const note = (worker: unknown): unknown => started.push(worker);
let checkpoint: string;

beforeAll(() => {
  process.on('worker', note);
  checkpoint = makeHeavyCheckpoint(join(root, 'large'), 5, 7 * MIB);
});

afterAll(() => {
  process.off('worker', note);
  rmSync(root, {recursive: true, force: true});
});

async function verify(directory: string) {
  const findings: Extract<VerifyEvent, {type: 'finding'}>[] = [];
  let bytesDone = 0;
  let told = 0;
  const summary = await verifyCheckpoints([directory], {
    level: 'checksum',
    environment: {},
    onEvent: (event) => {
      if (event.type === 'finding') findings.push(event);
      else {
        expect(event.bytesDone).toBeGreaterThanOrEqual(bytesDone);
        bytesDone = event.bytesDone;
        told += 1;
      }
    },
  });
  return {findings, summary, bytesDone, told, threads: started.splice(0).length};
}

test('as many as there are cores, or files, and none for what is small', async () => {
  const {summary, findings, threads, bytesDone} = await verify(checkpoint);
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({files: 5, bytes: 35 * MIB, verdict: 'ok'});
  expect(bytesDone).toBe(35 * MIB);
  expect(threads).toBe(Math.min(5, availableParallelism()));
  const small = makeHeavyCheckpoint(join(root, 'small'), 5, 1000);
  expect(await verify(small)).toMatchObject({threads: 0, summary: {bytes: 5000, verdict: 'ok'}});
});

test('every damage is told of with its file and place, whichever thread found it', async () => {
  const pathOf = (index: number): string => join(checkpoint, `by-user/${index}.groups`);
  const flipped = readFileSync(pathOf(1));
  for (const at of [5, 3 * MIB + 1, 7 * MIB - 1]) flipped[at]! ^= 1;
  writeFileSync(pathOf(1), flipped);
  truncateSync(pathOf(2), 2 * MIB + 9);
  unlinkSync(pathOf(4));
  const {summary, findings, threads} = await verify(checkpoint);
  expect(threads).toBe(Math.min(4, availableParallelism()));
  expect(
    findings.map(({code, path, offset}) => `${code} ${path.slice(-8)} ${offset}`).sort(),
  ).toEqual([
    'chunk-damaged 1.groups 0',
    `chunk-damaged 1.groups ${3 * MIB}`,
    `chunk-damaged 1.groups ${6 * MIB}`,
    'file-absent 4.groups null',
    `file-truncated 2.groups ${2 * MIB + 9}`,
  ]);
  expect(summary).toMatchObject({errors: 5, verdict: 'damaged', errorCode: 'CHECKPOINT_DAMAGED'});
});

test('how far a thread is in a large file is told meanwhile, at most four times a second', async () => {
  const path = join(root, 'sparse');
  writeFileSync(path, '');
  truncateSync(path, 512 * MIB);
  const chunkCrcs = new Array<number>(512).fill(crc32(new Uint8Array(MIB)));
  const expected = {length: 512 * MIB, sha256: '', chunkCrcs};
  const {checkFile, close} = fileCheckers(1);
  const told: number[] = [];
  const begin = performance.now();
  const {bytes} = await checkFile({path, below: root, expected}, (read) => told.push(read));
  const seconds = (performance.now() - begin) / 1000;
  await close();
  expect(bytes).toBe(512 * MIB);
  expect(told.reduce((sum, read) => sum + read, 0)).toBe(bytes);
  expect(told.length).toBeGreaterThan(1);
  expect(told.length).toBeLessThanOrEqual(1 + Math.floor(seconds * 4));
}, 60_000);
