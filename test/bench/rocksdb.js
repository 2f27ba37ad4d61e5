// State in RocksDB by itself: P15 (records with a cache for a quarter of the keys).
//   node --expose-gc test/bench/rocksdb.js [keys, default 2000000] [rounds, default 5]
import {Draw, ROW_BYTES, totals, Updates, Workshop, BATCH} from './rocksdb-table.js';
import {million, spread} from './support.js';

const KEYS = Number(process.argv[2] ?? 2_000_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const MILLIS = Number(process.argv[4] ?? 3000);

async function benchRecords(workshop) {
  const backend = workshop.backend((KEYS / 4) * ROW_BYTES);
  const table = await backend.openTable(SPEC_OF);
  const updates = new Updates(table);
  updates.insert(KEYS);
  for (const [name, exponent, wanted] of [
    ...(process.env.ONLY === 'uniform' ? [] : [['Zipf 0.99', 0.99, 500_000]]),
    ['uniform', 0, 100_000],
  ]) {
    const draw = new Draw(KEYS, exponent);
    const [wall, processor, worst] = [[], [], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const before = updates.count;
      updates.times = [];
      const cpu = process.cpuUsage();
      const started = performance.now();
      while (performance.now() - started < MILLIS) updates.step(draw);
      const millis = performance.now() - started;
      const {user, system} = process.cpuUsage(cpu);
      if (round === 0) continue;
      wall.push(((updates.count - before) / millis) * 1000);
      processor.push(((updates.count - before) / (user + system)) * 1e6);
      worst.push(spread(updates.times).maximum);
    }
    const rate = spread(wall);
    const own = spread(processor);
    console.log(
      `P15  ${name}: ${million(rate.median)} records/s (min ${million(rate.minimum)}, max ${million(rate.maximum)}), ` +
        `${million(own.median)} per processor second; slowest batch of ${BATCH}: ${spread(worst).median.toFixed(0)} ms; ` +
        `goal ≥ ${million(wanted)}/s: ${rate.median >= wanted ? 'met' : 'MISSED'}`,
    );
  }
  const found = totals(table);
  if (found.rows !== KEYS || found.updates !== updates.count) {
    throw new Error(`${found.updates} updates in ${found.rows} rows, expected ${updates.count}`);
  }
  await backend.close();
}
import {SPEC as SPEC_OF} from './rocksdb-table.js';
const workshop = new Workshop();
try {
  await benchRecords(workshop);
} finally {
  workshop.remove();
}
