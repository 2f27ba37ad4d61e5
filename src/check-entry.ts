// A thread that compares state files with their checksums.

import {serveRequests} from './runtime/worker-client.ts';
import {blockingFileSystem} from './storage/blocking-file-system.ts';
import {checkFile, type FileCheckRequest} from './storage/check-file.ts';

// It has nothing else to do, and there is one for each core: a read on another thread only takes time from those that hash.
serveRequests(async (request: FileCheckRequest) => checkFile(blockingFileSystem, request));
