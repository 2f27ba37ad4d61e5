// Before the first record is used every byte of a checkpoint is verified: any flipped bit, any other
// length, any missing or swapped file is found. Over real files of a small checkpoint.

import {copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {renameSync, statSync, truncateSync, unlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {sha256Hex} from '#src/base/checksum.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {CompleteCheckpoint} from '#src/recovery/facts.js';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import {encodeChecksums} from '#src/storage/checksum-list.js';
import {encodeMetadata} from '#src/storage/metadata-encoder.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {writeStateFile} from '#src/storage/state-file-writer.js';
import {metadata, operator} from './history.js';

/** Every 19th bit is flipped; each one with TIDEMARK_PROOF=1. */
const PROOF = process.env['TIDEMARK_PROOF'] === '1';
const PROOF_MILLIS = 300_000;

let root: string;
let whole: CompleteCheckpoint;
let paths: readonly string[];

async function stateFile(directory: string, name: string, bytes: Uint8Array): Promise<FileState> {
  const path = `step/0.${name}`;
  const summary = await writeStateFile(nodeFileSystem, join(directory, path), async (append) =>
    append(bytes),
  );
  return {
    location: 'file',
    name,
    kind: 'keyed',
    codecVersion: 1,
    keyGroups: {start: 0, end: 127},
    path,
    description: {table: name},
    ...summary,
  };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'verify-'));
  const directory = join(root, 'chk-12');
  mkdirSync(join(directory, 'step'), {recursive: true});
  const states = [
    await stateFile(directory, 'rows', Buffer.from('twenty bytes of rows')),
    await stateFile(directory, 'timers', Buffer.from('bytes of some timers')),
    await stateFile(directory, 'none', Buffer.alloc(0)),
  ];
  const ids = '0123456789abcdef';
  const content = metadata({
    checkpointId: 12,
    lineage: ids,
    runId: ids,
    operators: [operator('step', {subtasks: [{index: 0, states, watermark: null}]})],
  });
  const bytes = encodeMetadata(content);
  writeFileSync(join(directory, '_metadata'), bytes);
  writeFileSync(join(directory, 'SHA256SUMS'), encodeChecksums(content, sha256Hex(bytes)));
  whole = {
    state: 'complete',
    id: 12,
    path: directory,
    metadata: content,
    metadataSha256: sha256Hex(bytes),
  };
  paths = readdirSync(directory, {recursive: true, encoding: 'utf8'})
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
});

afterAll(() => {
  rmSync(root, {recursive: true, force: true});
});

/** Damages, verifies, repairs. */
async function verdict(path: string, harm: () => void): Promise<string> {
  const before = readFileSync(path);
  harm();
  try {
    return (await verifyCheckpoint(nodeFileSystem, whole)).kind;
  } finally {
    writeFileSync(path, before);
  }
}

test('a whole checkpoint is verified', async () => {
  expect((await verifyCheckpoint(nodeFileSystem, whole)).kind).toBe('verified');
  expect(paths).toHaveLength(5);
});

describe('found is', () => {
  test(
    'every flipped bit',
    async () => {
      let flips = 0;
      for (const path of paths) {
        const bytes = readFileSync(path);
        for (let bit = 0; bit < bytes.length * 8; bit += PROOF ? 1 : 19) {
          const flipped = Uint8Array.from(bytes);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          const found = await verdict(path, () => writeFileSync(path, flipped));
          if (found !== 'damaged') expect.fail(`${path}: bit ${bit}`);
          flips += 1;
        }
      }
      expect(flips).toBeGreaterThan(500);
    },
    PROOF_MILLIS,
  );

  test('every other length', async () => {
    for (const path of paths) {
      const {size} = statSync(path);
      for (let length = 0; length <= size + 1; length += PROOF || size < 100 ? 1 : 13) {
        if (length === size) continue;
        const found = await verdict(path, () => truncateSync(path, length));
        if (found !== 'damaged') expect.fail(`${path}: ${length} of ${size} bytes`);
      }
    }
  });

  test('every missing file', async () => {
    for (const path of paths) {
      expect(await verdict(path, () => unlinkSync(path)), path).toBe('damaged');
    }
  });

  test('two files of one length in each other’s place', async () => {
    const [rows, timers] = ['rows', 'timers'].map((name) => join(whole.path, `step/0.${name}`));
    const before = readFileSync(timers!);
    const found = await verdict(rows!, () => {
      copyFileSync(rows!, timers!);
      writeFileSync(rows!, before);
    });
    writeFileSync(timers!, before);
    expect(found).toBe('damaged');
  });

  test('another whole checkpoint in its place', async () => {
    const chosen = {...whole, metadataSha256: sha256Hex('what was chosen')};
    expect(await verifyCheckpoint(nodeFileSystem, chosen)).toMatchObject({
      kind: 'damaged',
      facts: {id: 12, state: 'damaged'},
    });
  });

  test('a checkpoint that went away', async () => {
    renameSync(whole.path, `${whole.path}.away`);
    const verification = await verifyCheckpoint(nodeFileSystem, whole);
    renameSync(`${whole.path}.away`, whole.path);
    expect(verification.kind).toBe('damaged');
  });
});
