// State in RocksDB by itself, its thread included: P15 and memory; P16 is rocksdb-checkpoint.js.
//   node --expose-gc test/bench/rocksdb.js [goal, default P15] [rounds, default 5] [mebibytes, default 1150] [MiB of a write buffer]
//
//   P15             records with a cache for a quarter of the keys: Zipf 0.99, and uniform
//   rocksdb-memory  resident memory with 20 times more state than cache, against the cache; one a process, because what was
//                   resident once stays so, and the next one would not be seen
import {rmSync} from 'node:fs';
import {setImmediate as turn} from 'node:timers/promises';
import {
  BATCH,
  Draw,
  ENTRY_BYTES,
  ROW_BYTES,
  SPEC,
  totals,
  Updates,
  Workshop,
} from './rocksdb-table.js';
import {million, spread} from './support.js';

const GOAL = process.argv[2] ?? 'P15';
const ROUNDS = Number(process.argv[3] ?? 5);
const MEBIBYTES = Number(process.argv[4] ?? 1150);
const WRITE_BUFFER = Number(process.argv[5] ?? 32) * 2 ** 20;
const ROUND_MILLIS = 3000;
/** P15: some 300 MiB, or less when less is asked for. */
const KEYS = Math.min(8_000_000, Math.floor((MEBIBYTES * 2 ** 20) / 144));
/** rocksdb-memory: as much state as is asked for. */
const MEMORY_CACHE = Math.round((MEBIBYTES / 20) * 2 ** 20);
const MEMORY_MAX = 200 * 2 ** 20;

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const millis = ({median, minimum, maximum}) =>
  `${median.toFixed(1)} ms (min ${minimum.toFixed(1)}, max ${maximum.toFixed(1)})`;
const verdict = (isMet) => (isMet ? 'met' : 'MISSED');

/** Records for a while; records/s of the clock and of the processor (all threads), and the slowest batch. */
function timedRecords(updates, draw) {
  const before = updates.count;
  updates.times = [];
  const processor = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < ROUND_MILLIS) updates.step(draw);
  const elapsed = performance.now() - started;
  const {user, system} = process.cpuUsage(processor);
  const count = updates.count - before;
  return {
    wall: (count / elapsed) * 1000,
    processor: (count / (user + system)) * 1e6,
    slowest: spread(updates.times).maximum,
  };
}

function check(table, updates, keys) {
  const found = totals(table);
  if (found.rows !== keys || found.updates !== updates.count) {
    const expected = `${updates.count} in ${keys}`;
    throw new Error(`${found.updates} updates in ${found.rows} rows, expected ${expected}`);
  }
}

async function benchRecords(workshop) {
  const backend = workshop.backend((KEYS / 4) * ROW_BYTES);
  const table = await backend.openTable(SPEC);
  const updates = new Updates(table);
  updates.insert(KEYS);
  console.log(`P15  ${million(KEYS)} keys, ${mebibytes(KEYS * ENTRY_BYTES)} of state`);
  for (const [name, exponent, wanted] of [
    ['Zipf 0.99', 0.99, 500_000],
    ['uniform', 0, 100_000],
  ]) {
    const draw = new Draw(KEYS, exponent);
    // The first round warms up the cache.
    timedRecords(updates, draw);
    const rounds = Array.from({length: ROUNDS}, () => timedRecords(updates, draw));
    const wall = spread(rounds.map((round) => round.wall));
    const processor = spread(rounds.map((round) => round.processor));
    const slowest = spread(rounds.map((round) => round.slowest));
    console.log(
      `P15  ${name}: ${million(wall.median)} records/s (min ${million(wall.minimum)}, max ${million(wall.maximum)}); ` +
        `${million(processor.median)} per processor second; slowest batch of ${BATCH}: ${millis(slowest)}; ` +
        `goal ≥ ${million(wanted)}/s: ${verdict(wall.median >= wanted)}`,
    );
  }
  check(table, updates, KEYS);
  await backend.close();
}

/** One checkpoint while records go on. */
async function checkpointMeanwhile(workshop, backend, updates, draw, id) {
  const directory = workshop.target(id);
  let isWritten = false;
  const written = backend.snapshot({checkpointId: id, directory}).finally(() => {
    isWritten = true;
  });
  while (!isWritten) {
    updates.step(draw);
    await turn();
  }
  await written;
  backend.checkpointCompleted(id);
  return directory;
}

async function benchMemory(workshop, writeBufferSize) {
  const keys = Math.floor((MEMORY_CACHE * 20) / ENTRY_BYTES);
  const draw = new Draw(keys);
  globalThis.gc?.();
  const bare = process.memoryUsage.rss();
  const backend = workshop.backend(MEMORY_CACHE, writeBufferSize);
  const table = await backend.openTable(SPEC);
  const updates = new Updates(table);
  let most = 0;
  const note = () => {
    most = Math.max(most, process.memoryUsage.rss() - bare);
  };
  updates.insert(keys, note);
  const inserted = most;
  for (let id = 1; id <= 3; id += 1) {
    for (let step = 0; step < 25; step += 1) updates.step(draw);
    note();
    const directory = await checkpointMeanwhile(workshop, backend, updates, draw, 100 + id);
    note();
    rmSync(directory, {recursive: true});
  }
  const beyond = most - MEMORY_CACHE;
  console.log(
    `rocksdb-memory: ${mebibytes(keys * ENTRY_BYTES)} of state, cache ${mebibytes(MEMORY_CACHE)}, write buffers 2 × ${mebibytes(writeBufferSize)}: ` +
      `resident at most ${mebibytes(most)} more than before (while inserting ${mebibytes(inserted)}), ` +
      `${mebibytes(beyond)} beyond the cache; goal ≤ ${mebibytes(MEMORY_MAX)}: ${verdict(beyond <= MEMORY_MAX)}`,
  );
  check(table, updates, keys);
  await backend.close();
}

const workshop = new Workshop();
try {
  if (GOAL === 'P15') await benchRecords(workshop);
  else await benchMemory(workshop, WRITE_BUFFER);
} finally {
  workshop.remove();
}
