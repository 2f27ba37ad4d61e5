// One directory, one owner: exactly one of many wins, an owner that lives is respected, a dead one is not
// waited for, and a process that was taken over can neither publish, delete, commit nor write its end.

import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, renameSync} from 'node:fs';
import {rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterAll, describe, expect, it} from 'vitest';

import {EngineError, type ErrorCode} from '#src/base/errors.js';
import {SeededRandom} from '#src/base/random.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths} from '#src/storage/paths.js';
import {systemProcessTable} from '#src/storage/process-table.js';
import {
  beginFresh,
  FakeTime,
  HERE,
  JOB_DIRECTORY,
  metadataOf,
  processTable,
  publish,
  readFile,
  start,
  writeFile,
} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1';
const paths = new JobPaths(JOB_DIRECTORY);
const root = mkdtempSync(join(tmpdir(), 'tidemark-fence-'));
afterAll(() => rmSync(root, {recursive: true}));

const alive = processTable(HERE, () => ({kind: 'running', startTime: HERE.startTime}));

describe('taking over', () => {
  it('H25: the first generation of an empty place is 1, and it makes the layout', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    expect(owner.generation).toBe(1);
    expect((await disk.list(JOB_DIRECTORY)).map(({name}) => name)).toEqual([
      'FORMAT',
      'owner',
      'work',
    ]);
    expect(disk.contentOf(paths.format).toString()).toBe('{"format":"tidemark","major":1}\n');
    expect(await owner.readHistory()).toMatchObject({generations: [], lastRun: null, lineages: []});
    expect(owner.highestCheckpointId()).toBe(0);
  });

  it('H63: a pid that was reused by another program is dead at once', async () => {
    const disk = new MemoryFileSystem();
    await start(disk);
    const time = new FakeTime();
    const before = time.now;
    const reused = processTable(HERE, () => ({kind: 'running', startTime: '9999'}));
    expect((await start(disk, {processes: reused, time})).generation).toBe(2);
    expect(time.now).toBe(before);
  });

  it('H60: an owner that lives is respected; --take-over does not ask', async () => {
    const disk = new MemoryFileSystem();
    await start(disk);
    expect(await failureOf(start(disk, {processes: alive}))).toBe('ALREADY_RUNNING');
    expect((await start(disk, {processes: alive, takeOver: true})).generation).toBe(2);
  });

  it('H62: of two with pid 1 in different namespaces only the beat tells; silent for 15 s is dead', async () => {
    const disk = new MemoryFileSystem();
    const twin = processTable({...HERE, pidNamespace: 'pid:[2]'}, () => ({
      kind: 'running',
      startTime: HERE.startTime,
    }));
    const first = await start(disk);
    await first.beat();
    const time = new FakeTime();
    const beating = new FakeTime();
    // Beats each second of the other's time.
    const watched = failureOf(start(disk, {processes: twin, time}));
    for (let second = 0; second < 3; second += 1) {
      await new Promise((resolve) => beating.after(1000, () => resolve(null)));
      await first.beat();
    }
    expect(await watched).toBe('ALREADY_RUNNING');
    const before = time.now;
    expect((await start(disk, {processes: twin, time})).generation).toBe(2);
    expect(time.now - before).toBeGreaterThanOrEqual(15_000);
    expect(await failureOf(first.beat())).toBe('FENCED');
  });

  it('a run that wrote its end is not waited for, though its process lives', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await first.writeEnd('finished', {rows: 3});
    const next = await start(disk, {processes: alive});
    const {generations, lastRun} = await next.readHistory();
    expect(generations[0]?.end).toMatchObject({how: 'finished', facts: {rows: 3}});
    // It never said on which lineage it works: it does not count as a run.
    expect(lastRun).toBeNull();
  });

  it('exactly one of racing processes wins, in 1,000 races', async () => {
    for (let race = 0; race < (PROOF ? 8_000 : 1_000); race += 1) {
      const random = new SeededRandom(race);
      const disk = new MemoryFileSystem({pause: async () => ticks(Math.floor(random.next() * 4))});
      const earlier = race % 2;
      if (earlier === 1) await start(disk);
      // Owners that have just won count as alive; the first one is dead.
      const processes = processTable({...HERE, pid: 7}, (pid) =>
        pid === 7 ? {kind: 'running', startTime: HERE.startTime} : {kind: 'gone'},
      );
      const outcomes = await Promise.all(
        [1, 2, 3].map(async (seed) => outcomeOf(start(disk, {processes, seed: race * 10 + seed}))),
      );
      const won = outcomes.filter((outcome) => outcome === 'won');
      expect(won, `seed ${race}: ${outcomes.join()}`).toHaveLength(1);
      expect(outcomes.every((one) => ['won', 'ALREADY_RUNNING', 'FENCED'].includes(one))).toBe(
        true,
      );
      expect(
        (await disk.list(paths.ownerDirectory)).filter(({name}) => /^\d+$/.test(name)),
      ).toHaveLength(1 + earlier);
    }
  });

  it('with --take-over everybody may win, one after another: only the last one can publish', async () => {
    for (let race = 0; race < (PROOF ? 1_000 : 150); race += 1) {
      const random = new SeededRandom(race);
      const disk = new MemoryFileSystem({pause: async () => ticks(Math.floor(random.next() * 4))});
      const published = await Promise.all(
        [1, 2, 3].map(async (seed) => {
          try {
            const owner = await start(disk, {takeOver: true, seed: race * 10 + seed});
            await publish(disk, owner, owner.generation);
            return owner.generation;
          } catch (error) {
            if (error instanceof EngineError && error.exitStatus === 11) return 0;
            throw error;
          }
        }),
      );
      const owners = (await disk.list(paths.ownerDirectory)).filter(({name}) => /^\d+$/.test(name));
      // The last generation published, unless it found a higher number at step 3.
      expect(Math.max(...published), `seed ${race}`).toBe(owners.length);
    }
  });

  it('exactly one of concurrent starts on a real disk wins', async () => {
    for (let race = 0; race < (PROOF ? 500 : 50); race += 1) {
      const directory = join(root, `race-${race}`);
      const outcomes = await Promise.all(
        [1, 2, 3].map(async (seed) =>
          outcomeOf(
            start(nodeFileSystem, {
              directory,
              processes: systemProcessTable,
              seed: race * 10 + seed,
            }),
          ),
        ),
      );
      expect(outcomes.filter((one) => one === 'won')).toHaveLength(1);
    }
  });
});

describe('the fence', () => {
  it('H61: a process that was taken over can neither publish, abort, delete, mark nor end', async () => {
    const disk = new MemoryFileSystem();
    const zombie = await start(disk);
    await beginFresh(zombie);
    await publish(disk, zombie, 1);
    const attempt = await zombie.beginAttempt(2);
    const permit = await zombie.permitDeletion([1]);
    const other = await start(disk, {takeOver: true});
    const before = disk.snapshot();
    expect(await failureOf(attempt.publish(metadataOf(zombie, 2, [])))).toBe('FENCED');
    expect(await failureOf(attempt.abort())).toBe('FENCED');
    expect(await failureOf(zombie.deleteCheckpoints(permit))).toBe('FENCED');
    expect(await failureOf(zombie.markPublished())).toBe('FENCED');
    expect(await failureOf(zombie.markSettled(1))).toBe('FENCED');
    expect(await failureOf(zombie.writeEnd('finished', {}))).toBe('FENCED');
    expect(await failureOf(zombie.beginAttempt(3))).toBe('FENCED');
    expect(await failureOf(zombie.requireNewest())).toBe('FENCED');
    expect(await failureOf(zombie.nextGeneration())).toBe('FENCED');
    expect([...disk.snapshot()]).toEqual([...before]);
    expect(
      (await other.listCheckpoints()).map(({checkpointId, state}) => [checkpointId, state.kind]),
    ).toEqual([[1, 'complete']]);
  });

  it('a zombie that wakes between any two of its calls never publishes after it was taken over', async () => {
    for (let stopAt = 1; stopAt < 200; stopAt += 1) {
      const disk = new MemoryFileSystem();
      const zombie = await start(disk);
      const seen = {stopped: false};
      let calls = 0;
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== stopAt || seen.stopped) return;
          seen.stopped = true;
          await start(disk, {takeOver: true});
        },
      };
      const outcome = await outcomeOf(
        publish(disk, zombie, 1).catch(async (error: unknown) => {
          throw await zombie.explainFailure(error);
        }),
      );
      disk.options = {};
      // Either it had renamed before, then the checkpoint counts; or it is fenced and nothing is there.
      const there = (await disk.list(JOB_DIRECTORY)).some(({name}) => name === 'chk-1');
      expect([outcome, there], `stopped at call ${stopAt}`).toEqual(
        outcome === 'won' ? ['won', true] : ['FENCED', false],
      );
      if (!seen.stopped) return;
    }
    throw new Error('the loop never reached the end of a publish');
  });

  it('a restart inside the process takes exactly the next number, or has been fenced', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await publish(disk, first, 4);
    const second = await first.nextGeneration();
    expect([second.generation, second.runId]).toEqual([2, first.runId]);
    expect(second.highestCheckpointId()).toBe(4);
    await expect(first.beginAttempt(9)).rejects.toThrow('superseded');
    await publish(disk, second, 5);
    await start(disk, {takeOver: true});
    expect(await failureOf(second.nextGeneration())).toBe('FENCED');
  });

  it('a restart inside the process that met a full disk before it linked may be repeated', async () => {
    for (const name of ['createNew', 'append', 'link']) {
      const disk = new MemoryFileSystem();
      const first = await start(disk);
      disk.options = {
        fault: (call) => (call.name === name ? {kind: 'fail', code: 'ENOSPC'} : null),
      };
      expect(await failureOf(first.nextGeneration())).toBe('STORAGE_FAILED');
      disk.options = {};
      await first.beginAttempt(1);
      expect((await first.nextGeneration()).generation).toBe(2);
    }
  });

  it('B45: a record whose link happened and whose reply was lost may be written again, a second one not', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    disk.options = {
      fault: ({name}) => (name === 'link' ? {kind: 'reply-lost', code: 'EIO'} : null),
    };
    expect(await failureOf(beginFresh(owner))).toBe('STORAGE_FAILED');
    disk.options = {};
    await beginFresh(owner);
    await expect(beginFresh(owner)).rejects.toThrow('written once');
    expect((await (await start(disk)).readHistory()).lastRun?.lineage?.lineage).toHaveLength(16);
  });

  it('sha256sum -c passes inside a checkpoint on a real disk', async () => {
    const owner = await start(nodeFileSystem, {
      directory: join(root, 'nested', 'flights'),
      processes: systemProcessTable,
    });
    await beginFresh(owner);
    await owner.beat();
    await owner.beat();
    const {path} = await publish(nodeFileSystem, owner, 1, 3_000_000);
    expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], {cwd: path}).toString()).toBe(
      '_metadata: OK\ncount/0.keyed: OK\nsum/0.keyed: OK\n',
    );
    expect((await owner.listCheckpoints()).map(({state}) => state.kind)).toEqual(['complete']);
    await owner.deleteCheckpoints(await owner.permitDeletion([1]));
    expect(await owner.listCheckpoints()).toEqual([]);
    await owner.writeEnd('finished', {});
  });

  it('starts that end before they sweep do not nest ever deeper', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await first.beginAttempt(7);
    let depth = 0;
    for (let count = 0; count < 100; count += 1) await start(disk, {takeOver: true});
    for (const path of disk.snapshot().keys()) depth = Math.max(depth, path.split('/').length);
    expect(depth).toBeLessThan(
      `${paths.deleted(1)}/0000000001/pending/chk-7`.split('/').length + 2,
    );
    const last = await start(disk, {takeOver: true});
    expect(last.highestCheckpointId()).toBe(7);
    expect(await disk.list(paths.deleted(last.generation))).toHaveLength(last.generation - 1);
    await last.sweepDeleted();
    expect(await disk.list(paths.deleted(last.generation))).toEqual([]);
  });

  it('a directory that has nested deeper than a path can be is usable again', async () => {
    const place = join(root, 'nested');
    mkdirSync(join(place, 'work'), {recursive: true});
    // What 300 starts left that nested one another.
    mkdirSync(join(place, 'work/0000000001/pending/chk-77'), {recursive: true});
    for (let count = 2; count <= 300; count += 1) {
      const [inner, outer] = [count - 1, count].map((one) => String(one).padStart(10, '0'));
      mkdirSync(join(place, `work/${outer}/deleted`), {recursive: true});
      renameSync(join(place, `work/${inner}`), join(place, `work/${outer}/deleted/${inner}`));
    }
    mkdirSync(join(place, 'owner'));
    writeFileSync(join(place, 'owner/0000000300'), 'torn');
    const owner = await start(nodeFileSystem, {directory: place, takeOver: true});
    expect([owner.generation, owner.highestCheckpointId()]).toEqual([301, 77]);
    await owner.sweepDeleted();
    expect(readdirSync(join(place, 'work/0000000301/deleted'))).toEqual([]);
  });

  it('a checkpoint that a restart inside the process relies on survives a power loss', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    // Renamed, and neither made durable nor taken back.
    disk.options = {
      fault: ({name, path}) =>
        (name === 'syncDirectory' && path === JOB_DIRECTORY) ||
        (name === 'rename' && path === paths.checkpoint(3))
          ? {kind: 'fail', code: 'EIO'}
          : null,
    };
    expect(await failureOf(publish(disk, first, 3))).toBe('STORAGE_FAILED');
    disk.options = {};
    const restarted = await first.nextGeneration();
    const idsOf = async (owner: Ownership) =>
      (await owner.listCheckpoints()).map(({checkpointId}) => checkpointId);
    expect(await idsOf(restarted)).toEqual([3]);
    const crashed = disk.afterCrash(disk.log.length, () => 'lost');
    expect(await idsOf(await start(crashed, {takeOver: true}))).toEqual([3]);
  });

  it('ids go on above everything that is seen: published, pending, left in deleted, origins', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await publish(disk, first, 3);
    await first.beginAttempt(8);
    const second = await start(disk);
    expect(second.highestCheckpointId()).toBe(8);
    await second.beginLineage({
      lineage: 'ff'.repeat(8),
      origin: {
        kind: 'checkpoint',
        checkpointId: 40,
        path: '/elsewhere/chk-40',
        metadataSha256: '0'.repeat(64),
        claimed: true,
      },
      ancestors: [{lineage: 'ee'.repeat(8), checkpointId: 39}],
      outputAhead: 'keep',
    });
    const third = await start(disk);
    expect(third.highestCheckpointId()).toBe(40);
    expect((await third.readHistory()).lastRun).toMatchObject({
      generation: 2,
      end: null,
      lineage: {origin: {kind: 'checkpoint', checkpointId: 40}, outputAhead: 'keep'},
    });
    await third.sweepDeleted();
    expect(await disk.list(paths.deleted(3))).toEqual([]);
  });

  it('a damaged end or lineage record stops the run, names the file and its byte; unknown names are left', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await beginFresh(first);
    await first.writeEnd('finished', {});
    await writeFile(disk, `${paths.ownerDirectory}/NOTES`, Buffer.from('mine'));
    const next = await start(disk);
    expect((await next.readHistory()).unknownNames).toEqual(['NOTES']);
    const path = paths.ownerMark(1, 'end');
    const bytes = await readFile(disk, path);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      disk.overwrite(path, flipped);
      await expect(next.readHistory()).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    }
    disk.overwrite(path, bytes);
    expect((await next.readHistory()).lastRun?.end?.how).toBe('finished');
  });

  it('a directory of another format is left alone', async () => {
    const disk = new MemoryFileSystem();
    await start(disk);
    disk.overwrite(paths.format, Buffer.from('{"format":"tidemark","major":2}\n'));
    expect(await failureOf(start(disk))).toBe('INCOMPATIBLE');
  });
});

async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'won';
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

async function failureOf(call: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await Promise.resolve();
}
