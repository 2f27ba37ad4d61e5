// P16: an incremental checkpoint of the rocksdb backend with 1 % of the rows changed, from the call of `snapshot` until it is
// published, against the size of the database; and the restore of the last one, whose bytes somebody else verifies.
//   node test/bench/rocksdb-checkpoint.js [MB of rows, default 200] [rounds, default 5]
import {mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {systemClock, systemTimers} from '../../dist/src/base/clock.js';
import {systemRandom} from '../../dist/src/base/random.js';
import {storeThreads} from '../../dist/src/runtime/store-thread.js';
import {MailboxStore} from '../../dist/src/state/rocksdb/mailbox-store.js';
import {RocksdbBackend} from '../../dist/src/state/rocksdb/rocksdb-backend.js';
import {takeOver} from '../../dist/src/storage/job-directory.js';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';
import {systemProcessTable} from '../../dist/src/storage/process-table.js';
import {line, statistics, Writer} from './state-table.js';

const MEGABYTES = Number(process.argv[2] ?? 200);
const ROUNDS = Number(process.argv[3] ?? 5);
const TEXT_BYTES = 200;
const ROWS = Math.ceil((MEGABYTES * 2 ** 20) / (TEXT_BYTES + 40));
const BATCH = 1000;
const SPEC = {
  name: 'groups',
  key: [{name: 'k', type: {kind: 'bigint'}}],
  keyGroupColumns: 1,
  values: [{name: 'last', kind: 'bytes'}],
};
const STORE = {
  writeBufferSize: 32 * 2 ** 20,
  writeBufferCount: 2,
  backgroundThreads: 2,
  openFiles: -1,
  blockSize: 8192,
  bloomBitsPerKey: 10,
};

const root = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'tidemark-bench-'));
const writer = new Writer();
const startStore = storeThreads(new URL('../../dist/src/store-entry.js', import.meta.url));

function backendOf(generation, restored, restoredDirectory) {
  return new RocksdbBackend({
    uid: 'bench',
    subtask: 0,
    maxParallelism: 128,
    keyGroups: {start: 0, end: 127},
    restored,
    restoredDirectory,
    files: nodeFileSystem,
    incremental: true,
    writer,
    openStore: async (request) => MailboxStore.open(request, startStore),
    place: {jobDirectory: join(root, 'job'), generation, uid: 'bench', subtask: 0, directories: []},
    settings: {store: STORE, cacheBytes: 256 * 2 ** 20, transferThreads: 4},
  });
}

const keys = new Float64Array(BATCH);
const columns = [{layout: 'int64', values: keys, wide: null, nulls: null}];
const rows = new Int32Array(BATCH);
const text = new Uint8Array(TEXT_BYTES);
/** Bytes that do not compress. */
function fillText(seed) {
  let state = (seed * 2654435761) | 1;
  for (let at = 0; at < TEXT_BYTES; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    text[at] = state >>> 24;
  }
}

function write(table, key, count) {
  for (let at = 0; at < count; at += 1) keys[at] = key(at);
  table.resolve(columns, null, 0, count, rows);
  for (let at = 0; at < count; at += 1) {
    fillText(keys[at]);
    table.writeBytes(rows[at], table.shape.slots[0], text, 0, TEXT_BYTES);
  }
}

async function checkpoint(owner, backend, id) {
  const began = performance.now();
  const attempt = await owner.beginAttempt(id);
  const called = performance.now();
  const written = backend.snapshot({checkpointId: id, directory: attempt.directory});
  const wait = performance.now() - called;
  const states = await written;
  const snapshot = performance.now() - began;
  const brought = readdirSync(join(attempt.directory, '.shared')).reduce(
    (sum, name) => sum + statSync(join(attempt.directory, '.shared', name)).size,
    0,
  );
  const {path} = await attempt.publish(metadataOf(owner, id, states));
  backend.checkpointCompleted(id);
  return {path, states, snapshot, brought, wait, millis: performance.now() - began};
}

function metadataOf(owner, id, states) {
  return {
    format: {major: 1, minor: 0},
    engine: '0.1.0',
    requiredFeatures: ['shared-files', 'rocksdb-state'],
    jobName: 'job',
    jobHash: '0'.repeat(64),
    checkpointId: id,
    kind: 'checkpoint',
    purpose: 'periodic',
    lineage: '0123456789abcdef',
    ancestors: [],
    runId: owner.runId,
    generation: owner.generation,
    parent: null,
    ...{unaligned: false, incremental: true, compression: 'none', drained: false},
    ...{savepointTarget: null, triggered: 0, completed: 0},
    operators: [
      {
        uid: 'bench',
        type: 'aggregate',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [{index: 0, states, watermark: null}],
      },
    ],
  };
}

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

try {
  const owner = await takeOver({
    files: nodeFileSystem,
    ...{clock: systemClock, timers: systemTimers, random: systemRandom},
    processes: systemProcessTable,
    jobDirectory: join(root, 'job'),
    ...{kind: 'run', takeOver: false},
  });
  const origin = {kind: 'fresh'};
  await owner.beginLineage({
    lineage: '0123456789abcdef',
    ...{origin, ancestors: [], outputAhead: null},
  });
  const backend = backendOf(owner.generation, [], null);
  const table = await backend.openTable(SPEC);
  const filling = performance.now();
  for (let from = 0; from < ROWS; from += BATCH) {
    write(table, (at) => from + at, Math.min(BATCH, ROWS - from));
  }
  console.log(`${ROWS} rows in ${((performance.now() - filling) / 1000).toFixed(1)} s`);
  let last = await checkpoint(owner, backend, 1);
  const total = last.states.reduce((sum, {length}) => sum + length, 0);
  console.log(
    `first: ${last.millis.toFixed(0)} ms, ${last.states.length} files, ${megabytes(total)} MB`,
  );
  const [times, bytes, waits] = [[], [], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    const changed = ROWS / 100;
    for (let done = 0; done < changed; done += BATCH) {
      const count = Math.min(BATCH, Math.ceil(changed - done));
      write(table, () => Math.floor(Math.random() * ROWS), count);
    }
    last = await checkpoint(owner, backend, round + 2);
    times.push(last.millis);
    bytes.push(last.brought / 2 ** 20);
    waits.push(last.wait);
    const {millis, snapshot, brought, states} = last;
    console.log(
      `1 % changed: ${millis.toFixed(0)} ms (snapshot ${snapshot.toFixed(0)}), ${megabytes(brought)} MB, ${states.length} files`,
    );
  }
  line('P16 checkpoint, ms (goal 300)', statistics(times));
  line('brought, MB (more than changed: RocksDB has compacted)', statistics(bytes));
  line('records wait, ms (goal 5)', statistics(waits));
  await backend.close();
  const began = performance.now();
  const restored = [{index: 0, states: last.states, watermark: null}];
  const again = backendOf(owner.generation, restored, last.path);
  await again.openTable(SPEC);
  console.log(
    `P16 restore, its bytes being verified (goal 200 ms): ${(performance.now() - began).toFixed(0)} ms`,
  );
  await again.close();
} finally {
  await writer.close();
  rmSync(root, {recursive: true, force: true});
}
