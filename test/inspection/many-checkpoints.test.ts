// Promise: list and verify need the memory of one checkpoint, however many there are.

import {cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {afterAll, beforeAll, expect, test} from 'vitest';

import {sha256Hex} from '#src/base/checksum.js';
import {encodeChecksums} from '#src/storage/checksum-list.js';
import {decodeMetadata} from '#src/storage/metadata-decoder.js';
import {encodeMetadata} from '#src/storage/metadata-encoder.js';
import {BIN, node} from '../commands/tidemark.ts';

const CHECKPOINTS = 20;
/** That the description of one state file has in memory: together much more than the heap below. */
const DESCRIPTION_BYTES = 5 * 1024 * 1024;
const HEAP_MIB = 90;

const KEPT = fileURLToPath(
  new URL('../formats/kept/hashmap-full-0.1.0/files/state/kept', import.meta.url),
);
const root = mkdtempSync(join(tmpdir(), 'tidemark-many-'));
const job = join(root, 'kept');

beforeAll(() => {
  const model = join(KEPT, 'chk-5');
  const decoded = decodeMetadata(readFileSync(join(model, '_metadata')));
  if (decoded.kind !== 'decoded') throw new Error(decoded.kind);
  const {metadata} = decoded;
  mkdirSync(job);
  cpSync(join(KEPT, 'FORMAT'), join(job, 'FORMAT'));
  for (let id = 5; id < 5 + CHECKPOINTS; id += 1) {
    const text = String(id % 10).repeat(DESCRIPTION_BYTES);
    const large = {
      ...metadata,
      checkpointId: id,
      operators: metadata.operators.map((operator) => ({
        ...operator,
        subtasks: operator.subtasks.map((subtask) => ({
          ...subtask,
          states: subtask.states.map((state) =>
            state.location === 'file' && state.path === firstFileOf(metadata)
              ? {...state, description: text}
              : state,
          ),
        })),
      })),
    };
    const directory = join(job, `chk-${id}`);
    cpSync(model, directory, {recursive: true});
    const bytes = encodeMetadata(large);
    writeFileSync(join(directory, '_metadata'), bytes);
    writeFileSync(join(directory, 'SHA256SUMS'), encodeChecksums(large, sha256Hex(bytes)));
  }
});
afterAll(() => rmSync(root, {recursive: true}));

type Metadata = Parameters<typeof encodeMetadata>[0];

function firstFileOf({operators}: Metadata): string {
  const states = operators.flatMap(({subtasks}) => subtasks).flatMap(({states: own}) => own);
  const found = states.find(({location}) => location === 'file');
  return found?.location === 'file' ? found.path : '';
}

const SEEN = new RegExp(`"checkpoints":${CHECKPOINTS},.*"verdict":"ok"`, 'u');

test.each([
  ['list', ['list', job], new RegExp(`"id":${4 + CHECKPOINTS},.*"id":5,`, 'u')],
  ['verify', ['verify', job], SEEN],
  ['verify --level manifest', ['verify', job, '--level', 'manifest'], SEEN],
  [
    'verify --sample',
    ['verify', job, '--sample', '100%', '--seed', '1'],
    new RegExp(`"checkpoints":${CHECKPOINTS},`, 'u'),
  ],
])('%s', {timeout: 60_000}, async (_, words, seen) => {
  const limit = `--max-old-space-size=${HEAP_MIB}`;
  const {status, stdout, stderr} = await node([limit, BIN, 'checkpoint', ...words, '--json'], {
    TIDEMARK_HOME: join(root, 'home'),
  });
  expect(status, stderr.slice(0, 500)).toBe(0);
  expect(stdout).toMatch(seen);
});
