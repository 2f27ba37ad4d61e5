// P11: checkpoints behind a sink that takes a tenth of what the source gives, after an exchange by key on two
// threads: unaligned against aligned. And what was in flight is there again after a restore, row for row.

import {readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';

import {BenchJob} from './candidate.js';
import {spread} from './support.js';

/**
 * Rows per second, both threads together. A source that was held up makes a batch of the rows of up to 100
 * ms: half of it goes to each thread, whose sink then needs half a second or more for it. A barrier that
 * is aligned waits for what stands before it.
 */
const SOURCE_RATE = 40_000;
/** Faster, so that more is in flight when the proof looks. */
const PROOF_SOURCE_RATE = 400_000;
const PROOF_BYTES_MIN = 16_000;
const PROOF_CHECKPOINTS_MAX = 10;
const KEYS = 1000;
/** Checkpoints of one run; the first may find the rings not yet full. */
const CHECKPOINTS = 4;
const PROOF_ROWS = 200_000;
const ROUNDS_MAX = 3;

/** Each row of the step tells the id that made it: the difference of two sums of its user. */
const slowJob = ({rows, rate, unaligned, sinks}) => `name: p11
parallelism: 2
sources:
  rows:
    connector: generator
    ${rows === null ? '' : `rows: ${rows}`}
    rate-limit: ${rate}
    fields: {id: {kind: sequence}, user: {kind: uniform, max: ${KEYS - 1}, type: int}}
steps:
  - id: by-user
    type: aggregate
    input: rows
    group-by: [user]
    emit: on-update
    select: {n: COUNT(*), total: SUM(id)}
sinks:
  slow: {connector: blackhole, input: by-user, rate-limit: ${rate / 10 / 2}}
  ${sinks}
checkpointing:
  interval: 300ms
  min-pause: 200ms
  unaligned: {enabled: ${unaligned}}
  dir: "file:./state"
`;

export async function benchUnaligned({wants, rounds}) {
  if (!wants('P11')) return;
  const kinds = [false, true].map((unaligned) => ({
    job: new BenchJob(slowJob({rows: null, rate: SOURCE_RATE, unaligned, sinks: ''})),
    medians: [],
  }));
  for (let round = 0; round < Math.min(rounds, ROUNDS_MAX); round += 1) {
    for (const {job, medians} of kinds) medians.push(spread(await durationsOf(job)).median);
  }
  const [aligned, unaligned] = kinds.map(({medians}) => medians);
  for (const {job} of kinds) job.remove();
  const ratios = spread(aligned.map((millis, round) => millis / unaligned[round]));
  const {median} = spread(unaligned);
  console.log(
    `P11  aligned / unaligned under back-pressure: ${ratios.median.toFixed(1)} × (min ${ratios.minimum.toFixed(1)}, max ${ratios.maximum.toFixed(1)}); ` +
      `goal ≥ 20 ×: ${ratios.median >= 20 ? 'met' : 'MISSED'}`,
  );
  console.log(
    `P11  unaligned: ${median.toFixed(1)} ms, aligned ${spread(aligned).median.toFixed(0)} ms; goal ≤ 50 ms: ${median <= 50 ? 'met' : 'MISSED'}`,
  );
  await proveInFlight();
}

async function durationsOf(job) {
  const millis = [];
  await job.run({
    state: 'CRASHED',
    onEvent(event, running) {
      if (event.type !== 'checkpoint') return;
      millis.push(event.durationMillis);
      if (millis.length === CHECKPOINTS) leave(running);
    },
  });
  return millis.slice(1, CHECKPOINTS);
}

/** At once: a last checkpoint would wait for the sink. */
function leave(running) {
  running.interrupt('SIGINT');
  running.interrupt('SIGINT');
}

/** Leaves a run behind a checkpoint with much in flight and goes on from it, with a sink that is fast. */
async function proveInFlight() {
  const sinks = 'out: {connector: file, input: by-user, path: out/, format: json}';
  const job = new BenchJob(
    slowJob({rows: PROOF_ROWS, rate: PROOF_SOURCE_RATE, unaligned: true, sinks}),
  );
  let inFlightBytes = 0;
  let seen = 0;
  await job.run({
    state: 'CRASHED',
    onEvent(event, running) {
      if (event.type !== 'checkpoint') return;
      seen += 1;
      inFlightBytes = inFlightOf(event.path);
      if (inFlightBytes >= PROOF_BYTES_MIN || seen === PROOF_CHECKPOINTS_MAX) leave(running);
    },
  });
  if (inFlightBytes < PROOF_BYTES_MIN) throw new Error(`only ${inFlightBytes} bytes in flight`);
  let decision = '';
  await job.run({
    resume: true,
    set: [['sinks.slow.rate-limit', '1e12']],
    onEvent(event) {
      if (event.type === 'started') decision = event.decision;
    },
  });
  if (decision !== 'resumed') throw new Error(`the second run is ${decision}`);
  requireEachOnce(job.rows());
  job.remove();
  console.log(
    `P11  restored with ${inFlightBytes} bytes in flight: each of ${PROOF_ROWS} rows came out once`,
  );
}

function inFlightOf(checkpoint) {
  return readdirSync(checkpoint, {recursive: true})
    .filter((name) => name.endsWith('.in-flight'))
    .reduce((sum, name) => sum + statSync(join(checkpoint, name)).size, 0);
}

function requireEachOnce(rows) {
  const totals = Array.from({length: KEYS}, () => []);
  for (const {user, n, total} of rows) {
    if (totals[user][n] !== undefined) throw new Error(`row ${n} of user ${user} came twice`);
    totals[user][n] = total;
  }
  const seen = new Uint8Array(PROOF_ROWS);
  for (const sums of totals) {
    for (let n = 1; n < sums.length; n += 1) seen[sums[n] - (sums[n - 1] ?? 0)] += 1;
  }
  const wrong = seen.findIndex((times) => times !== 1);
  if (wrong !== -1) throw new Error(`row ${wrong} came out ${seen[wrong]} times`);
  if (rows.length !== PROOF_ROWS) throw new Error(`${rows.length} rows came out`);
}
