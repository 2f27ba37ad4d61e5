// Promise: the thread of a RocksDB database has a heap for young objects of half the usual size, in addition to what is configured.
import {expect, test} from 'vitest';
import {storeThreads} from '#src/runtime/store-thread.js';
import {Mailbox, type StoreNews} from '#src/state/rocksdb/mailbox.js';
import {STORE_OPTIONS} from '../state/support/store-options.ts';

const ENTRY = `data:text/javascript,
import {parentPort, resourceLimits} from 'node:worker_threads';
parentPort.postMessage({kind: 'failed', error: resourceLimits});`;

test('V8 collects the garbage of lookups before it is many megabytes', async () => {
  const data = {
    memory: Mailbox.newMemory('a test'),
    open: {directory: '/nowhere', families: [], options: STORE_OPTIONS, what: 'a test'},
  };
  const news = await new Promise<StoreNews>((resolve, reject) => {
    storeThreads(new URL(ENTRY))(data, {news: resolve, exited: reject});
  });
  expect(news).toMatchObject({error: {maxYoungGenerationSizeMb: 24}});
});
