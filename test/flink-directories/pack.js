// Packs directories that Flink wrote into directories.br, which the tests read (support/directories.ts says how it is laid out):
// of each the `_metadata`, and the names and sizes of the other files; of those in `v6` all bytes, and what Flink's REST said.
//   node test/flink-directories/pack.js OLDER V6      the unpacked flink-fixtures and flink-v6
import {existsSync, readFileSync, readdirSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {brotliCompressSync, constants} from 'node:zlib';

const [older, v6] = process.argv.slice(2);
const stored = [];

function filesBelow(root) {
  return readdirSync(root, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function fileEntry(root, path, isStored) {
  const bytes = statSync(join(root, path)).size;
  if (isStored) stored.push(readFileSync(join(root, path)));
  return {path, bytes, stored: isStored};
}

/** One for each `_metadata`: a directory is what lies beside it. */
function packOlder(root) {
  const metadata = filesBelow(root).filter((path) => path.endsWith('/_metadata'));
  return metadata.map((path) => {
    const name = dirname(path);
    const inside = filesBelow(join(root, name));
    return {
      name,
      checkpoints: [{path: '.', facts: null}],
      files: inside.map((file) => fileEntry(join(root, name), file, file === '_metadata')),
    };
  });
}

/** One for each kind, with all checkpoints and savepoints of its job. */
function packV6(root) {
  return readdirSync(root)
    .sort()
    .map((name) => {
      const facts = JSON.parse(readFileSync(join(root, name, 'facts.json'), 'utf8'));
      const files = filesBelow(join(root, name)).filter((path) => path !== 'facts.json');
      const told = [...facts.checkpoints, ...facts.savepoints];
      return {
        name: `v6/${name}`,
        checkpoints: told
          .map((one) => ({
            path: one.path.split(`/snapshots/${name}/`)[1],
            facts: factsOf(facts, one),
          }))
          .filter(({path}) => existsSync(join(root, name, path))),
        files: files.map((path) => fileEntry(join(root, name), path, true)),
      };
    });
}

function factsOf({vertices}, {details, savepoint_metadata: operators}) {
  return {
    id: details.id,
    isSavepoint: details.is_savepoint,
    savepointFormat: details.savepointFormat,
    type: details.checkpoint_type,
    stateSize: details.state_size,
    checkpointedSize: details.checkpointed_size,
    persistedData: details.persisted_data,
    vertices: vertices.map(({id, parallelism, maxParallelism}) => ({
      id,
      parallelism,
      maxParallelism,
    })),
    operators: operators.map((operator) => ({
      name: operator['operator-name'],
      uid: operator['operator-uid'],
      id: operator['operator-uid-hash'],
      parallelism: operator['operator-parallelism'],
      maxParallelism: operator['operator-max-parallelism'],
      subtasks: operator['operator-subtask-state-count'],
      coordinatorBytes: operator['operator-coordinator-state-size-in-bytes'],
      bytes: operator['operator-total-size-in-bytes'],
    })),
  };
}

const directories = [...packOlder(older), ...packV6(v6)];
const table = Buffer.from(JSON.stringify(directories));
const length = Buffer.alloc(4);
length.writeUInt32BE(table.length);
const packed = brotliCompressSync(Buffer.concat([length, table, ...stored]), {
  params: {[constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 11},
});
writeFileSync(new URL('directories.br', import.meta.url), packed);
