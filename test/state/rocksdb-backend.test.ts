// Promise: the rocksdb backend keeps the contract of every backend, with a cache that holds next to nothing, so that every
// batch evicts: over a store in memory, and over RocksDB in its own thread.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, expect, test} from 'vitest';
import {storeThreads} from '#src/runtime/store-thread.js';
import type {SnapshotWriter} from '#src/state/snapshot-request.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {OpenStore} from '#src/state/rocksdb/row-store.js';
import {HybridFiles} from './support/hybrid-files.ts';
import {MemoryFiles} from './support/memory-files.ts';
import {memoryStores} from './support/memory-store.ts';
import {STORE_OPTIONS} from './support/store-options.ts';
import {
  MAX_PARALLELISM,
  stateBackendSuite,
  type BackendRequest,
} from './support/state-backend-suite.ts';

const CACHE_BYTES = 200;
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-rocksdb-'));
const startStore = storeThreads(new URL('../../dist/src/store-entry.js', import.meta.url));
const rocksdb: OpenStore = async (request) => MailboxStore.open(request, startStore);
let count = 0;

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

function make(
  {files, keyGroups, restored}: BackendRequest,
  directory: string,
  openStore: OpenStore,
  writer: SnapshotWriter = new InProcessWriter(files),
): RocksdbBackend {
  count += 1;
  return new RocksdbBackend({
    incremental: false,
    ownsRestored: false,
    uid: 'test',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: restored.length === 0 ? [] : [{index: 0, states: restored, watermark: null}],
    restoredDirectory: restored.length === 0 ? null : '/restored',
    files,
    writer,
    openStore,
    place: {
      jobDirectory: '/job',
      generation: count,
      uid: 'test',
      subtask: 0,
      directories: [directory],
    },
    settings: {store: STORE_OPTIONS, cacheBytes: CACHE_BYTES, transferThreads: 2},
  });
}

stateBackendSuite(
  'RocksdbBackend over a store in memory',
  (request) => make(request, '/local', memoryStores(request.files)),
  () => new MemoryFiles(),
);

stateBackendSuite(
  'RocksdbBackend over RocksDB',
  (request) => make(request, scratch, rocksdb),
  () => new HybridFiles(scratch),
  {runs: 4},
);

test('a snapshot that is given up when all of it is copied rejects', async () => {
  const files = new MemoryFiles();
  const copier = new InProcessWriter(files);
  const keyGroups = {start: 0, end: MAX_PARALLELISM - 1};
  let isGivenUp = true;
  const backend: RocksdbBackend = make(
    {files, keyGroups, restored: []},
    '/local',
    memoryStores(files),
    {
      call: async (request) => {
        const state = await copier.call(request);
        if (isGivenUp) backend.abortSnapshot(request.checkpointId);
        return state;
      },
      close: async () => copier.close(),
    },
  );
  await backend.openTable({name: 'rows', key: [], keyGroupColumns: 0, values: []});
  const snapshot = async (checkpointId: number) =>
    backend.snapshot({checkpointId, directory: `/chk-${checkpointId}`});
  await expect(snapshot(1)).rejects.toThrow(/checkpoint 1 was aborted while the state of test/);
  isGivenUp = false;
  expect((await snapshot(2)).length).toBeGreaterThan(0);
  await backend.close();
});
