// The snapshot writer in a thread, for state.js: the same code as the engine's writer thread runs.
import {parentPort} from 'node:worker_threads';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';
import {answerSnapshot} from '../../dist/src/state/snapshot-writer.js';

const files = nodeFileSystem;
parentPort.on('message', ({id, request}) => {
  answerSnapshot(request, files).then(
    (reply) => parentPort.postMessage({id, reply}),
    (error) => parentPort.postMessage({id, error: String(error?.stack ?? error)}),
  );
});
