// What a checkpoint says of itself follows from what the tasks handed over: above all what a reader has to know of.

import {expect, test} from 'vitest';

import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {assembleMetadata, type MetadataContext} from '#src/runtime/assemble-metadata.js';
import type {CompleteDecision} from '#src/runtime/checkpoint-driver.js';
import {sharedPath} from '#src/storage/paths.js';

const DIGEST = 'ab'.repeat(32);
const STATE: FileState = {
  location: 'file',
  name: 'keyed',
  kind: 'keyed',
  codecVersion: 1,
  keyGroups: null,
  path: 'count/0.keyed',
  length: 3,
  sha256: DIGEST,
  chunkCrcs: [7],
  description: null,
};

function assembledWith(states: readonly FileState[]): CheckpointMetadata {
  const context = {
    job: {
      name: 'flights',
      hash: DIGEST,
      parallelism: 1,
      maxParallelism: 128,
      checkpointing: {snapshotCompression: 'none'},
    },
    lineage: '0123456789abcdef',
    ancestors: [],
    runId: '0123456789abcdef',
    generation: 1,
    stop: null,
  } as unknown as MetadataContext;
  const snapshot = {uid: 'count', type: 'aggregate', subtask: {index: 0, watermark: null, states}};
  const decision = {
    id: 4,
    purpose: 'periodic',
    parent: null,
    alignment: {kind: 'aligned'},
    acknowledgements: [{task: 'count-0', snapshot: [snapshot]}],
  } as unknown as CompleteDecision;
  return assembleMetadata(context, decision, {triggered: 1, completed: 2});
}

const featuresWith = (states: readonly FileState[]): readonly string[] =>
  assembledWith(states).requiredFeatures;

test('a checkpoint requires what a reader of its files has to know of, and nothing else', () => {
  expect(featuresWith([STATE])).toEqual([]);
  expect(featuresWith([STATE, {...STATE, path: sharedPath(DIGEST)}])).toEqual(['shared-files']);
  const ofRocksdb = {...STATE, description: {encoding: 'rocksdb', file: 'CURRENT'}};
  expect(featuresWith([STATE, ofRocksdb])).toEqual(['rocksdb-state']);
  const inFlight = {...STATE, name: 'in-flight', kind: 'channel'} as const;
  expect(featuresWith([inFlight])).toEqual(['in-flight-data']);
});

test('it is incremental when it has deltas, or files of RocksDB that others may have too', () => {
  const incrementalWith = (...states: FileState[]): boolean => assembledWith(states).incremental;
  const path = sharedPath(DIGEST);
  const ofRocksdb = {...STATE, description: {encoding: 'rocksdb', file: '000012.sst'}};
  expect(incrementalWith(STATE, {...STATE, path}, ofRocksdb)).toBe(false);
  expect(incrementalWith(STATE, {...ofRocksdb, path})).toBe(true);
  const delta = {...STATE, description: {delta: {sequence: 1, previous: DIGEST}}};
  expect(incrementalWith(STATE, delta)).toBe(true);
});
