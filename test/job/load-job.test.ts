// A job file becomes a JobSpec in which every name is resolved and every default filled in.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, load, loaded} from './load.js';

describe('a plain job', () => {
  test('loads without findings', () => {
    expect(load(PLAIN_JOB)).toMatchObject({kind: 'ok', findings: []});
  });

  test('has its graph resolved', () => {
    const job = loaded(PLAIN_JOB);
    expect(job.sources[0]).toMatchObject({
      uid: 'flights',
      connector: 'file',
      options: {path: '/jobs/data/flights-*.ndjson', format: 'json', 'max-record-size': 1048576},
      watermark: {column: 'date', maxOutOfOrdernessMillis: 300_000, idleTimeoutMillis: 30_000},
      rateLimit: null,
      bounded: true,
      onBadRecord: {kind: 'fail'},
    });
    expect(job.steps.map((step) => [step.uid, step.type, step.inputs, step.keyColumns])).toEqual([
      ['late', 'filter', ['flights'], null],
      ['by-origin', 'aggregate', ['late'], ['origin']],
    ]);
    expect(job.sinks[0]).toMatchObject({
      uid: 'out',
      input: 'by-origin',
      options: {path: '/jobs/out'},
    });
  });

  test('has the defaults of the job file', () => {
    const job = loaded(PLAIN_JOB);
    expect(job).toMatchObject({parallelism: 1, maxParallelism: 128, state: {backend: 'hashmap'}});
    expect(job.checkpointing).toEqual({
      intervalMillis: 10_000,
      mode: 'exactly-once',
      timeoutMillis: 600_000,
      minPauseMillis: 0,
      maxConcurrent: 1,
      tolerableFailed: 0,
      numRetained: 3,
      externalizedRetention: 'retain-on-cancellation',
      unaligned: {enabled: false, forced: false},
      alignedTimeoutMillis: 0,
      incremental: false,
      maxChain: 10,
      snapshotCompression: 'none',
      directory: '/jobs/.tidemark',
      savepointDirectory: null,
    });
    expect(job.restartStrategy).toEqual({
      type: 'exponential-delay',
      initialBackoffMillis: 1000,
      maxBackoffMillis: 60_000,
      multiplier: 1.5,
      jitterFactor: 0.1,
      resetThresholdMillis: 3_600_000,
      attemptsBeforeReset: null,
    });
  });
});
