// Promise: the levels decode and restore read every row and find what checksums do not show: a file that somebody wrote with
// right sums and wrong rows. What was not read is never called ok. Nothing is written to a checkpoint.

import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeEach, describe, expect, test} from 'vitest';

import {crc32, sha256Hex} from '#src/base/checksum.js';
import {parseSample, sampleFiles} from '#src/inspection/sample-files.js';
import {
  verifyCheckpoints,
  type VerifyOptions,
  type VerifyProgress,
} from '#src/inspection/verify-checkpoint.js';
import type {Finding} from '#src/storage/finding.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {readCorpus} from '../formats/support/corpus.ts';
import {forge, stateOf} from '../hostile/support/forge.ts';
import {whole} from '../hostile/support/sample.ts';
import {makeAbove} from '../flink-directories/support/directories.ts';
import {FakeTime, writeFile as writeTo} from '../storage/support/fixture.ts';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {realDatabases} from './support/real-databases.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-verify-rows-'));
let made = 0;

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

const place = realDatabases(scratch);

async function verify(directory: string, options: Partial<VerifyOptions> = {}) {
  const findings: Finding[] = [];
  const verification = await verifyCheckpoints({
    ...{files: nodeFileSystem, clock: new FakeTime(), directories: [directory], place},
    level: 'restore',
    onFinding: (finding) => findings.push(finding),
    ...options,
  });
  return {...verification, findings};
}

describe.each(readCorpus(KEPT))('the kept $name', ({name, facts}) => {
  const directory = join(KEPT, name, 'files', facts.checkpoint);
  const rows = Object.values(facts.found.operators)
    .flatMap(({tables}) => Object.values(tables))
    .reduce((sum, table) => sum + table.length, 0);

  test.each(['decode', 'restore'] as const)('is right at the level %s', async (level) => {
    const seen: VerifyProgress[] = [];
    const onProgress = (progress: VerifyProgress) => seen.push(progress);
    const {summary, errorCode, findings} = await verify(directory, {level, onProgress});
    const {bytes_done: done, bytes_total: total} = seen.at(-1)!;
    // What is left is a part of a byte of each table, at both levels.
    expect(total - done).toBeGreaterThanOrEqual(0);
    expect(total - done).toBeLessThan(20);
    expect(total - summary.bytes).toBeGreaterThan(0);
    expect(findings).toEqual([]);
    expect(summary).toMatchObject({level, rows, skipped: 0, errors: 0, verdict: 'ok'});
    expect(errorCode).toBeNull();
    expect(readdirSync(scratch).filter((entry) => entry.startsWith('work-'))).toEqual([]);
  });
});

describe('a file with right sums and wrong rows', () => {
  let copy: string;
  const file = (): string => join(copy, 'totals/0.groups');

  beforeEach(() => {
    made += 1;
    copy = join(scratch, `copy-${made}`);
    cpSync(join(KEPT, 'savepoint-canonical-0.1.0/files/savepoints'), copy, {recursive: true});
    copy = join(copy, readdirSync(copy)[0]!);
  });

  /** The changed bytes, with sums that fit. */
  function rewrite(change: (bytes: Buffer) => Buffer): void {
    const before = readFileSync(file());
    const bytes = change(Buffer.from(before));
    writeFileSync(file(), bytes);
    forge(copy, (metadata) => {
      Object.assign(stateOf(metadata, 'totals', 'groups'), {
        length: bytes.length,
        sha256: sha256Hex(bytes),
        chunk_crcs: [crc32(bytes)],
      });
    });
    const sums = join(copy, 'SHA256SUMS');
    const line = new RegExp(`${sha256Hex(before)}(?=  totals/0.groups)`, 'u');
    writeFileSync(sums, readFileSync(sums, 'utf8').replace(line, sha256Hex(bytes)));
  }

  /** Changes one byte, so many behind the first key group's beginning. */
  const flip =
    (offset: number, bits: number) =>
    (bytes: Buffer): Buffer => {
      const at = bytes.indexOf('GRUP') + offset;
      bytes[at] = bytes[at]! ^ bits;
      return bytes;
    };

  test.each([
    ['a row of another key group', flip(4, 1)],
    ['a key of no type', flip(32, 6)],
    ['a length beyond the file', flip(26, 255)],
    ['a number of rows that is wrong', flip(8, 1)],
    ['bytes behind the end', (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(8)])],
  ] as const)('%s is found by decode, with its file, and not by checksum', async (_, change) => {
    rewrite(change);
    expect((await verify(copy, {level: 'checksum'})).summary.verdict).toBe('ok');
    const {errorCode, findings, summary} = await verify(copy, {level: 'decode'});
    expect(errorCode).toBe('CHECKPOINT_DAMAGED');
    expect(findings).toMatchObject([{code: 'rows-damaged', severity: 'error', path: file()}]);
    expect(summary.errors).toBe(1);
    // The other states were read all the same.
    expect(summary.rows).toBeGreaterThan(10);
  });

  test('damage is listed, and the states of the damaged file are counted as not decoded', async () => {
    const bytes = readFileSync(file());
    bytes[100]! ^= 1;
    writeFileSync(file(), bytes);
    const {errorCode, findings, summary} = await verify(copy, {level: 'decode'});
    expect(errorCode).toBe('CHECKPOINT_DAMAGED');
    expect(findings.map(({code}) => code)).toEqual(['chunk-damaged']);
    expect(summary.skipped).toBe(1);
  });

  test('fail-fast ends at the first error, and does not call the rest ok', async () => {
    for (const name of ['totals/0.groups', 'windows/0.groups', 'running/0.groups']) {
      const bytes = readFileSync(join(copy, name));
      bytes[100]! ^= 1;
      writeFileSync(join(copy, name), bytes);
    }
    expect((await verify(copy)).findings).toHaveLength(3);
    const other = join(KEPT, 'hashmap-full-0.1.0/files/state/kept/chk-5');
    const {findings, summary} = await verify(copy, {failFast: true, directories: [copy, other]});
    expect(findings).toHaveLength(1);
    expect(summary.checkpoints).toBe(1);
    expect(summary.skipped).toBeGreaterThan(6);
  });
});

describe('H86: a checkpoint that its owner deletes while its rows are read', () => {
  /** The kept files on a disk in memory. */
  async function loaded(from: string): Promise<MemoryFileSystem> {
    const disk = new MemoryFileSystem();
    for (const entry of readdirSync(from, {withFileTypes: true, recursive: true})) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      await makeAbove(disk, join('/job', path.slice(from.length)));
      await writeTo(disk, join('/job', path.slice(from.length)), readFileSync(path));
    }
    return disk;
  }

  test.each([
    ['hashmap-full-0.1.0', 'chk-5', 'restore', 7],
    ['unaligned-in-flight-0.1.0', null, 'decode', 2],
  ] as const)('%s: a hint, told once', async (name, id, level, stride) => {
    const job = join(KEPT, name, 'files/state/kept');
    const checkpoint = id ?? readdirSync(job).find((entry) => entry.startsWith('chk-'))!;
    let calls = 0;
    let told = 0;
    const step = whole ? 1 : stride;
    for (let deleteAt = 1; ; deleteAt += step) {
      const disk = await loaded(job);
      calls = 0;
      const seen = {isDeleted: false};
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== deleteAt) return;
          seen.isDeleted = true;
          disk.options = {};
          await disk.rename(`/job/${checkpoint}`, '/deleted');
        },
      };
      let scratches = 0;
      const {errorCode, findings} = await verify(`/job/${checkpoint}`, {
        files: disk,
        level,
        listed: new Set([`/job/${checkpoint}`]),
        place: {
          ...place,
          makeDirectory: async () => {
            scratches += 1;
            await disk.makeDirectory(`/scratch-${scratches}`);
            return `/scratch-${scratches}`;
          },
        },
      });
      expect(errorCode, `call ${deleteAt}`).toBeNull();
      const codes = findings.map(({severity, code}) => `${severity} ${code}`);
      expect([[], ['hint deleted-meanwhile']], `call ${deleteAt}`).toContainEqual(codes);
      told += codes.length;
      if (!seen.isDeleted) break;
    }
    expect(told).toBeGreaterThan(5);
  });
});

describe('a sample', () => {
  const directory = join(KEPT, 'hashmap-full-0.1.0/files/state/kept/chk-5');

  test('is never ok: what it leaves out is counted', async () => {
    const of = parseSample('2/5')!;
    const {summary, errorCode} = await verify(directory, {sample: {of, seed: 3}});
    expect(summary.verdict).toBe('incomplete');
    expect(summary.skipped).toBeGreaterThan(0);
    expect(errorCode).toBe('INCOMPLETE');
    const all = await verify(directory, {sample: {of: parseSample('100%')!, seed: 3}});
    expect(all.summary).toMatchObject({verdict: 'ok', skipped: 0});
  });

  const files = Array.from({length: 23}, (_, at) => ({id: `file ${at}`, bytes: 10}));
  const sampled = (text: string, seed = 1): string[] =>
    [...sampleFiles(files, parseSample(text)!, seed)].sort();

  test('parts are all files, each once, and the same for one seed', () => {
    const parts = [1, 2, 3, 4, 5].map((part) => sampled(`${part}/5`));
    expect(parts.flat().sort()).toEqual(files.map(({id}) => id).sort());
    expect(sampled('2/5')).toEqual(sampled('2/5'));
    expect(sampled('2/5', 2)).not.toEqual(sampled('2/5', 1));
  });

  test('shares and sizes', () => {
    expect(sampled('10%')).toHaveLength(3);
    expect(sampled('0.1%')).toHaveLength(1);
    expect(sampled('100%')).toHaveLength(23);
    expect(sampled('55B')).toHaveLength(6);
    expect(sampled('500MiB')).toHaveLength(23);
  });

  test.each(['', '0%', '101%', '6/5', '0/5', '1/0', '-1%', '5', '500MB', '1e3%'])(
    '%j is none',
    (text) => {
      expect(parseSample(text)).toBeNull();
    },
  );
});
