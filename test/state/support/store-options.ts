import type {StoreOptions} from '#src/state/rocksdb/row-store.js';

export const STORE_OPTIONS: StoreOptions = {
  writeBufferSize: 1024 * 1024,
  writeBufferCount: 2,
  backgroundThreads: 2,
  openFiles: -1,
  blockSize: 4096,
  bloomBitsPerKey: 10,
};
