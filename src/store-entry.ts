// The thread of one RocksDB database.

import {serveStore} from './runtime/store-thread.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

await serveStore(nodeFileSystem);
