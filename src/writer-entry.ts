// A snapshot writer thread: reads frozen pages out of shared memory and makes them durable; or makes a canonical state
// file of one that lies on the disk.

import {serveRequests} from './runtime/worker-client.ts';
import {convertSnapshot, type ConversionRequest} from './state/canonical/convert-snapshot.ts';
import type {CopyRequest, SnapshotRequest} from './state/snapshot-request.ts';
import {answerSnapshot} from './state/snapshot-writer.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

const files = nodeFileSystem;
serveRequests(async (request: SnapshotRequest | CopyRequest | ConversionRequest) =>
  'control' in request ? answerSnapshot(request, files) : convertSnapshot(files, request),
);
