// A snapshot writer thread: reads frozen pages out of shared memory and makes them durable, or copies finished files; or makes
// a canonical state file of state that lies on the disk.

import {storeThreads} from './runtime/store-thread.ts';
import {serveRequests} from './runtime/worker-client.ts';
import {convertState, type DatabaseConversion} from './state/canonical/convert-database.ts';
import type {ConversionRequest} from './state/canonical/convert-snapshot.ts';
import {MailboxStore} from './state/rocksdb/mailbox-store.ts';
import type {CopyRequest, SnapshotRequest} from './state/snapshot-request.ts';
import {answerSnapshot} from './state/snapshot-writer.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

const files = nodeFileSystem;
const startStore = storeThreads(new URL('./store-entry.js', import.meta.url));
serveRequests(
  async (request: SnapshotRequest | CopyRequest | ConversionRequest | DatabaseConversion) =>
    'control' in request
      ? answerSnapshot(request, files)
      : convertState(files, request, async (store) => MailboxStore.open(store, startStore)),
);
