// Promise: `verify --level decode` finds a key that a state has twice, in one file or in a chain, with its file, and takes
// nothing else for one; however many passes that needs.

import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';

import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {verifyRows} from '#src/inspection/verify-rows.js';
import {compileKeyHashes} from '#src/keys/key-hashes-kernel.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import {rowLayout} from '#src/state/hashmap/row-layout.js';
import {RepeatedKeys} from '#src/state/rows/repeated-keys.js';
import type {RowColumns} from '#src/state/rows/row-block.js';
import type {StateShape} from '#src/state/rows/state-shape.js';
import {CHUNK_MAGIC, CHUNK_TARGET_BYTES} from '#src/state/snapshot-format.js';
import type {Finding} from '#src/storage/finding.js';
import {crc32, sha256Hex} from '#src/base/checksum.js';
import {stateFileAt} from '#src/storage/paths.js';
import {CHUNK_BYTES} from '#src/storage/state-chunks.js';
import {MAX_PARALLELISM, Running, SPEC, type Key} from '../state/support/incremental.ts';
import type {MemoryFiles} from '../state/support/memory-files.ts';
import {nowhere} from './support/state-text.ts';

const KEYS = Array.from({length: 200}, (_, at): Key => [`word ${at % 20}`, BigInt(at)]);

async function decode(
  files: MemoryFiles,
  directory: string,
  states: readonly FileState[],
  keysAtOnce?: number,
) {
  const findings: Finding[] = [];
  const subtasks = [{index: 0, states, watermark: null}];
  const operator = {uid: 'op', type: 'aggregate', parallelism: 1, maxParallelism: MAX_PARALLELISM};
  const metadata = {operators: [{...operator, subtasks}]} as unknown as CheckpointMetadata;
  await verifyRows({
    ...{files, directory, metadata, level: 'decode', place: nowhere},
    ...{keysAtOnce, sound: new Set(states.map(({path}) => path))},
    onFinding: (finding) => findings.push(finding),
    isStopped: () => false,
  });
  return findings;
}

/** In the first chunk of the file: the second row of a key group becomes the first one, with sums that fit. */
function repeatOne(files: MemoryFiles, directory: string, state: FileState): FileState {
  return changeRows(files, directory, state, (bytes, at, rowBytes) =>
    bytes.copyWithin(at + rowBytes, at, at + rowBytes),
  );
}

/** `at`: where the first key group with two rows begins in the first chunk. */
function changeRows(
  files: MemoryFiles,
  directory: string,
  state: FileState,
  change: (bytes: Buffer, at: number, rowBytes: number) => void,
): FileState {
  const path = stateFileAt(directory, state.path);
  const bytes = Buffer.from(files.content.get(path)!);
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(CHUNK_MAGIC);
  const chunk = bytes.indexOf(magic);
  const groups = bytes.readUInt32LE(chunk + 4);
  const rowBytes = rowLayout(SPEC).rowInts * 4;
  let at = chunk + 16 + Math.ceil((12 * groups) / 8) * 8;
  for (let group = 0; bytes.readUInt32LE(chunk + 16 + 12 * group + 4) < 2; group += 1) {
    at += rowBytes * bytes.readUInt32LE(chunk + 16 + 12 * group + 4);
  }
  change(bytes, at, rowBytes);
  files.content.set(path, bytes);
  const chunkCrcs: number[] = [];
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    chunkCrcs.push(crc32(bytes.subarray(from, from + CHUNK_BYTES)));
  }
  return {...state, sha256: sha256Hex(bytes), chunkCrcs};
}

describe('a state of the hashmap backend', () => {
  test('with each key once is right, and with one twice is damaged, with its file', async () => {
    const running = new Running({incremental: false});
    await running.update(KEYS, 'a value');
    const {id, states} = await running.snapshot();
    const directory = `/chk-${id}`;
    expect(await decode(running.files, directory, states)).toEqual([]);
    const forged = repeatOne(running.files, directory, states[0]!);
    expect(await decode(running.files, directory, [forged])).toMatchObject([
      {
        ...{code: 'rows-damaged', severity: 'error', path: stateFileAt(directory, forged.path)},
        message: expect.stringContaining('a key is there twice') as string,
      },
    ]);
  });

  test('with a wrong row in the first of its chunks, is damaged once: the rest was not counted', async () => {
    const running = new Running({incremental: false});
    const keys = Array.from({length: 120_000}, (_, at): Key => [`word ${at % 20}`, BigInt(at)]);
    await running.update(keys, '');
    const {id, states} = await running.snapshot();
    const directory = `/chk-${id}`;
    expect(states[0]!.length).toBeGreaterThan(CHUNK_TARGET_BYTES + CHUNK_BYTES);
    // The word behind hash, flags and its length.
    const forged = changeRows(running.files, directory, states[0]!, (bytes, at) =>
      bytes.write('verb', at + 12, 'latin1'),
    );
    const findings = await decode(running.files, directory, [forged]);
    expect(findings.map(({message}) => message)).toEqual([
      expect.stringContaining('whose key belongs to'),
    ]);
  });

  test.each([1, 20])(
    'is looked at in parts, if one has more rows than others or not (%i words)',
    async (words) => {
      const running = new Running({incremental: false});
      await running.update(
        Array.from({length: 2000}, (_, at): Key => [`word ${at % words}`, BigInt(at)]),
        'a value',
      );
      const {id, states} = await running.snapshot();
      const directory = `/chk-${id}`;
      expect(await decode(running.files, directory, states, 100)).toEqual([]);
      const forged = repeatOne(running.files, directory, states[0]!);
      const findings = await decode(running.files, directory, [forged], 100);
      expect(findings.map(({message}) => message)).toEqual([
        expect.stringContaining('a key is there twice'),
      ]);
    },
  );

  test('in a chain, whose base has one twice, is damaged', async () => {
    const running = new Running({deltasMax: 10});
    await running.update(KEYS, 'a value');
    running.complete(await running.snapshot());
    await running.update([['later', 1n]], 'another');
    const taken = await running.snapshot();
    running.complete(taken);
    const {id, states} = taken;
    const directory = `/chk-${id}`;
    expect(states).toHaveLength(2);
    expect(await decode(running.files, directory, states)).toEqual([]);
    const [first, ...deltas] = states;
    // The digest, by which the delta names it, is compared at another level.
    const base = {...repeatOne(running.files, directory, first!), sha256: first!.sha256};
    const findings = await decode(running.files, directory, [base, ...deltas]);
    expect(findings.map(({code}) => code)).toEqual(['rows-damaged']);
    expect(findings[0]?.message).toContain('a key is there twice');
  });
});

describe('keys in any order', () => {
  const key = [
    {name: 'word', type: STRING},
    {name: 'number', type: BIGINT},
  ];
  const shape = {spec: SPEC} as StateShape;

  function columns(keys: readonly (readonly [string | null, bigint])[]): RowColumns {
    const builder = new BatchBuilder({fields: key});
    for (const values of keys) builder.appendRow(values);
    const keyGroups = new Uint16Array(keys.length);
    const batch = builder.build();
    return {rowCount: keys.length, keyGroups, key: batch.columns, values: [], path: '', offset: 0};
  }

  test('two keys that have one hash are two', () => {
    const count = 250_000;
    const numbers = Array.from({length: count}, (_, at): [string, bigint] => [
      String(at % 500),
      BigInt(Math.floor(at / 500)),
    ]);
    const hashes = new Int32Array(count);
    compileKeyHashes(key)(columns(numbers).key, count, hashes);
    const first = new Map<number, number>();
    const pairs = [...hashes.entries()].flatMap(([at, hash]) => {
      const before = first.get(hash);
      if (before === undefined) first.set(hash, at);
      return before === undefined ? [] : [[numbers[before]!, numbers[at]!]];
    });
    expect(pairs.length).toBeGreaterThan(3);
    for (const pair of pairs) {
      const rows = columns(pair);
      const repeated = new RepeatedKeys(shape, 2);
      repeated.note(rows);
      expect(repeated.suspicious).toBe(true);
      expect(repeated.confirm(rows)).toBeNull();
    }
  });

  test('a repeated one is found, and no other, in one pass and in many', () => {
    const words = fc.constantFrom(null, '', 'a', 'b', 'a word that is longer than twelve bytes');
    const keys = fc.array(fc.tuple(words, fc.bigInt(-3n, 40n)), {maxLength: 120});
    fc.assert(
      fc.property(
        keys,
        fc.integer({min: 1, max: 200}),
        fc.integer({min: 1, max: 50}),
        (all, atOnce, size) => {
          const repeated = new RepeatedKeys(shape, all.length, atOnce);
          const batches: RowColumns[] = [];
          for (let at = 0; at < all.length; at += size)
            batches.push(columns(all.slice(at, at + size)));
          for (let pass = 0; pass < repeated.passes; pass += 1) {
            if (pass > 0) repeated.nextPass();
            for (const batch of batches) repeated.note(batch);
          }
          const wrong = batches
            .map((batch) => repeated.confirm(batch))
            .filter((one) => one !== null);
          const texts = all.map(([word, number]) => JSON.stringify([word, String(number)]));
          const isRepeated = new Set(texts).size < texts.length;
          expect(wrong.length > 0).toBe(isRepeated);
          if (isRepeated) expect(repeated.suspicious).toBe(true);
          expect(repeated.undecided).toBe(false);
        },
      ),
    );
  });
});
