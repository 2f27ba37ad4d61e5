// A thread that compares state files with their checksums, and tells meanwhile how many bytes it has read.

import {systemClock} from './base/clock.ts';
import {pacedSum} from './base/paced-sum.ts';
import {serveRequests} from './runtime/worker-client.ts';
import {blockingFileSystem} from './storage/blocking-file-system.ts';
import {checkFile, type FileCheckRequest} from './storage/check-file.ts';

/** Between two of a file: nobody sees more, and each wakes the main thread. */
const TOLD_PERIOD_MILLIS = 250;

// It has nothing else to do, and there is one for each core: a read on another thread only takes time from those that hash.
serveRequests(async (request: FileCheckRequest, tell) =>
  checkFile(blockingFileSystem, request, pacedSum(systemClock, TOLD_PERIOD_MILLIS, tell)),
);
