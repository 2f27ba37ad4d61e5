// Keyed state by itself, without decoding: P6, P7, P8, P12 and the group-by kernel.
//   node --expose-gc test/bench/state.js [keys, default 10000000] [rounds, default 5]
import {randomBytes} from 'node:crypto';
import {closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import {
  backendOf,
  BATCH,
  KEYS,
  line,
  ROUNDS,
  SPEC,
  statistics,
  text,
  Updater,
  Writer,
} from './state-table.js';

const UPDATES = Math.min(KEYS, 4_000_000);

/** The base of P6: a Map of objects, one key at a time. Returns a function that does so many updates. */
function mapUpdater() {
  const map = new Map();
  for (let key = 0; key < KEYS; key += 1) map.set(key, {n: 1, sum: 2.5});
  const updater = new Updater({shape: {slots: [], rowWords: 0}});
  return (updates) => {
    for (let done = 0; done < updates; done += BATCH) {
      updater.random();
      for (let at = 0; at < BATCH; at += 1) {
        const key = updater.values[at];
        const group = map.get(key);
        if (group === undefined) map.set(key, {n: 1, sum: 2.5});
        else {
          group.n += 1;
          group.sum += 2.5;
        }
      }
    }
  };
}

/** Updates per second of the processor's time, so that other programs on the machine count less. */
function rateOf(action) {
  const before = process.cpuUsage();
  action(UPDATES);
  const {user, system} = process.cpuUsage(before);
  return (UPDATES / (user + system)) * 1e6;
}

async function main() {
  const directory = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'tidemark-bench-'));
  const writer = new Writer();
  try {
    console.log(`${KEYS} keys, ${ROUNDS} rounds, batches of ${BATCH}, node ${process.version}`);
    const backend = backendOf(writer);
    const table = await backend.openTable(SPEC);
    const updater = new Updater(table);
    const started = performance.now();
    let worst = 0;
    for (let key = 0; key < KEYS; key += BATCH) {
      for (let at = 0; at < BATCH; at += 1) updater.values[at] = key + at;
      const before = performance.now();
      updater.step(Math.min(BATCH, KEYS - key));
      worst = Math.max(worst, performance.now() - before);
    }
    const seconds = (performance.now() - started) / 1000;
    console.log(`insert: ${text(KEYS / seconds)} keys/s, slowest batch ${worst.toFixed(2)} ms`);
    benchUpdates(updater);
    console.log(`P6 bytes a key: ${(backend.sizeBytes() / KEYS).toFixed(1)}`);

    const snapshots = await benchSnapshots(backend, updater, directory);
    await benchRestore(writer, snapshots.at(-1));
  } finally {
    await writer.close();
    rmSync(directory, {recursive: true, force: true});
  }
}

function benchUpdates(updater) {
  const map = mapUpdater();
  const [ours, base, ratios] = [[], [], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const rate = rateOf((updates) => updater.run(updates));
    const mapRate = rateOf(map);
    // The first round warms up.
    if (round === 0) continue;
    ours.push(rate);
    base.push(mapRate);
    ratios.push(rate / mapRate);
  }
  line('P6 updates per CPU second', statistics(ours));
  line('P6 base, Map of objects', statistics(base));
  line('P6 ratio (goal 8)', statistics(ratios));
}

async function benchSnapshots(backend, updater, directory) {
  const snapshots = [];
  const figures = {quiet: [], raw: [], ratio: []};
  for (let round = 0; round < ROUNDS; round += 1) {
    const target = join(directory, `chk-${round}`);
    mkdirSync(target);
    // P8: nothing else goes on.
    const started = performance.now();
    const states = await backend.snapshot({checkpointId: round + 1, directory: target});
    figures.quiet.push(performance.now() - started);
    snapshots.push({target, states});
    const raw = rawWrite(join(directory, 'raw'), states[0].length);
    figures.raw.push(raw);
    figures.ratio.push(raw / figures.quiet.at(-1));
    if (round > 0) rmSync(snapshots[round - 1].target, {recursive: true});
  }
  console.log(`P8 file: ${text(snapshots[0].states[0].length)}B`);
  line('P8 snapshot, ms', statistics(figures.quiet));
  line('P8 base: write and fsync, ms', statistics(figures.raw));
  const ratio = statistics(figures.ratio);
  console.log(
    `P8 ratio: ${ratio.median.toFixed(2)} (goal 0.6; min ${ratio.min.toFixed(2)}, max ${ratio.max.toFixed(2)})`,
  );

  // P7: the loop goes on while the snapshot is written.
  for (let round = 0; round < ROUNDS; round += 1) {
    updater.timed = 0;
    const startedBefore = performance.now();
    for (let step = 0; step < 2000; step += 1) updater.timedStep();
    const before = statistics(updater.times.subarray(0, updater.timed));
    const rateBefore = (2000 * BATCH) / (performance.now() - startedBefore);
    const target = join(directory, `stall-${round}`);
    mkdirSync(target);
    updater.timed = 0;
    let done = false;
    const updates = updater.updates;
    const frozen = performance.now();
    const writing = backend.snapshot({checkpointId: 100 + round, directory: target});
    const freeze = performance.now() - frozen;
    const finished = writing.then((states) => {
      done = true;
      return states;
    });
    const startedDuring = performance.now();
    while (!done) {
      for (let step = 0; step < 20; step += 1) updater.timedStep();
      await turn();
    }
    const during = statistics(updater.times.subarray(0, updater.timed));
    const rateDuring = (updater.timed * BATCH) / (performance.now() - startedDuring);
    const states = await finished;
    snapshots.push({target, states, updates});
    console.log(
      `P7 freeze ${freeze.toFixed(3)} ms; batch p99.9 ${before.p999.toFixed(2)} → ${during.p999.toFixed(2)} ms, ` +
        `max ${before.max.toFixed(2)} → ${during.max.toFixed(2)} ms; throughput × ${(rateDuring / rateBefore).toFixed(2)}; ` +
        `written in ${(performance.now() - frozen).toFixed(0)} ms`,
    );
    rmSync(snapshots.at(-2).target, {recursive: true, force: true});
  }
  return snapshots;
}

async function benchRestore(writer, {target, states, updates}) {
  const times = [];
  let backend;
  for (let round = 0; round < Math.min(3, ROUNDS); round += 1) {
    backend = backendOf(writer, [{index: 0, states, watermark: null}], target);
    const started = performance.now();
    const table = await backend.openTable(SPEC);
    times.push(performance.now() - started);
    check(table, updates);
    globalThis.gc?.();
  }
  const statistic = statistics(times);
  line('P12 restore, ms (goal 2000)', statistic);
}

/** The snapshot was taken while the loop went on: it must hold exactly the updates before it. */
function check(table, updates) {
  const {floats} = table.memory();
  const {rowWords, slots} = table.shape;
  let n = 0;
  let sum = 0;
  for (let row = 0; row < table.rowCount; row += 1) {
    n += floats[row * rowWords + slots[0].word];
    sum += floats[row * rowWords + slots[1].word];
  }
  if (table.liveCount !== KEYS || n !== updates || sum !== updates * 2.5) {
    throw new Error(`${table.liveCount} keys, ${n} updates, expected ${KEYS} and ${updates}`);
  }
}

function rawWrite(path, length) {
  const block = randomBytes(4 * 2 ** 20);
  const started = performance.now();
  const file = openSync(path, 'w');
  for (let at = 0; at < length; at += block.length) {
    writeSync(file, block, 0, Math.min(block.length, length - at));
  }
  fsyncSync(file);
  closeSync(file);
  const millis = performance.now() - started;
  rmSync(path);
  return millis;
}

await main();
