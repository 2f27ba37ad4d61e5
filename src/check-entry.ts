// A thread that compares state files with their checksums, and tells meanwhile how many bytes it has read.

import {systemClock} from './base/clock.ts';
import {pacedSum} from './base/paced-sum.ts';
import {serveRequests} from './runtime/worker-client.ts';
import {checkFile, type FileCheckRequest} from './storage/check-file.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

/** Between two of a file: nobody sees more, and each wakes the main thread. */
const TOLD_PERIOD_MILLIS = 250;

serveRequests(async (request: FileCheckRequest, tell) =>
  checkFile(nodeFileSystem, request, pacedSum(systemClock, TOLD_PERIOD_MILLIS, tell)),
);
