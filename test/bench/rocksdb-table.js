// A table of the rocksdb backend over RocksDB in its own thread, with an update loop, for the benches of its state.
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {storeThreads} from '../../dist/src/runtime/store-thread.js';
import {MailboxStore} from '../../dist/src/state/rocksdb/mailbox-store.js';
import {RocksdbBackend} from '../../dist/src/state/rocksdb/rocksdb-backend.js';
import {InProcessWriter} from '../../dist/src/state/snapshot-writer.js';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';

export const BATCH = 4000;

export const SPEC = {
  name: 'groups',
  key: [{name: 'k', type: {kind: 'bigint'}}],
  keyGroupColumns: 1,
  values: [
    {name: 'n', kind: 'float64'},
    {name: 'sum', kind: 'float64'},
  ],
};

/** Of a row in memory, with its place in the index and its flags. */
export const ROW_BYTES = 53;
/** Of a row in RocksDB: a key of 11 bytes, flags and slots, and RocksDB's own. */
export const ENTRY_BYTES = 11 + 20 + 8;

const startStore = storeThreads(new URL('../../dist/src/store-entry.js', import.meta.url));

/** Backends of one bench, with the directory that they work in. */
export class Workshop {
  directory = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'tidemark-bench-'));
  #count = 0;

  backend(cacheBytes, writeBufferSize = 32 * 2 ** 20) {
    this.#count += 1;
    return new RocksdbBackend({
      uid: 'bench',
      subtask: 0,
      maxParallelism: 128,
      keyGroups: {start: 0, end: 127},
      restored: [],
      restoredDirectory: null,
      files: nodeFileSystem,
      writer: new InProcessWriter(nodeFileSystem),
      openStore: async (request) => MailboxStore.open(request, startStore),
      place: {
        jobDirectory: join(this.directory, 'job'),
        generation: this.#count,
        uid: 'bench',
        subtask: 0,
        directories: [this.directory],
      },
      settings: {
        store: {
          writeBufferSize,
          writeBufferCount: 2,
          backgroundThreads: 2,
          openFiles: -1,
          blockSize: 8192,
          bloomBitsPerKey: 10,
        },
        cacheBytes,
        transferThreads: 4,
      },
    });
  }

  target(checkpointId) {
    const directory = join(this.directory, `chk-${checkpointId}`);
    mkdirSync(directory);
    return directory;
  }

  remove() {
    rmSync(this.directory, {recursive: true, force: true});
  }
}

/** Draws keys below `count`; the same ones for every run. */
export class Draw {
  #seed = 1;
  #count;
  #samples;

  /** `exponent` 0: uniform. Zipf: drawn in advance, scattered over the keys. */
  constructor(count, exponent = 0, samples = 1 << 22) {
    this.#count = count;
    this.#samples = exponent === 0 ? null : this.#zipf(exponent, samples);
  }

  #random() {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) | 0;
    return (this.#seed >>> 0) / 4294967296;
  }

  #zipf(exponent, samples) {
    const until = new Float64Array(this.#count);
    let sum = 0;
    for (let rank = 0; rank < this.#count; rank += 1) {
      sum += 1 / (rank + 1) ** exponent;
      until[rank] = sum;
    }
    const drawn = new Int32Array(samples);
    for (let at = 0; at < samples; at += 1) {
      const wanted = this.#random() * sum;
      let [low, high] = [0, this.#count - 1];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (until[middle] < wanted) low = middle + 1;
        else high = middle;
      }
      drawn[at] = Number((BigInt(low) * 2654435761n) % BigInt(this.#count));
    }
    return drawn;
  }

  fill(values) {
    const samples = this.#samples;
    if (samples === null) {
      for (let at = 0; at < values.length; at += 1) {
        values[at] = Math.floor(this.#random() * this.#count);
      }
      return;
    }
    const from = Math.floor(this.#random() * (samples.length - values.length));
    for (let at = 0; at < values.length; at += 1) values[at] = samples[from + at];
  }
}

/** Updates `table` batch by batch. */
export class Updates {
  count = 0;
  /** Milliseconds of each batch since it was emptied. */
  times = [];
  #table;
  #rows = new Int32Array(BATCH);
  #values = new Float64Array(BATCH);

  constructor(table) {
    this.#table = table;
  }

  /** One row for each key below `count`; `note` is called now and then. */
  insert(count, note = () => undefined) {
    for (let key = 0; key < count; key += BATCH) {
      if ((key / BATCH) % 16 === 0) note();
      const size = Math.min(BATCH, count - key);
      for (let at = 0; at < size; at += 1) this.#values[at] = key + at;
      this.#step(size);
    }
  }

  step(draw) {
    draw.fill(this.#values);
    const started = performance.now();
    this.#step(BATCH);
    this.times.push(performance.now() - started);
  }

  #step(size) {
    const column = {layout: 'int64', values: this.#values, wide: null, nulls: null};
    this.#table.resolve([column], null, 0, size, this.#rows);
    const {rowWords, slots} = this.#table.shape;
    const {floats} = this.#table.memory();
    for (let at = 0; at < size; at += 1) {
      const base = this.#rows[at] * rowWords;
      floats[base + slots[0].word] += 1;
      floats[base + slots[1].word] += 2.5;
    }
    this.count += size;
  }
}

/** Rows, and updates in them. */
export function totals(table) {
  const totals = {rows: 0, updates: 0};
  const {rowWords, slots} = table.shape;
  table.visitRows((rows, count) => {
    const {floats} = table.memory();
    totals.rows += count;
    for (let at = 0; at < count; at += 1) {
      const base = rows[at] * rowWords;
      totals.updates += floats[base + slots[0].word];
      if (floats[base + slots[1].word] !== floats[base + slots[0].word] * 2.5) {
        throw new Error('the sum of a row is not its count times 2.5');
      }
    }
  });
  return totals;
}
