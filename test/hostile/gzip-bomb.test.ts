// State that is compressed and expands to far more than was declared: refused by the declared length, in a small heap.

import {cpSync, readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {brotliCompressSync, constants, gzipSync} from 'node:zlib';
import {afterAll, beforeAll, expect} from 'vitest';
import {ROOT, tidemark} from '../kills/support/process.ts';
import {errorOf} from './support/ending.ts';
import {forgeStateFile} from './support/forge.ts';
import {OrdersJob} from './support/orders-job.ts';
import {sampleTest} from './support/sample.ts';

const NEWEST = 4;
let job: OrdersJob;
let newest: string;

beforeAll(async () => {
  job = new OrdersJob({rowsPerSecond: 100});
  await job.crashWithCheckpoints(NEWEST);
  newest = job.checkpoint(NEWEST);
});

afterAll(() => {
  job.remove();
});

sampleTest(
  'ck-gzip-bomb: 96 MiB out of 96 KiB of compressed state are not unpacked: 4',
  async () => {
    const flags = ['-D', 'execution.checkpointing.snapshot-compression=gzip', '--json'];
    const crashed = await job.run(flags, {
      TIDEMARK_FAILPOINT: 'storage.publish.after-rename:2',
    });
    expect(crashed.signal, crashed.stdout).toBe('SIGKILL');
    const compressed = job.checkpoint(job.checkpointIds().at(-1)!);
    expect(compressed).not.toBe(newest);
    const path = join(compressed, 'by-user/0.groups');
    const whole = readFileSync(path);
    const bomb = bombOf(whole);
    forgeStateFile(compressed, ['by-user', 'groups'], bomb);
    const parts = job.parts();
    const run = await job.run(['--json'], {NODE_OPTIONS: '--max-old-space-size=128'});
    expect(run.status, run.stdout).toBe(4);
    expect(errorOf(run).message).toContain('by-user');
    // What the checkpoint had committed already, and the rest of it, is no reason to touch them.
    expect(job.parts()).toEqual(expect.arrayContaining(parts));
  },
);

sampleTest(
  'ck-gzip-bomb: 96 MiB in a part of a canonical savepoint are not unpacked: 4',
  async () => {
    const savepoint = join(job.directory, 'savepoint');
    const kept = join(ROOT, 'test/formats/kept/savepoint-canonical-brotli-0.1.0/files/savepoints');
    cpSync(join(kept, readdirSync(kept)[0]!), savepoint, {recursive: true});
    const path = join(savepoint, 'windows/0.groups');
    const whole = readFileSync(path);
    const stored = whole.indexOf('GRPZ') + 12;
    const data = stored + 4 + whole.readUInt32LE(stored - 8) * 12;
    // Fewer bytes than the rows that stood there, so that nothing but their expansion shows it.
    const params = {[constants.BROTLI_PARAM_QUALITY]: 5};
    const zeros = brotliCompressSync(Buffer.alloc(96 * 1024 * 1024), {params});
    const bomb = Buffer.concat([whole.subarray(0, data), zeros, whole.subarray(-16)]);
    bomb.writeUInt32LE(zeros.length, stored);
    forgeStateFile(savepoint, ['windows', 'groups'], bomb);
    const limit = {NODE_OPTIONS: '--max-old-space-size=128'};
    for (const command of [
      ['checkpoint', 'verify', savepoint, '--level', 'decode', '--json'],
      ['state', 'scan', savepoint, '--json'],
    ]) {
      const run = await tidemark(command, limit);
      expect(run.status, run.stdout + run.stderr).toBe(4);
      expect(run.stdout).toMatch(/windows\/0\.groups is damaged.*expand to more than \d+ bytes/u);
    }
  },
);

/** The state file with 96 MiB of zeros as the content of its only part (src/state/compressed-chunk.ts). */
function bombOf(file: Buffer): Buffer {
  const chunk = file.indexOf('CHNZ');
  const groups = file.readUInt32LE(chunk + 4);
  expect(file.readUInt32LE(chunk + 16)).toBe(1);
  const part = chunk + 24 + groups * 12;
  const data = Math.ceil((part + 12 - chunk) / 8) * 8 + chunk;
  const end = data + file.readUInt32LE(chunk + 20);
  const zeros = gzipSync(Buffer.alloc(96 * 1024 * 1024), {level: 9});
  const padded = Buffer.concat([zeros, Buffer.alloc((8 - (zeros.length % 8)) % 8)]);
  const bomb = Buffer.concat([file.subarray(0, data), padded, file.subarray(end)]);
  bomb.writeUInt32LE(padded.length, chunk + 20);
  bomb.writeUInt32LE(zeros.length, part + 8);
  return bomb;
}
