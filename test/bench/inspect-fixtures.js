// Directories of checkpoints as a job leaves them, for what reads them: made by the writers of storage/, without a job.

import {createHash} from 'node:crypto';
import {closeSync, mkdirSync, openSync, writeFileSync, writeSync} from 'node:fs';
import {dirname, join} from 'node:path';

import {crc32, sha256Hex} from '../../dist/src/base/checksum.js';
import {encodeChecksums} from '../../dist/src/storage/checksum-list.js';
import {encodeMetadata} from '../../dist/src/storage/metadata-encoder.js';
import {sharedPath, stateFileAt} from '../../dist/src/storage/paths.js';
import {CHUNK_BYTES} from '../../dist/src/storage/state-chunks.js';

const JOB = 'bench';
const START = 1_700_000_000_000;

/** `count` incremental checkpoints of a job at parallelism 2: each with two files of its own and two of its ten neighbours. */
export function makeManyCheckpoints(root, count) {
  const directory = makeJobDirectory(root);
  for (let id = 1; id <= count; id += 1) {
    const states = (index) => [
      smallFile(`by-user/${index}.groups`, 'groups', `own ${id} ${index}`),
      smallFile(null, 'totals', `shared ${Math.floor(id / 10)} ${index}`),
    ];
    const operators = [operator('by-user', 'aggregate', [states(0), states(1)])];
    publish(directory, id, [source(2), ...operators]);
  }
  return directory;
}

/** One checkpoint of ten steps at parallelism 100, with `count` files, half of them in shared/; and three small ones beside it. */
export function makeLargeCheckpoint(root, count) {
  const directory = makeJobDirectory(root);
  for (let id = 1; id <= 3; id += 1) publish(directory, id, [source(100)]);
  const [steps, subtasks] = [10, 100];
  const each = Math.ceil(count / steps / subtasks);
  const operators = Array.from({length: steps}, (_, step) =>
    operator(
      `step-${step}`,
      'aggregate',
      Array.from({length: subtasks}, (_, index) =>
        Array.from({length: each}, (_, at) =>
          smallFile(
            at % 2 === 0 ? `step-${step}/${index}.table-${at}` : null,
            `table-${at}`,
            `${step} ${index} ${at}`,
          ),
        ),
      ),
    ),
  );
  return publish(directory, 4, [source(100), ...operators]);
}

/** One checkpoint of `count` files of `bytes` bytes each, of content that does not repeat within a file. */
export function makeHeavyCheckpoint(root, count, bytes) {
  const directory = makeJobDirectory(root);
  const checkpoint = join(directory, 'chk-1');
  mkdirSync(join(checkpoint, 'by-user'), {recursive: true});
  const files = Array.from({length: count}, (_, index) => [
    heavyFile(checkpoint, `by-user/${index}.groups`, index, bytes),
  ]);
  return publish(directory, 1, [operator('by-user', 'aggregate', files)]);
}

function makeJobDirectory(root) {
  const directory = join(root, JOB);
  mkdirSync(directory, {recursive: true});
  writeFileSync(join(directory, 'FORMAT'), '{"format":"tidemark","major":1}\n');
  return directory;
}

function source(parallelism) {
  const positions = Array.from({length: parallelism}, (_, index) => [
    {
      location: 'inline',
      name: 'splits',
      kind: 'position',
      codecVersion: 1,
      value: {
        ...{seed: 1, splits: parallelism, watermark: START},
        positions: [{split: index, rows: 1000 * index, greatest_timestamp: START}],
      },
    },
  ]);
  return operator('orders', 'source:generator', positions);
}

function operator(uid, type, states) {
  const subtasks = states.map((own, index) => ({index, watermark: START, states: own}));
  return {uid, type, parallelism: states.length, maxParallelism: 128, subtasks};
}

/** `path`: null: in shared/. */
function smallFile(path, name, text) {
  const content = Buffer.from(text);
  const sha256 = sha256Hex(content);
  const summary = {length: content.length, sha256, chunkCrcs: [crc32(content)]};
  return {...fileState(name, path ?? sharedPath(sha256), summary), content};
}

function fileState(name, path, summary) {
  const description = {
    key: [['user', 'int64']],
    key_group_columns: 1,
    max_parallelism: 128,
    rows: 1,
    table: name,
    values: [
      ['count', 'int64'],
      ['sum', 'float64'],
    ],
  };
  const keyGroups = {start: 0, end: 127};
  return {
    ...{location: 'file', name, kind: 'keyed', codecVersion: 1, keyGroups, path},
    ...{...summary, description},
  };
}

function heavyFile(checkpoint, path, index, bytes) {
  const file = openSync(join(checkpoint, path), 'w');
  const chunk = new Uint32Array(CHUNK_BYTES / 4);
  const digest = createHash('sha256');
  const chunkCrcs = [];
  let state = index + 1;
  for (let done = 0; done < bytes; done += CHUNK_BYTES) {
    for (let at = 0; at < chunk.length; at += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      chunk[at] = state;
    }
    const part = new Uint8Array(chunk.buffer, 0, Math.min(CHUNK_BYTES, bytes - done));
    writeSync(file, part);
    digest.update(part);
    chunkCrcs.push(crc32(part));
  }
  closeSync(file);
  return fileState('groups', path, {length: bytes, sha256: digest.digest('hex'), chunkCrcs});
}

/** Writes its small files, `_metadata` and SHA256SUMS; syncs nothing. Returns its directory. */
function publish(directory, id, operators) {
  const checkpoint = join(directory, `chk-${id}`);
  mkdirSync(checkpoint, {recursive: true});
  const made = new Set();
  for (const {path, content} of operators.flatMap(filesOf)) {
    if (content === undefined) continue;
    const file = stateFileAt(checkpoint, path);
    if (!made.has(dirname(file))) mkdirSync(dirname(file), {recursive: true});
    made.add(dirname(file));
    writeFileSync(file, content);
  }
  const shares = operators.flatMap(filesOf).some(({path}) => path.startsWith('../'));
  const metadata = {
    ...{format: {major: 1, minor: 0}, engine: '0.1.0', jobName: JOB, jobHash: 'ab'.repeat(32)},
    ...{checkpointId: id, kind: 'checkpoint', purpose: 'periodic', lineage: '00112233aabbccdd'},
    ...{requiredFeatures: shares ? ['shared-files'] : [], ancestors: [], runId: '0'.repeat(16)},
    ...{generation: 1, parent: null, unaligned: false, incremental: shares, compression: 'none'},
    ...{drained: false, savepointTarget: null, triggered: START + id * 1000},
    ...{completed: START + id * 1000 + 20, operators},
  };
  const bytes = encodeMetadata(metadata);
  writeFileSync(join(checkpoint, '_metadata'), bytes);
  writeFileSync(join(checkpoint, 'SHA256SUMS'), encodeChecksums(metadata, sha256Hex(bytes)));
  return checkpoint;
}

function filesOf({subtasks}) {
  return subtasks.flatMap(({states}) => states).filter(({location}) => location === 'file');
}
