// Promise: of what has no effect with the rocksdb backend, or less than it seems, validate says so, at its place; of the same
// job with the hashmap backend it says nothing.

import {describe, expect, test} from 'vitest';
import {jobCatalog} from '#src/catalog.js';
import {load} from './load.js';

const CATALOG = {catalog: jobCatalog};

const job = (backend: string, {state = '', step = '', checkpointing = ''}): string => `name: clicks
sources:
  clicks: {connector: generator, rate-limit: 10, fields: {user: {kind: sequence}}}
steps:
  - {id: users, type: aggregate, input: clicks, group-by: [user], emit: on-checkpoint, select: {n: COUNT(*)}${step}}
sinks: {out: {connector: blackhole, input: users}}
checkpointing: {interval: 10s${checkpointing}}
state: {backend: ${backend}${state}}
`;

describe('with backend: rocksdb', () => {
  test('snapshot-compression is taken, and what it compresses is said', () => {
    const compressed = {checkpointing: ', snapshot-compression: gzip'};
    const loaded = load(job('rocksdb', compressed), CATALOG);
    expect(loaded).toMatchObject({
      kind: 'ok',
      job: {checkpointing: {snapshotCompression: 'gzip'}},
      findings: [
        {
          rule: 'no-effect',
          line: 7,
          message: expect.stringContaining('compresses canonical savepoints only') as string,
        },
      ],
    });
    expect(load(job('hashmap', compressed), CATALOG)).toMatchObject({kind: 'ok', findings: []});
    expect(load(job('rocksdb', {}), CATALOG)).toMatchObject({kind: 'ok', findings: []});
  });

  test('incremental checkpoints are taken, and max-chain is said to have no effect', () => {
    const incremental = {checkpointing: ', incremental: true'};
    expect(load(job('rocksdb', incremental), CATALOG)).toMatchObject({kind: 'ok', findings: []});
    const chained = {checkpointing: ', incremental: true, max-chain: 3'};
    const {findings} = load(job('rocksdb', chained), CATALOG);
    expect(findings).toMatchObject([
      {rule: 'no-effect', message: expect.stringContaining('max-chain') as string},
    ]);
    expect(load(job('hashmap', chained), CATALOG)).toMatchObject({kind: 'ok', findings: []});
  });

  test('state expires', () => {
    const ttl = {
      state: ', ttl: 1 h',
      step: ', ttl: {duration: 2 h, cleanup: {full-snapshot: true}}',
    };
    expect(load(job('rocksdb', ttl), CATALOG)).toMatchObject({kind: 'ok', findings: []});
  });
});
