// P9, and P7 of incremental snapshots: what a delta has of the rows that changed, and how long it stops the loop.
//   node --expose-gc test/bench/state-deltas.js [keys, default 10000000] [rounds, default 5]
import {mkdtempSync, mkdirSync, rmSync} from 'node:fs';
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

/** Of the rows, by an interval's updates; the last one is beyond what a delta is for. */
const SHARES = [0.001, 0.01, 0.1, 0.3];

async function main() {
  const directory = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'tidemark-bench-'));
  const writer = new Writer();
  try {
    console.log(`${KEYS} keys, ${ROUNDS} rounds, batches of ${BATCH}, node ${process.version}`);
    const plain = await filled(writer, null);
    const [before, after] = [[], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const rate = plain.updater.run(2_000_000);
      if (round > 0) before.push(rate);
    }
    line('updates/s without incremental', statistics(before));
    const {backend, updater, table} = await filled(writer, {deltasMax: 1000});
    const first = await snapshot(backend, directory, 1);
    console.log(`base: ${text(first[0].length)}B`);
    for (let round = 0; round <= ROUNDS; round += 1) {
      const rate = updater.run(2_000_000);
      if (round > 0) after.push(rate);
    }
    line('updates/s with incremental', statistics(after));
    await snapshot(backend, directory, 2);
    await benchShares({backend, updater, table, directory});
  } finally {
    await writer.close();
    rmSync(directory, {recursive: true, force: true});
  }
}

async function filled(writer, incremental) {
  const backend = backendOf(writer, [], null, incremental);
  const table = await backend.openTable(SPEC);
  const updater = new Updater(table);
  updater.fill();
  return {backend, table, updater};
}

async function snapshot(backend, directory, id, full = true) {
  const target = join(directory, `chk-${id}`);
  mkdirSync(target);
  const states = await backend.snapshot({checkpointId: id, directory: target, full});
  backend.checkpointCompleted(id);
  rmSync(target, {recursive: true});
  return states;
}

async function benchShares({backend, updater, table, directory}) {
  const rowBytes = table.shape.rowInts * 4;
  let id = 2;
  for (const share of SHARES) {
    const ratios = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const changed = new Set();
      for (let done = 0; done < KEYS * share; done += BATCH) {
        updater.random();
        updater.step();
        for (const row of updater.rows) changed.add(row);
      }
      id += 1;
      const target = join(directory, `chk-${id}`);
      mkdirSync(target);
      updater.timed = 0;
      let states = null;
      const started = performance.now();
      const writing = backend.snapshot({checkpointId: id, directory: target}).then((written) => {
        states = written;
      });
      const freeze = performance.now() - started;
      while (states === null) {
        for (let step = 0; step < 20; step += 1) updater.timedStep();
        await turn();
      }
      await writing;
      const millis = performance.now() - started;
      const {p999, max} = statistics(updater.times.subarray(0, updater.timed));
      const delta = states.at(-1);
      const rows = delta.description.rows;
      ratios.push(delta.length / (changed.size * rowBytes));
      console.log(
        `P9 ${(share * 100).toFixed(1)} % updated: ${changed.size} rows changed, ${rows} written, ${text(delta.length)}B, ` +
          `× ${ratios.at(-1).toFixed(3)}; freeze ${freeze.toFixed(3)} ms, batch p99.9 ${p999.toFixed(2)} ms, max ${max.toFixed(2)} ms, ` +
          `written in ${millis.toFixed(0)} ms`,
      );
      if (rows !== changed.size && states.length > 1) throw new Error('other rows than changed');
      backend.checkpointAborted(id);
      // Back to an interval without changes.
      id += 1;
      await snapshot(backend, directory, id);
      rmSync(target, {recursive: true});
    }
    line('P9 ratio (goal 1.3)', statistics(ratios));
  }
}

await main();
