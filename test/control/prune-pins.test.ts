// What `checkpoint prune` leaves alone for reasons that no rule of age or number tells: a live job that began from it, and
// `--keep-savepoints`. Real directories of test/formats/kept, a real registry, and this process as the live job.

import {cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {SeededRandom} from '#src/base/random.js';
import type {JobRecord} from '#src/control/job-record.js';
import {pruneDirectory, type PruneOptions} from '#src/control/prune-checkpoints.js';
import {pruneSavepoints, type PrunedSavepoints} from '#src/control/prune-savepoints.js';
import {JobEntryPaths, prepareEntry, writeJobRecord} from '#src/control/registry-files.js';
import {openStateDirectory, statePathsOf} from '#src/control/state-directory.js';
import {systemProcessTable} from '#src/storage/process-table.js';
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

  test('stays when the job that owns it is asked to prune: the order says so', async () => {
    registerLive(join(directory, 'chk-4'));
    const name = 'ab'.repeat(32);
    mkdirSync(join(directory, 'shared', 'ab'), {recursive: true});
    writeFileSync(join(directory, 'shared', 'ab', name), 'needed by nobody');
    const served = await serveFake();
    try {
      registerLive(null, {jobId: OWNER_ID, jobDirectory: directory, socket: served.socket});
      await pruneDirectory(directory, {...options, orphanAgeMillis: 0});
      const order = {...options.order, inUse: [4]};
      expect(served.commands.asked).toEqual([['prune', order]]);
    } finally {
      await served.close();
    }
  });
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
});
