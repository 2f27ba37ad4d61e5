// The thread of a RocksDB database: `storeThreads` starts one, `serveStore` is its inside.

import {parentPort, Worker, workerData} from 'node:worker_threads';

import {must} from '../base/assert.ts';
import {EngineError} from '../base/errors.ts';
import type {StoreCall, StoreNews, StoreThreadData} from '../state/rocksdb/mailbox.ts';
import type {StartStoreThread} from '../state/rocksdb/mailbox-store.ts';
import {StoreServer} from '../state/rocksdb/store-server.ts';
import type {FileSystem} from '../storage/file-system.ts';

/**
 * Of V8's heap, three times a semi-space. What a lookup makes is garbage as soon as its batch is answered, and V8 would let the
 * default of 48 stand. With half of this one, what is still asked for survives, and grows old: more memory, and more work.
 */
const YOUNG_GENERATION_MB = 24;

/** Each thread is a worker thread that runs the module `entry`. */
export function storeThreads(entry: URL): StartStoreThread {
  return (data, listener) => {
    const worker = new Worker(entry, {
      workerData: data,
      name: 'rocksdb',
      resourceLimits: {maxYoungGenerationSizeMb: YOUNG_GENERATION_MB},
    });
    let death: unknown = null;
    worker.on('message', (news: StoreNews) => listener.news(news));
    worker.on('error', (error) => {
      death = error;
    });
    worker.on('exit', (code) => {
      const how = `the RocksDB thread ended with status ${code}`;
      listener.exited(death ?? new EngineError('STORAGE_FAILED', how));
    });
    return {
      post: (call, moved) => worker.postMessage(call, moved),
      terminate: async () => {
        await worker.terminate();
      },
    };
  };
}

export async function serveStore(files: FileSystem): Promise<void> {
  const port = must(parentPort, 'parent port of a RocksDB thread');
  const server = new StoreServer(workerData as StoreThreadData, files, (news) =>
    port.postMessage(news),
  );
  // Whatever ends this thread: nobody sleeps for it any more.
  process.on('exit', () => server.die());
  // It is what keeps this thread alive.
  port.on('message', (call: StoreCall) => server.take(call));
  await server.open();
}
