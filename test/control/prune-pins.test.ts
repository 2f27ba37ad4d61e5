// What `checkpoint prune` leaves alone for reasons that no rule of age or number tells: a live job that began from it, and
// `--keep-savepoints`. Real directories of test/formats/kept, a real registry, and this process as the live job.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {systemClock, systemTimers} from '#src/base/clock.js';
import {ERROR_CODES} from '#src/base/errors.js';
import {SeededRandom, systemRandom} from '#src/base/random.js';
import type {RunEnd} from '#src/checkpoint/retention.js';
import {disposeUnlessNeeded} from '#src/control/dispose-savepoint.js';
import {setHold} from '#src/control/hold-checkpoint.js';
import type {JobRecord} from '#src/control/job-record.js';
import {pruneDirectory, type PruneOptions} from '#src/control/prune-checkpoints.js';
import {pruneSavepoints, type PrunedSavepoints} from '#src/control/prune-savepoints.js';
import {JobEntryPaths, prepareEntry, writeJobRecord} from '#src/control/registry-files.js';
import {openStateDirectory, statePathsOf} from '#src/control/state-directory.js';
import {dispose} from '#src/engine.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {takeOver} from '#src/storage/job-directory.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {systemProcessTable} from '#src/storage/process-table.js';
import {beginFresh, JOB, LINEAGE, start} from '../storage/support/fixture.ts';
import {publishShared} from '../storage/support/shared-states.ts';
import {serveFake} from './support/serve-fake.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const JOB_ID = 'a'.repeat(32);
const OWNER_ID = 'b'.repeat(32);

let home: string;
let options: PruneOptions;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'prune-pins-'));
  options = {
    environment: {TIDEMARK_HOME: join(home, 'state')},
    order: {policy: {keepLast: 1, keepWithinMillis: null}, among: null},
    orphanAgeMillis: null,
    takeOver: true,
    dryRun: false,
  };
});
afterEach(() => {
  rmSync(home, {recursive: true, force: true});
});

/** A job that runs in this process, somewhere else, and began from `restoredFrom`. */
function registerLive(restoredFrom: string | null, changes: Partial<JobRecord> = {}): void {
  const paths = statePathsOf(options.environment);
  openStateDirectory(paths, new SeededRandom(1));
  const record: JobRecord = {
    jobId: JOB_ID,
    runId: '0123456789abcdef',
    name: 'elsewhere',
    jobFile: '/jobs/elsewhere.job.yaml',
    generation: 1,
    state: 'RUNNING',
    started: 1_700_000_000_000,
    process: systemProcessTable.self(),
    socket: null,
    listens: null,
    detached: true,
    jobDirectory: '/ck/elsewhere',
    savepointDirectory: null,
    restoredFrom,
    ...changes,
  };
  const entry = new JobEntryPaths(paths.jobs, record.jobId);
  prepareEntry(entry);
  writeJobRecord(entry, record);
}

/** Before the registry is read for the `times`-th time, a job begins from `path`. */
function beginsMeanwhile(path: string, times: number): void {
  const root = options.environment['TIDEMARK_HOME'];
  let count = 0;
  const environment = {
    get TIDEMARK_HOME() {
      count += 1;
      if (count === times) {
        const {environment: changed} = options;
        options = {...options, environment: {TIDEMARK_HOME: root}};
        registerLive(path);
        options = {...options, environment: changed};
      }
      return root;
    },
  };
  options = {...options, environment};
}

const DEAD: Partial<JobRecord> = {
  process: {...systemProcessTable.self(), pid: 4_194_303, startTime: '1'},
};

/** A job whose process is gone, and what its directory tells of it. */
async function registerCrashed(
  restoredFrom: string,
  {published = false, how = null}: {published?: boolean; how?: RunEnd | null} = {},
): Promise<void> {
  const jobDirectory = join(home, 'crashed', JOB);
  mkdirSync(join(home, 'crashed'));
  registerLive(restoredFrom, {...DEAD, jobDirectory});
  const owner = await start(nodeFileSystem, {directory: jobDirectory});
  const origin = {
    kind: 'checkpoint',
    checkpointId: 1,
    path: restoredFrom,
    metadataSha256: '00'.repeat(32),
    claimed: false,
  } as const;
  await owner.beginLineage({lineage: LINEAGE, origin, ancestors: [], outputAhead: 'refuse'});
  if (published) await owner.markPublished();
  if (how !== null) await owner.writeEnd(how, {});
}

describe('a checkpoint that a live job began from', () => {
  let directory: string;
  beforeEach(() => {
    directory = join(home, 'kept');
    cpSync(join(KEPT, 'hashmap-full-0.1.0/files/state/kept'), directory, {recursive: true});
  });

  test('would go by the rules when no such job lives', async () => {
    const {deleted} = await pruneDirectory(directory, {...options, dryRun: true});
    expect(deleted).toEqual([join(directory, 'chk-4')]);
  });

  test('stays while one does, and the report says why', async () => {
    registerLive(join(directory, 'chk-4'));
    const {deleted, kept} = await pruneDirectory(directory, options);
    expect(deleted).toEqual([]);
    expect(kept).toContainEqual({path: join(directory, 'chk-4'), reason: 'in-use'});
    expect(existsSync(join(directory, 'chk-4'))).toBe(true);
  });

  test('stays when that job began while the directory was being taken over', async () => {
    beginsMeanwhile(join(directory, 'chk-4'), 2);
    const {deleted, kept} = await pruneDirectory(directory, options);
    expect(deleted).toEqual([]);
    expect(kept).toContainEqual({path: join(directory, 'chk-4'), reason: 'in-use'});
  });

  test('stays when either path leads through a link', async () => {
    symlinkSync(home, join(home, 'link'));
    registerLive(join(home, 'link/kept/chk-4'));
    expect((await pruneDirectory(directory, options)).deleted).toEqual([]);
    registerLive(join(directory, 'chk-4'));
    expect((await pruneDirectory(join(home, 'link/kept'), options)).deleted).toEqual([]);
  });

  test('stays when the job that owns it is asked to prune: the order says so', async () => {
    registerLive(join(directory, 'chk-4'));
    const name = 'ab'.repeat(32);
    mkdirSync(join(directory, 'shared', 'ab'), {recursive: true});
    writeFileSync(join(directory, 'shared', 'ab', name), 'needed by nobody');
    const served = await serveFake();
    try {
      symlinkSync(directory, join(home, 'direct'));
      const {socket} = served;
      registerLive(null, {jobId: OWNER_ID, jobDirectory: join(home, 'direct'), socket});
      symlinkSync(home, join(home, 'link'));
      // Its owner is found whatever the path.
      // It is too young, and nothing else goes: nobody is asked.
      const young = {...options, orphanAgeMillis: 1_000_000_000};
      expect((await pruneDirectory(directory, young)).by).toBeNull();
      await pruneDirectory(join(home, 'link/kept'), {...options, orphanAgeMillis: 0});
      const order = {...options.order, inUse: [4]};
      expect(served.commands.asked).toEqual([['prune', order]]);
    } finally {
      await served.close();
    }
  });
});

test('what a prune that was cut short has left in shared/ goes with the next one, and nothing else', async () => {
  const directory = join(home, JOB);
  const contents = (): readonly string[] => {
    const shared = join(directory, 'shared');
    const paths = readdirSync(shared, {recursive: true, encoding: 'utf8'});
    const digests = paths.filter((path) => path.includes('/'));
    return digests.map((path) => readFileSync(join(shared, path), 'utf8')).sort();
  };
  const owner = await start(nodeFileSystem, {directory});
  await beginFresh(owner);
  const {states} = await publishShared(nodeFileSystem, owner, 1, {brings: ['base', 'of 1']});
  await publishShared(nodeFileSystem, owner, 2, {brings: ['of 2'], refers: [states[0]!]});
  await publishShared(nodeFileSystem, owner, 3, {brings: ['of 3'], refers: [states[0]!]});
  await owner.markSettled(1);
  await owner.writeEnd('finished', {});
  const young = 'ab'.repeat(32);
  mkdirSync(join(directory, 'shared/ab'), {recursive: true});
  writeFileSync(join(directory, 'shared/ab', young), 'young');
  // One died after its renames; so did the one after it, which had taken the first one's work away.
  renameSync(join(directory, 'chk-1'), join(directory, 'work/0000000001/deleted/chk-1'));
  await start(nodeFileSystem, {directory, kind: 'prune'});
  renameSync(join(directory, 'chk-2'), join(directory, 'work/0000000002/deleted/chk-2'));
  expect(contents()).toEqual(['base', 'of 1', 'of 2', 'of 3', 'young']);
  const dry = await pruneDirectory(directory, {...options, dryRun: true});
  expect(dry.orphans.filter(({kind, deleted}) => kind === 'shared' && deleted)).toHaveLength(2);
  await pruneDirectory(directory, options);
  expect(contents()).toEqual(['base', 'of 3', 'young']);
  expect((await pruneDirectory(directory, options)).by).toBeNull();
});

test('H85: while its owner restores and cannot be asked, 11, and nothing goes', async () => {
  const directory = join(home, 'kept');
  cpSync(join(KEPT, 'hashmap-full-0.1.0/files/state/kept'), directory, {recursive: true});
  const shared = {clock: systemClock, timers: systemTimers, random: systemRandom};
  // It has taken the directory and published nothing: what it restores from is all that it has.
  const owner = await takeOver({
    ...{...shared, files: nodeFileSystem, processes: systemProcessTable},
    ...{jobDirectory: directory, kind: 'run', takeOver: true},
  });
  const before = readdirSync(directory, {recursive: true}).sort();
  const asked = {...options, takeOver: false, orphanAgeMillis: 0};
  await expect(pruneDirectory(directory, asked)).rejects.toMatchObject({
    code: 'ALREADY_RUNNING',
    details: {hint: expect.stringContaining('Only the job itself may delete there') as string},
  });
  expect(ERROR_CODES.ALREADY_RUNNING).toBe(11);
  expect(readdirSync(directory, {recursive: true}).sort()).toEqual(before);
  await owner.writeEnd('finished', {});
  const {deleted} = await pruneDirectory(directory, asked);
  expect(deleted).toEqual([join(directory, 'chk-4')]);
});

describe('savepoints', () => {
  let directory: string;
  let savepoints: string[];
  beforeEach(() => {
    directory = join(home, 'savepoints');
    mkdirSync(directory);
    const source = 'savepoint-10131a-0cb72edbffcc';
    savepoints = [source, 'savepoint-10131a-0cb72edbfffe'].map((name) => join(directory, name));
    const from = join(KEPT, 'savepoint-canonical-0.1.0/files/savepoints', source);
    for (const path of savepoints) cpSync(from, path, {recursive: true});
  });

  async function prune(keepAll: boolean): Promise<PrunedSavepoints> {
    const {environment, order, dryRun} = options;
    const {policy} = order;
    return pruneSavepoints(directory, {environment, policy, keepAll, among: null, dryRun});
  }

  test('go by the rules, the newest of a job stays', async () => {
    const {deleted, kept} = await prune(false);
    expect(deleted).toEqual([savepoints[0]]);
    expect(kept.map(({path}) => path)).toEqual([savepoints[1]]);
    expect(savepoints.map((path) => existsSync(path))).toEqual([false, true]);
  });

  test('all stay with --keep-savepoints', async () => {
    const {deleted, kept} = await prune(true);
    expect(deleted).toEqual([]);
    const all = savepoints.toReversed().map((path) => ({path, reason: 'keep-savepoints'}));
    expect(kept).toEqual(all);
    expect(savepoints.every((path) => existsSync(path))).toBe(true);
  });

  test('stay while a job that began from them lives', async () => {
    registerLive(savepoints[0]!);
    const {deleted, kept} = await prune(false);
    expect(deleted).toEqual([]);
    expect(kept).toContainEqual({path: savepoints[0], reason: 'in-use'});
  });

  test('stay when that job began while others were disposed of', async () => {
    const third = join(directory, 'savepoint-10131a-0cb72edbffff');
    cpSync(savepoints[0]!, third, {recursive: true});
    beginsMeanwhile(savepoints[1]!, 3);
    const {deleted, kept} = await prune(false);
    expect(deleted).toEqual([savepoints[0]]);
    expect(kept).toContainEqual({path: savepoints[1], reason: 'in-use'});
    expect(existsSync(savepoints[1]!)).toBe(true);
  });

  test('stay when that job reached them through a link', async () => {
    symlinkSync(directory, join(home, 'link'));
    registerLive(join(home, 'link', 'savepoint-10131a-0cb72edbffcc'));
    expect((await prune(false)).deleted).toEqual([]);
  });

  test.each(['crashed', 'failed', 'interrupted'] as const)(
    'stay when a job that %s before its first checkpoint goes back to them',
    async (how) => {
      await registerCrashed(savepoints[0]!, {how: how === 'crashed' ? null : how});
      const {deleted, kept} = await prune(false);
      expect(deleted).toEqual([]);
      expect(kept).toContainEqual({path: savepoints[0], reason: 'in-use'});
      const {environment} = options;
      await expect(dispose(savepoints[0]!, environment)).rejects.toMatchObject({code: 'REFUSED'});
    },
  );

  test('stay when a job of another user goes back to them, and not for ever', async () => {
    const owner = await start(nodeFileSystem, {directory: join(home, JOB)});
    // Of another container, as far as anybody here can tell.
    await owner.placeUseMark(savepoints[0]!, LINEAGE);
    const {deleted, kept} = await prune(false);
    expect(deleted).toEqual([]);
    expect(kept).toContainEqual({path: savepoints[0], reason: 'in-use'});
    await beginFresh(owner);
    expect((await prune(false)).deleted).toEqual([savepoints[0]]);
  });

  test('stay while they are held, also from a claim', async () => {
    const path = savepoints[0]!;
    const {environment} = options;
    const hold = async (held: boolean): Promise<unknown> =>
      setHold(path, held, {environment, takeOver: false});
    await hold(true);
    expect(await hold(true)).toMatchObject({checkpointId: 6, jobDirectory: null, held: true});
    expect((await prune(false)).kept).toContainEqual({path, reason: 'held'});
    await expect(dispose(path, environment)).rejects.toMatchObject({code: 'REFUSED'});
    const owner = await start(nodeFileSystem, {directory: join(home, JOB)});
    await owner.claim(path, LINEAGE);
    expect(await owner.removeClaimed(path, LINEAGE)).toEqual({kind: 'left', why: 'it is held'});
    await hold(false);
    await hold(false);
    expect(await owner.removeClaimed(path, LINEAGE)).toEqual({kind: 'removed'});
  });

  test('stay when such a job, or a claim, comes between the look and the rename', async () => {
    const owner = await start(nodeFileSystem, {directory: join(home, JOB)});
    const marks = [
      async () => owner.placeUseMark(savepoints[0]!, LINEAGE),
      async () => owner.claim(savepoints[1]!, LINEAGE),
    ];
    for (const [index, reason] of (['in-use', 'claimed'] as const).entries()) {
      const path = savepoints[index]!;
      let renames = 0;
      const files: FileSystem = {
        ...nodeFileSystem,
        async rename(source, target) {
          renames += 1;
          if (source === path) await marks[index]!();
          await nodeFileSystem.rename(source, target);
        },
      };
      const surroundings = {files, random: new SeededRandom(1), jobs: () => []};
      expect(await disposeUnlessNeeded(surroundings, path)).toMatchObject({kind: 'kept', reason});
      expect(existsSync(path)).toBe(true);
      expect((await disposeUnlessNeeded(surroundings, path)).kind).toBe('kept');
      expect(renames, 'there and back, and not again').toBe(2);
    }
  });

  test('come back when a disposal died between its rename and its second look', async () => {
    const owner = await start(nodeFileSystem, {directory: join(home, JOB)});
    await owner.placeUseMark(savepoints[0]!, LINEAGE);
    const disposed = (path: string): string =>
      join(directory, `.deleted-0123456789abcdef-${basename(path)}`);
    for (const path of savepoints) renameSync(path, disposed(path));
    const {leftovers} = await prune(false);
    expect(leftovers.map(({path}) => path)).toEqual([disposed(savepoints[1]!)]);
    expect(savepoints.map((path) => existsSync(path))).toEqual([true, false]);
  });

  test.each([
    ['has a checkpoint of its own', {published: true}],
    ['was cancelled', {how: 'cancelled'}],
  ] as const)('go when the job that crashed or ended %s', async (_what, how) => {
    await registerCrashed(savepoints[0]!, how);
    expect((await prune(false)).deleted).toEqual([savepoints[0]]);
  });
});
