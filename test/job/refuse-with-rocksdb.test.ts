// Promise: a job that asks the rocksdb backend for what it cannot do yet is refused, each with its place and its reason, and
// the same job with the hashmap backend is not.

import {describe, expect, test} from 'vitest';
import {jobCatalog} from '#src/catalog.js';
import {findingsOf, load} from './load.js';

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
  test.each([
    [
      'compressed snapshots',
      {checkpointing: ', snapshot-compression: gzip'},
      '7:',
      'checkpointing.snapshot-compression: with backend: rocksdb the files of the database are stored as RocksDB wrote them',
    ],
  ])('%s', (_what, more, place, reason) => {
    const findings = findingsOf(job('rocksdb', more), CATALOG);
    expect(findings.length).toBe(1);
    expect(findings[0]!.startsWith(place)).toBe(true);
    expect(findings[0]).toContain('not-supported');
    expect(findings[0]).toContain(reason);
    expect(load(job('hashmap', more), CATALOG).kind).toBe('ok');
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
