// A table with an update loop, for the benches of keyed state. Of the command line: keys, rounds.
import {Worker} from 'node:worker_threads';
import {HashmapBackend} from '../../dist/src/state/hashmap/hashmap-backend.js';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';

export const KEYS = Number(process.argv[2] ?? 10_000_000);
export const ROUNDS = Number(process.argv[3] ?? 5);
export const BATCH = 1000;

export class Writer {
  #worker = new Worker(new URL('./state-writer.js', import.meta.url));
  #pending = new Map();
  #last = 0;
  constructor() {
    this.#worker.on('message', ({id, reply, error}) => {
      const {resolve, reject} = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) resolve(reply);
      else reject(new Error(error));
    });
  }
  call(request) {
    this.#last += 1;
    this.#worker.postMessage({id: this.#last, request});
    return new Promise((resolve, reject) => this.#pending.set(this.#last, {resolve, reject}));
  }
  close() {
    return this.#worker.terminate();
  }
}

export const SPEC = {
  name: 'groups',
  key: [{name: 'k', type: {kind: 'bigint'}}],
  keyGroupColumns: 1,
  values: [
    {name: 'n', kind: 'float64'},
    {name: 'sum', kind: 'float64'},
  ],
};

export function backendOf(writer, restored = [], restoredDirectory = null, incremental = null) {
  return new HashmapBackend({
    uid: 'bench',
    subtask: 0,
    maxParallelism: 128,
    keyGroups: {start: 0, end: 127},
    restored,
    restoredDirectory,
    files: nodeFileSystem,
    writer,
    compression: 'none',
    incremental,
  });
}

/** A table with an update loop over batches of random keys. */
export class Updater {
  constructor(table) {
    this.table = table;
    this.rows = new Int32Array(BATCH);
    this.values = new Float64Array(BATCH);
    this.column = {layout: 'int64', values: this.values, wide: null, nulls: null};
    this.slots = table.shape.slots;
    this.seed = 1;
    this.updates = 0;
    this.times = new Float64Array(1 << 20);
    this.timed = 0;
  }
  fill() {
    for (let key = 0; key < KEYS; key += BATCH) {
      for (let at = 0; at < BATCH; at += 1) this.values[at] = key + at;
      this.step(Math.min(BATCH, KEYS - key));
    }
  }
  random() {
    let seed = this.seed;
    for (let at = 0; at < BATCH; at += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      this.values[at] = Math.floor((seed >>> 0) * (KEYS / 4294967296));
    }
    this.seed = seed;
  }
  step(count = BATCH) {
    this.table.resolve([this.column], null, 0, count, this.rows);
    const {floats} = this.table.memory();
    this.updates += count;
    add(
      floats,
      this.rows,
      count,
      this.table.shape.rowWords,
      this.slots[0].word,
      this.slots[1].word,
    );
  }
  run(updates) {
    const started = performance.now();
    for (let done = 0; done < updates; done += BATCH) {
      this.random();
      this.step();
    }
    return (updates / (performance.now() - started)) * 1000;
  }
  timedStep() {
    this.random();
    const started = performance.now();
    this.step();
    this.times[this.timed++] = performance.now() - started;
  }
}

function add(floats, rows, count, rowWords, n, sum) {
  for (let at = 0; at < count; at += 1) {
    const base = rows[at] * rowWords;
    floats[base + n] += 1;
    floats[base + sum] += 2.5;
  }
}

export function statistics(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  return {min: sorted[0], median: at(0.5), p999: at(0.999), max: sorted.at(-1)};
}
export const text = (n) => (n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n.toFixed(2));
export const line = (what, s) =>
  console.log(`${what}: min ${text(s.min)}, median ${text(s.median)}, max ${text(s.max)}`);
