// Memory grows with state, never with the length of the input, and back-pressure bounds every queue.
//
//   memory  a 10 GB input on one thread: many names of one file (hard links), read one after another as
//           splits of one source, grouped by 100,000 keys with a checkpoint every second
//   P19     the same on two threads with an exchange between them; then endless rows that come many times
//           faster than the sink behind the exchange takes them

import {BenchJob, groupByJob} from './candidate.js';
import {fileSize, linkedFiles, recordsFile} from './data.js';
import {million} from './support.js';

const INPUT_BYTES = 10e9;
const SAMPLE_MILLIS = 100;
/**
 * From 50 % to 90 % of the input: what grows with it would nearly double. At 10 % the heaps of the threads are
 * not yet as large as their collectors let them be, nor have all keys been seen.
 */
const GROWTH_MAX = 1.15;

const SLOW_ROWS = 6_000_000;
/** Rows per second of each thread: a small part of what the source would give. */
const SLOW_RATE = 250_000;

/** The rows are 24 bytes in a ring and more in the queues before it, of which there must not be many. */
const SLOW_JOB = `name: p19
parallelism: 2
sources:
  rows:
    connector: generator
    rows: ${SLOW_ROWS}
    fields:
      id: {kind: sequence}
      user: {kind: uniform, max: 99999, prefix: user-}
steps:
  - {id: by-user, type: aggregate, input: rows, group-by: [user], emit: on-update, select: {n: COUNT(*), last: MAX(id)}}
sinks:
  slow: {connector: blackhole, input: by-user, rate-limit: ${SLOW_RATE}}
checkpointing: {interval: 1s, dir: "file:./state"}
`;

export async function benchMemory({wants, records}) {
  if (wants('memory')) await benchLongInput('10 GB', 1, records);
  if (!wants('P19')) return;
  await benchLongInput('P19  10 GB, parallelism 2', 2, records);
  const job = new BenchJob(SLOW_JOB);
  report('P19  slow sink, parallelism 2', await sampled(job, SLOW_ROWS));
  job.remove();
}

async function benchLongInput(name, parallelism, records) {
  const path = recordsFile(records);
  const links = Math.ceil(INPUT_BYTES / fileSize(path));
  const files = linkedFiles(path, links);
  const job = new BenchJob(groupByJob(files.glob, parallelism));
  report(name, await sampled(job, links * records));
  job.remove();
  files.remove();
}

/** Resident memory of the process against the records that had been read. */
async function sampled(job, expected) {
  globalThis.gc?.();
  const samples = [];
  const {records, millis} = await job.run({
    progressIntervalMillis: SAMPLE_MILLIS,
    onEvent(event) {
      if (event.type !== 'progress') return;
      samples.push({records: event.recordsIn, bytes: process.memoryUsage.rss()});
    },
  });
  if (records !== expected) throw new Error(`${records} records, expected ${expected}`);
  return {samples, records, millis};
}

function report(name, {samples, records, millis}) {
  const at = (share) =>
    (samples.find((sample) => sample.records >= records * share) ?? samples.at(-1)).bytes;
  const most = samples.reduce((greatest, {bytes}) => Math.max(greatest, bytes), 0);
  const growth = at(0.9) / at(0.5);
  const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(
    `${name}: ${million(records)} records in ${(millis / 1000).toFixed(1)} s; ` +
      `memory at 10 % ${mebibytes(at(0.1))}, 50 % ${mebibytes(at(0.5))}, 90 % ${mebibytes(at(0.9))}, most ${mebibytes(most)}; ` +
      `90 % / 50 %: ${growth.toFixed(2)}; goal ≤ ${GROWTH_MAX}: ${growth <= GROWTH_MAX ? 'met' : 'MISSED'}`,
  );
}
