// Every `_metadata` that Flink 1.6 to 2.3 wrote is read to its last byte, and what is read agrees with what is known otherwise:
// with what Flink's REST said, with the files that lie beside it, with the version of Flink in its name. Every proper prefix is
// refused.

import {describe, expect, test} from 'vitest';

import {ByteCursor} from '#src/inspection/flink/byte-cursor.js';
import {contradictionsIn} from '#src/inspection/flink/check-structure.js';
import {decodeFlinkMetadata} from '#src/inspection/flink/decode-flink-metadata.js';
import {flinkOperatorId} from '#src/inspection/flink/flink-operator-id.js';
import type {FlinkMetadata} from '#src/inspection/flink/flink-metadata.js';
import {fileUses, sizesOf, subtaskSizes} from '#src/inspection/flink/state-parts.js';
import {
  metadataFiles,
  readDirectories,
  type MetadataFile,
} from '../../flink-directories/support/directories.js';
import {inTurn, sample} from '../../hostile/support/sample.js';

const ALL = metadataFiles(readDirectories());
const OLDER = ALL.filter(({facts}) => facts === null);
const V6 = ALL.filter(({facts}) => facts !== null);

function decoded({name, bytes}: MetadataFile): FlinkMetadata {
  const cursor = new ByteCursor(bytes);
  const result = decodeFlinkMetadata(cursor);
  if (result.kind !== 'decoded') throw new Error(`${name}: ${JSON.stringify(result)}`);
  expect(cursor.remaining, name).toBe(0);
  return result.metadata;
}

test('all of them are read to the last byte and contradict themselves nowhere', () => {
  expect(OLDER).toHaveLength(153);
  expect(V6).toHaveLength(11);
  const versions = new Map<number, number>();
  for (const file of ALL) {
    const metadata = decoded(file);
    expect(contradictionsIn(metadata), file.name).toEqual([]);
    expect(metadata.operators.length, file.name).toBeGreaterThan(0);
    versions.set(metadata.version, (versions.get(metadata.version) ?? 0) + 1);
  }
  expect(Object.fromEntries(versions)).toEqual({2: 20, 3: 42, 4: 74, 5: 17, 6: 11});
});

describe('Flink 2.3', () => {
  test.each(V6)('$name: what its REST said', (file) => {
    const metadata = decoded(file);
    const facts = file.facts!;
    expect(metadata.version).toBe(6);
    expect(metadata.checkpointId).toBe(facts.id);
    expect(sizesOf(metadata)).toEqual({
      state: facts.stateSize,
      checkpointed: facts.checkpointedSize,
      persisted: facts.persistedData,
    });
    expect(metadata.properties).toEqual({
      kind: facts.isSavepoint ? 'savepoint' : 'checkpoint',
      format: facts.savepointFormat?.toLowerCase() ?? null,
      name: facts.isSavepoint ? 'Savepoint' : 'Checkpoint',
    });
    const operators = metadata.operators.map((operator) => ({
      name: operator.name,
      uid: operator.uid,
      id: operator.id,
      parallelism: operator.parallelism,
      maxParallelism: operator.maxParallelism,
      subtasks: operator.subtasks.length,
      coordinatorBytes: operator.coordinator?.kind === 'inline' ? operator.coordinator.size : 0,
      bytes: operator.subtasks.reduce((sum, one) => sum + subtaskSizes(one).checkpointed, 0),
    }));
    const byId = (left: {id: string}, right: {id: string}) => left.id.localeCompare(right.id);
    expect(operators.sort(byId)).toEqual(facts.operators.toSorted(byId));
    // A vertex has the id of the first operator of its chain.
    for (const {id, parallelism, maxParallelism} of facts.vertices) {
      expect(operators.find((operator) => operator.id === id)).toMatchObject({
        parallelism,
        maxParallelism,
      });
    }
  });

  test('unaligned: the in-flight data is in both directions, in files that several channels share', () => {
    const file = V6.find(({name}) => name.startsWith('v6/unaligned'))!;
    const channels = decoded(file).operators.flatMap(({subtasks}) =>
      subtasks.flatMap((subtask) => subtask.channels),
    );
    expect(new Set(channels.map(({direction}) => direction))).toEqual(new Set(['input', 'output']));
    const recorded = channels.reduce((sum, {size}) => sum + size, 0);
    expect(recorded).toBe(file.facts!.persistedData);
    expect(recorded).toBeLessThan(
      channels.reduce((sum, {stream}) => sum + ('size' in stream ? stream.size : 0), 0),
    );
  });
});

describe('Flink 1.6 to 2.0', () => {
  /** The versions of the format that a version of Flink writes. */
  const FORMATS: Readonly<Record<string, readonly number[]>> = {
    ...Object.fromEntries(['1.6', '1.7', '1.8', '1.9', '1.10'].map((flink) => [flink, [2]])),
    ...Object.fromEntries(['1.11', '1.12', '1.13', '1.14', '1.15'].map((flink) => [flink, [3]])),
    '1.16': [3, 4],
    ...Object.fromEntries(['1.17', '1.18', '1.19', '1.20'].map((flink) => [flink, [4]])),
    '2.0': [5],
  };
  /** Names of what the files of state are called. */
  const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

  test.each(OLDER)('$name: the version, the kind and the files beside it', (file) => {
    const metadata = decoded(file);
    const flink = /(?:flink|\/|-)([12]\.\d+)(?=$|[-/])/.exec(file.name)?.[1];
    if (flink !== undefined) expect(FORMATS[flink]).toContain(metadata.version);
    const {properties} = metadata;
    expect(properties === null || metadata.version >= 4).toBe(true);
    if (properties !== null && /-(checkpoint|savepoint(-native)?)$/.test(file.name)) {
      const isNative = file.name.endsWith('-native');
      expect(properties.kind).toBe(file.name.endsWith('-checkpoint') ? 'checkpoint' : 'savepoint');
      if (properties.kind === 'savepoint') {
        expect(properties.format).toBe(isNative ? 'native' : 'canonical');
      }
    }
    // Each file that is referred to lies there with that length, and no other file of state.
    const referred = new Map<string, number>();
    for (const {file: handle} of fileUses(metadata)) {
      expect(handle.kind).toBe('relative');
      referred.set(handle.path, handle.size);
    }
    const beside = [...file.beside].filter(([name]) => UUID.test(name));
    expect(new Map([...referred].sort())).toEqual(new Map(beside.sort()));
  });

  test("an operator's id is the hash of its uid, wherever both are written", () => {
    const pairs = new Map<string, string>();
    for (const file of ALL) {
      for (const {id, uid} of decoded(file).operators) if (uid !== null) pairs.set(uid, id);
    }
    expect(pairs.size).toBeGreaterThan(10);
    for (const [uid, id] of pairs) expect(flinkOperatorId(uid), uid).toBe(id);
  });
});

/** Each version and each kind of handle once, and small. */
const FEW = [
  'operatorstate/nonKeyed-flink1.8',
  'unified-sink',
  'flink1.16-rocksdb-checkpoint',
  'v6/unaligned',
];

test.each(
  sample(
    ALL.filter(({name}) => FEW.some((part) => name.includes(part))).filter(
      ({bytes}) => bytes.length < 4000,
    ),
    inTurn(ALL),
  ),
)('$name: every proper prefix is refused', ({bytes}) => {
  for (let length = 0; length < bytes.length; length += 1) {
    const result = decodeFlinkMetadata(new ByteCursor(bytes.subarray(0, length)));
    if (result.kind !== 'damaged') expect.unreachable(`${length} bytes are ${result.kind}`);
    if (result.offset > length) expect.unreachable(`${length} bytes end before ${result.offset}`);
  }
});

test('a byte more is refused', () => {
  for (const file of ALL) {
    const longer = Buffer.concat([file.bytes, Buffer.of(0)]);
    expect(decodeFlinkMetadata(new ByteCursor(longer)), file.name).toMatchObject({
      kind: 'damaged',
      offset: file.bytes.length,
      expected: 'the end of the file',
      found: '1 further bytes',
    });
  }
});
