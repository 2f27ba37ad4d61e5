// A thread that compares state files with their checksums.

import {serveRequests} from './runtime/worker-client.ts';
import {checkFile, type FileCheckRequest} from './storage/check-file.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

serveRequests(async (request: FileCheckRequest) => checkFile(nodeFileSystem, request));
