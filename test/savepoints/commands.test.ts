// Promise: what is asked of a running job is done or refused with the reason; a savepoint is whole, self-contained and
// restores at any parallelism; a stop flushes nothing unless it drains; no row is counted twice or lost.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';

import {afterEach, beforeEach, describe, expect, test} from 'vitest';

import {verifyCheckpoints, type RunEvent, type TakenSavepoint} from '#src/index.js';
import {sampleTest, whole as isWhole} from '../hostile/support/sample.ts';
import {ROWS, Scratch} from './running-job.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => {
  chmodSync(scratch.directory, 0o755);
  rmSync(scratch.directory, {recursive: true, force: true});
});

/** What is committed is one cut through the input, and no row is there twice. */
function expectOneCut(): void {
  const ids = scratch.ids();
  expect(new Set(ids).size).toBe(ids.length);
  expect(sum(scratch.totals().values())).toBe(ids.length);
}

function metadataOf(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(path, '_metadata'), 'utf8')) as Record<string, unknown>;
}

const sum = (counts: Iterable<number>): number =>
  [...counts].reduce((left, right) => left + right, 0);

describe('stop with a savepoint', () => {
  sampleTest.each(['canonical', 'native'] as const)(
    'ends with it, flushes nothing, and goes on from it at another parallelism (%s)',
    async (format) => {
      const first = scratch.run();
      await first.checkpoint();
      const outcome = await first.commands.stop({
        drain: false,
        savepoint: {directory: null, format},
      });
      const summary = await first.finished;
      expect([summary.state, summary.exitStatus]).toEqual(['STOPPED', 0]);
      if (outcome.kind !== 'stopped' || outcome.savepoint === null)
        throw new Error(JSON.stringify(outcome));
      const {path} = outcome.savepoint;
      expect(outcome.savepoint).toMatchObject({format, id: summary.lastCheckpoint?.id});
      expect(scratch.end()).toMatchObject({how: 'stopped', facts: {savepoint: path}});
      expect(scratch.savepointNames()).toEqual([path.split('/').at(-1)]);
      expect(path).toMatch(/\/savepoint-[0-9a-f]{6}-[0-9a-f]{12}$/);
      const metadata = metadataOf(path);
      expect(metadata).toMatchObject({kind: 'savepoint', purpose: 'stop', drained: false});
      expect(JSON.stringify(metadata)).not.toContain(scratch.directory);
      expect(
        first.events.filter((event) => event.type === 'checkpoint' && event.kind === 'savepoint'),
      ).toHaveLength(1);
      expectOneCut();
      expect(scratch.rows('windows')).toEqual([]);

      const moved = join(scratch.directory, 'elsewhere');
      renameSync(path, moved);
      const options = {level: 'checksum', environment: {}, onEvent: () => undefined} as const;
      expect((await verifyCheckpoints([moved], options)).verdict).toBe('ok');
      const before = scratch.ids().length;
      const second = scratch.run({
        restoreFrom: moved,
        overrides: {flink: [], set: [], parallelism: 3},
      });
      await second.checkpoint();
      expect((await second.commands.stop({drain: true, savepoint: null})).kind).toBe('stopped');
      expect((await second.finished).state).toBe('STOPPED');
      expect(scratch.ids().length).toBeGreaterThan(before);
      expectOneCut();
      expect(sum(scratch.rows<{n: number}>('windows').map(({n}) => n))).toBe(scratch.ids().length);
      expect(scratch.end()).toMatchObject({how: 'stopped', facts: {drained: true}});
    },
  );

  sampleTest('the next run starts fresh and names it', async () => {
    const first = scratch.run();
    await first.checkpoint();
    const outcome = await first.commands.stop({
      drain: true,
      savepoint: {directory: null, format: 'native'},
    });
    await first.finished;
    if (outcome.kind !== 'stopped') throw new Error(JSON.stringify(outcome));
    const {path} = outcome.savepoint!;
    expect(metadataOf(path)).toMatchObject({drained: true, purpose: 'stop'});
    const again = scratch.run();
    const started = (await again.event(({type}) => type === 'started')) as Extract<
      RunEvent,
      {type: 'started'}
    >;
    expect(started.decision).toBe('fresh');
    expect(started.reason).toContain(`-s ${path} --allow-drained`);
    await again.commands.cancel();
    const refused = scratch.run({restoreFrom: path});
    await expect(refused.finished).rejects.toMatchObject({code: 'REFUSED'});
  });

  sampleTest('a place that cannot be written leaves the job running', async () => {
    const job = scratch.run();
    await job.checkpoint();
    writeFileSync(join(scratch.directory, 'file'), '');
    const directory = join(scratch.directory, 'file', 'below');
    const outcome = await job.commands.stop({
      drain: false,
      savepoint: {directory, format: 'native'},
    });
    expect(outcome).toMatchObject({kind: 'nothing-taken', error: {code: 'REFUSED'}});
    await expect(job.commands.takeCheckpoint({full: true})).resolves.toMatchObject({
      bytes: expect.any(Number),
    });
    await job.commands.cancel();
  });

  test.runIf(isWhole)('without one its last checkpoint is what is left', async () => {
    const job = scratch.run();
    await job.checkpoint();
    const outcome = await job.commands.stop({drain: false, savepoint: null});
    const summary = await job.finished;
    expect(outcome).toMatchObject({
      kind: 'stopped',
      savepoint: null,
      lastCheckpoint: {id: summary.lastCheckpoint?.id},
    });
    expect(scratch.savepointNames()).toEqual([]);
    expectOneCut();
    await expect(job.commands.stop({drain: false, savepoint: null})).resolves.toMatchObject({
      kind: 'nothing-taken',
      error: {code: 'NOT_FOUND'},
    });
  });

  sampleTest('a second one, a savepoint and a cancel meanwhile are refused or wait', async () => {
    const job = scratch.run();
    await job.checkpoint();
    const target = {directory: null, format: 'native'} as const;
    const [first, second] = await Promise.all([
      job.commands.stop({drain: true, savepoint: target}),
      job.commands.stop({drain: false, savepoint: null}),
      job.commands.takeSavepoint(target).catch((error: unknown) => error),
    ]);
    expect(first.kind).toBe('stopped');
    expect(second).toMatchObject({kind: 'nothing-taken', error: {code: 'REFUSED'}});
    expect((await job.finished).state).toBe('STOPPED');
  });
});

describe('a savepoint of a running job', () => {
  test.runIf(isWhole)('several at once get one directory each, and the job goes on', async () => {
    const job = scratch.run();
    const target = {directory: null, format: 'canonical'} as const;
    const taken: TakenSavepoint[] = await Promise.all([
      job.commands.takeSavepoint(target),
      job.commands.takeSavepoint({...target, format: 'native'}),
      job.commands.takeSavepoint(target),
    ]);
    expect(new Set(taken.map(({path}) => path)).size).toBe(3);
    expect(scratch.savepointNames()).toHaveLength(3);
    await job.commands.takeCheckpoint({full: false});
    const asked = job.commands.takeSavepoint(target);
    job.interrupt('SIGINT');
    await asked.then(
      ({path}) => expect(metadataOf(path)).toMatchObject({kind: 'savepoint'}),
      (error: unknown) => expect(error).toMatchObject({code: 'REFUSED'}),
    );
    expect((await job.finished).exitStatus).toBe(130);
    expect(scratch.savepointNames().filter((name) => name.startsWith('.'))).toEqual([]);
  });

  sampleTest('it needs a directory that is absolute, and says so', async () => {
    const bare = new Scratch();
    try {
      const text = readFileSync(bare.file, 'utf8').replace(/ {2}savepoint-dir.*\n/, '');
      writeFileSync(bare.file, text);
      const job = bare.run();
      await job.checkpoint();
      const without = job.commands.takeSavepoint({directory: null, format: 'native'});
      await expect(without).rejects.toMatchObject({
        code: 'USAGE',
        details: {hint: expect.stringContaining('savepoint-dir')},
      });
      const relative = job.commands.takeSavepoint({directory: 'somewhere', format: 'native'});
      await expect(relative).rejects.toMatchObject({code: 'USAGE'});
      const made = join(bare.directory, 'not', 'there', 'yet');
      const {path} = await job.commands.takeSavepoint({directory: made, format: 'native'});
      expect(path.startsWith(`${made}/savepoint-`)).toBe(true);
      await job.commands.cancel();
    } finally {
      rmSync(bare.directory, {recursive: true, force: true});
    }
  });

  sampleTest(
    'what a killed one left hidden goes with the next, and of another job nothing',
    async () => {
      const job = scratch.run();
      const started = (await job.event(({type}) => type === 'started')) as Extract<
        RunEvent,
        {type: 'started'}
      >;
      await job.checkpoint();
      job.interrupt('SIGINT');
      await job.finished;
      const own = `.savepoint-${started.jobId}-0000000001-aaaaaaaaaaaa`;
      const other = `.savepoint-${'0'.repeat(32)}-0000000001-aaaaaaaaaaaa`;
      for (const name of [own, other])
        mkdirSync(join(scratch.savepoints, name, 'totals'), {recursive: true});
      const again = scratch.run();
      const {path} = await again.commands.takeSavepoint({directory: null, format: 'native'});
      expect(scratch.savepointNames()).toEqual([other, path.split('/').at(-1)]);
      await again.commands.cancel();
    },
  );
});

describe('cancel', () => {
  sampleTest(
    'ends without a last checkpoint; what is committed stays, and the next run starts fresh',
    async () => {
      const job = scratch.run();
      await job.checkpoint();
      await job.commands.cancel();
      const summary = await job.finished;
      expect([summary.state, summary.exitStatus]).toEqual(['CANCELED', 1]);
      expect(scratch.end().how).toBe('cancelled');
      expectOneCut();
      await expect(job.commands.cancel()).rejects.toMatchObject({code: 'NOT_FOUND'});
      await expect(job.commands.takeCheckpoint({full: true})).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      const again = scratch.run();
      const started = (await again.event(({type}) => type === 'started')) as Extract<
        RunEvent,
        {type: 'started'}
      >;
      expect([started.decision, started.reason]).toEqual([
        'fresh',
        expect.stringContaining('cancelled'),
      ]);
      await again.commands.cancel();
    },
  );

  test.runIf(isWhole)('takes the checkpoints along where the job says so', async () => {
    const job = scratch.run({
      overrides: {
        flink: [],
        set: [['checkpointing.externalized-checkpoint-retention', 'delete-on-cancellation']],
      },
    });
    await job.checkpoint();
    const {path} = await job.commands.takeSavepoint({directory: null, format: 'canonical'});
    const copy = join(scratch.directory, 'copy');
    await job.commands.cancel();
    await job.finished;
    expect(scratch.savepointNames(scratch.state).filter((name) => name.startsWith('chk-'))).toEqual(
      [],
    );
    cpSync(path, copy, {recursive: true});
    const restored = scratch.run({
      restoreFrom: copy,
      outputAhead: 'withdraw',
      overrides: {flink: [], set: [['sources.ticks.rate-limit', '10000000']]},
    });
    expect((await restored.finished).state).toBe('FINISHED');
    expectOneCut();
    expect(scratch.ids()).toHaveLength(ROWS);
    expect(sum(scratch.rows<{n: number}>('windows').map(({n}) => n))).toBe(ROWS);
  });

  sampleTest('of a job that never began is answered', async () => {
    writeFileSync(scratch.file, 'name: [');
    const job = scratch.run();
    await expect(job.commands.cancel()).rejects.toMatchObject({code: 'JOB_INVALID'});
    await expect(job.commands.stop({drain: false, savepoint: null})).rejects.toMatchObject({
      code: 'JOB_INVALID',
    });
  });
});
