// P10: the smallest checkpoint of a job with keyed state on two threads, from its trigger until it is durable,
// against a bare program that does what such a checkpoint does to the disk, in the same order:
//
//    1. mkdir pending/chk-N
//    2. per thread, both at once: mkdir chk-N/by-user (one of them finds it), create
//       chk-N/by-user/<subtask>.groups, write header, rows, end; fsync; close
//    3. list chk-N and chk-N/by-user, lstat of both files
//    4. create _metadata, write, fsync, close
//    5. create SHA256SUMS, write, fsync, close
//    6. read _metadata back
//    7. fsync of the directory chk-N/by-user, then of chk-N
//    8. rename pending/chk-N to chk-N, fsync of the job's directory
//
// Both rest between two checkpoints, and both delete old ones while they rest.

import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import {open} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

import {BenchJob} from './candidate.js';
import {spread} from './support.js';

const INTERVAL_MILLIS = 50;
const CHECKPOINTS = 60;
const RATE = 1000;
/** As they are in a checkpoint of the job below. */
const HEADER_BYTES = 136;
const ROWS_BYTES = 160;
const END_BYTES = 16;
const METADATA_BYTES = 3040;
const SUMS_BYTES = 242;

const JOB = `name: p10
parallelism: 2
sources:
  ticks:
    connector: generator
    rows: ${(RATE * INTERVAL_MILLIS * CHECKPOINTS) / 1000}
    rate-limit: ${RATE}
    fields: {id: {kind: sequence}, user: {kind: uniform, max: 7, type: int}}
steps:
  - id: by-user
    type: aggregate
    input: ticks
    group-by: [user]
    emit: on-checkpoint
    select: {n: COUNT(*)}
sinks:
  out: {connector: blackhole, input: by-user}
checkpointing: {interval: ${INTERVAL_MILLIS}ms, dir: "file:./state"}
`;

export async function benchSmallestCheckpoint({wants, rounds}) {
  if (!wants('P10')) return;
  const job = new BenchJob(JOB);
  const [bare, candidate] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(spread(await bareCheckpoints()));
    candidate.push(spread(await engineCheckpoints(job)));
  }
  job.remove();
  const ratios = spread(candidate.map(({median}, round) => median / bare[round].median));
  const millis = (all) =>
    `${spread(all.map(({median}) => median)).median.toFixed(2)} ms (greatest ${Math.max(...all.map(({maximum}) => maximum)).toFixed(1)})`;
  console.log(
    `P10  smallest checkpoint, p50 / bare program: ${ratios.median.toFixed(2)} × (min ${ratios.minimum.toFixed(2)}, max ${ratios.maximum.toFixed(2)}); ` +
      `${millis(candidate)} against ${millis(bare)}; goal ≤ 2 ×: ${ratios.median <= 2 ? 'met' : 'MISSED'}`,
  );
}

/** Durations of the checkpoints of one run; the first starts the writer threads, the last ends the job. */
async function engineCheckpoints(job) {
  const millis = [];
  await job.run({
    onEvent(event) {
      if (event.type === 'checkpoint') millis.push(event.durationMillis);
    },
  });
  if (millis.length < CHECKPOINTS / 4) throw new Error(`only ${millis.length} checkpoints`);
  return millis.slice(1, -1);
}

async function bareCheckpoints() {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-bench-bare-'));
  const pending = join(root, 'pending');
  mkdirSync(pending);
  const millis = [];
  for (let id = 1; id <= CHECKPOINTS; id += 1) {
    const start = performance.now();
    await bareCheckpoint(root, join(pending, `chk-${id}`), join(root, `chk-${id}`));
    const end = performance.now();
    millis.push(end - start);
    if (id > 3) rmSync(join(root, `chk-${id - 3}`), {recursive: true});
    await sleep(Math.max(1, INTERVAL_MILLIS - (end - start)));
  }
  rmSync(root, {recursive: true});
  return millis.slice(1);
}

async function bareCheckpoint(root, attempt, target) {
  const directory = join(attempt, 'by-user');
  mkdirSync(attempt);
  mkdirSync(directory);
  await Promise.all([0, 1].map(async (subtask) => writeState(directory, subtask)));
  for (const path of [attempt, directory]) readdirSync(path);
  for (const subtask of [0, 1]) lstatSync(join(directory, `${subtask}.groups`));
  writeWhole(join(attempt, '_metadata'), METADATA_BYTES);
  writeWhole(join(attempt, 'SHA256SUMS'), SUMS_BYTES);
  readFileSync(join(attempt, '_metadata'));
  for (const path of [directory, attempt]) syncDirectory(path);
  renameSync(attempt, target);
  syncDirectory(root);
}

async function writeState(directory, subtask) {
  const file = await open(join(directory, `${subtask}.groups`), 'wx+');
  for (const bytes of [HEADER_BYTES, ROWS_BYTES, END_BYTES]) await file.write(Buffer.alloc(bytes));
  await file.sync();
  await file.close();
}

function writeWhole(path, bytes) {
  const file = openSync(path, 'wx+');
  writeSync(file, Buffer.alloc(bytes));
  fsyncSync(file);
  closeSync(file);
}

function syncDirectory(path) {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}
