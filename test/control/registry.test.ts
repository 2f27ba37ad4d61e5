// What a registered job is, for every way in which its process and its files can be: never running when it is dead,
// never dead when it runs. And what the registry does with files that are not as it wrote them.

import {createServer} from 'node:net';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {SeededRandom} from '#src/base/random.js';
import type {ProcessIdentity, ProcessSighting} from '#src/base/process-identity.js';
import type {JobEnd, JobRecord} from '#src/control/job-record.js';
import {ENDED_KEPT, readRegistry, sweepRegistry} from '#src/control/job-registry.js';
import {
  JobEntryPaths,
  prepareEntry,
  touchBeat,
  writeJobEnd,
  writeJobRecord,
} from '#src/control/registry-files.js';
import {openStateDirectory, statePathsOf, type StatePaths} from '#src/control/state-directory.js';
import type {ProcessTable} from '#src/storage/process-table.js';

const NOW = 1_700_000_000_000;
const HERE: ProcessIdentity = {
  host: 'here',
  bootId: 'boot-2',
  pidNamespace: 'pid:[1]',
  pid: 1,
  startTime: '1',
};
const JOB_ID = 'a'.repeat(32);
const RUN_ID = '0123456789abcdef';

let home: string;
let paths: StatePaths;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'registry-'));
  paths = statePathsOf({TIDEMARK_HOME: join(home, 'state')});
  openStateDirectory(paths, new SeededRandom(1));
});
afterEach(() => {
  rmSync(home, {recursive: true, force: true});
});

function record(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    jobId: JOB_ID,
    runId: RUN_ID,
    name: 'clicks',
    jobFile: '/jobs/clicks.job.yaml',
    generation: 2,
    state: 'RUNNING',
    started: NOW - 60_000,
    process: {...HERE, pid: 77, startTime: '500'},
    socket: null,
    listens: null,
    detached: true,
    jobDirectory: '/ck/clicks',
    savepointDirectory: null,
    restoredFrom: null,
    ...changes,
  };
}

function end(changes: Partial<JobEnd> = {}): JobEnd {
  return {
    runId: RUN_ID,
    state: 'FINISHED',
    exitStatus: 0,
    ended: NOW - 1_000,
    generation: 2,
    error: null,
    recordsIn: 1,
    recordsOut: 1,
    checkpoints: 1,
    restarts: 0,
    durationMillis: 5,
    lastCheckpoint: null,
    ...changes,
  };
}

function entry(jobId = JOB_ID): JobEntryPaths {
  const made = new JobEntryPaths(paths.jobs, jobId);
  prepareEntry(made);
  return made;
}

function processes(sighting: ProcessSighting): ProcessTable {
  return {self: () => HERE, look: () => sighting};
}

const ALIVE: ProcessSighting = {kind: 'running', startTime: '500'};
const GONE: ProcessSighting = {kind: 'gone'};
const UNKNOWN: ProcessSighting = {kind: 'unknown'};

interface Case {
  readonly what: string;
  readonly record?: Partial<JobRecord>;
  readonly end?: Partial<JobEnd>;
  readonly sighting: ProcessSighting;
  /** Null: it never beat. */
  readonly beatAge?: number | null;
  readonly state: string;
  readonly live: boolean;
}

const CASES: readonly Case[] = [
  {what: 'its process runs', sighting: ALIVE, state: 'RUNNING', live: true},
  {
    what: 'its process runs and has not beaten for an hour (stopped by a signal)',
    sighting: ALIVE,
    beatAge: 3_600_000,
    state: 'RUNNING',
    live: true,
  },
  {what: 'its process is gone (killed)', sighting: GONE, beatAge: 0, state: 'CRASHED', live: false},
  {
    what: 'its pid was given to another process',
    sighting: {kind: 'running', startTime: '900'},
    beatAge: 0,
    state: 'CRASHED',
    live: false,
  },
  {
    what: 'the machine was booted since',
    record: {process: {...HERE, bootId: 'boot-1', pid: 77, startTime: '500'}},
    sighting: ALIVE,
    beatAge: 0,
    state: 'CRASHED',
    live: false,
  },
  {
    what: 'another container, which beats',
    record: {process: {...HERE, pidNamespace: 'pid:[2]'}},
    sighting: GONE,
    beatAge: 2_000,
    state: 'RUNNING',
    live: true,
  },
  {
    what: 'another container, silent',
    record: {process: {...HERE, pidNamespace: 'pid:[2]'}},
    sighting: ALIVE,
    beatAge: 16_000,
    state: 'CRASHED',
    live: false,
  },
  {
    what: 'another machine, which beats',
    record: {process: {...HERE, host: 'there', bootId: 'boot-9'}},
    sighting: GONE,
    beatAge: 2_000,
    state: 'RUNNING',
    live: true,
  },
  {
    what: 'another machine, silent',
    record: {process: {...HERE, host: 'there', bootId: 'boot-9'}},
    sighting: GONE,
    beatAge: 16_000,
    state: 'CRASHED',
    live: false,
  },
  {
    what: 'a system without boot ids, which beats',
    record: {process: {...HERE, bootId: null, pidNamespace: null}},
    sighting: GONE,
    beatAge: 2_000,
    state: 'RUNNING',
    live: true,
  },
  {
    what: 'its process cannot be looked at, and beats',
    sighting: UNKNOWN,
    beatAge: 2_000,
    state: 'RUNNING',
    live: true,
  },
  {
    what: 'its process cannot be looked at, and never beat',
    sighting: UNKNOWN,
    beatAge: null,
    state: 'CRASHED',
    live: false,
  },
  {
    what: 'a beat from the future (the clock was set back)',
    sighting: UNKNOWN,
    beatAge: -3_600_000,
    state: 'CRASHED',
    live: false,
  },
  {what: 'it has ended', end: {}, sighting: GONE, state: 'FINISHED', live: false},
  {
    what: 'it has ended and its process is still there',
    end: {state: 'STOPPED'},
    sighting: ALIVE,
    state: 'STOPPED',
    live: false,
  },
  {
    what: 'an earlier run of it has ended',
    end: {runId: 'f'.repeat(16)},
    sighting: ALIVE,
    state: 'RUNNING',
    live: true,
  },
  {
    what: 'it restarts',
    record: {state: 'RESTARTING'},
    sighting: ALIVE,
    state: 'RESTARTING',
    live: true,
  },
  {
    what: 'it was killed while it restarted',
    record: {state: 'RESTARTING'},
    sighting: GONE,
    state: 'CRASHED',
    live: false,
  },
];

describe('a registered job', () => {
  test.each(CASES)('$what: $state', (given) => {
    const made = entry();
    writeJobRecord(made, record(given.record));
    if (given.end !== undefined) writeJobEnd(made, end(given.end));
    const {beatAge = 0} = given;
    if (beatAge !== null) touchBeat(made, NOW - beatAge);
    if (beatAge !== null) utimesSync(made.beat, (NOW - beatAge) / 1000, (NOW - beatAge) / 1000);
    const [job] = readRegistry(paths.jobs, {processes: processes(given.sighting), now: NOW});
    expect({state: job?.state, live: job?.live}).toEqual({state: given.state, live: given.live});
  });

  test('a file at every length but the whole is no job, and no error', () => {
    const made = entry();
    const text = `${JSON.stringify(record())}\n`;
    for (let length = 0; length < text.length - 1; length += 1) {
      writeFileSync(made.record, text.slice(0, length));
      expect(readRegistry(paths.jobs, {processes: processes(ALIVE), now: NOW})).toEqual([]);
    }
    writeFileSync(made.record, text);
    expect(readRegistry(paths.jobs, {processes: processes(ALIVE), now: NOW})).toHaveLength(1);
  });

  test('half an end record is a crash, not an end', () => {
    const made = entry();
    writeJobRecord(made, record());
    writeFileSync(made.end(RUN_ID), JSON.stringify(end()).slice(0, 60));
    const [job] = readRegistry(paths.jobs, {processes: processes(GONE), now: NOW});
    expect(job).toMatchObject({state: 'CRASHED', end: null});
  });

  test.each([
    ['a state that nobody knows', {state: 'DANCING'}],
    ['a pid that is a text', {process: {...HERE, pid: '77'}}],
    ['an id of another directory', {jobId: 'b'.repeat(32)}],
    ['a name that is no text', {name: 7}],
  ])('%s makes it no job', (_what, changes) => {
    const made = entry();
    writeFileSync(made.record, JSON.stringify({...record(), ...changes}));
    expect(readRegistry(paths.jobs, {processes: processes(ALIVE), now: NOW})).toEqual([]);
  });

  test('a missing registry holds no job', () => {
    rmSync(paths.root, {recursive: true});
    expect(readRegistry(paths.jobs, {processes: processes(ALIVE), now: NOW})).toEqual([]);
  });
});

describe('sweeping', () => {
  test(`of ended jobs the newest ${ENDED_KEPT} stay; live ones stay whatever their age`, () => {
    for (let index = 0; index < ENDED_KEPT + 5; index += 1) {
      const jobId = index.toString(16).padStart(32, '0');
      const made = entry(jobId);
      writeJobRecord(
        made,
        record({
          jobId,
          started: NOW + index,
          process: {...HERE, pid: index === 0 ? 77 : 78, startTime: '500'},
        }),
      );
    }
    const table: ProcessTable = {self: () => HERE, look: (pid) => (pid === 77 ? ALIVE : GONE)};
    const read = () => readRegistry(paths.jobs, {processes: table, now: NOW});
    sweepRegistry(paths.jobs, read());
    const left = read();
    expect(left).toHaveLength(ENDED_KEPT + 1);
    expect(left.filter(({live}) => live).map(({record: {started}}) => started)).toEqual([NOW]);
    expect(Math.min(...left.filter(({live}) => !live).map(({record: {started}}) => started))).toBe(
      NOW + 5,
    );
  });

  test('the socket of a dead job goes, that of a live one stays, and what is no socket stays', async () => {
    const socket = join(home, 'job.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const made = entry();
    writeJobRecord(made, record({socket}));
    const sweep = (sighting: ProcessSighting): void =>
      sweepRegistry(
        paths.jobs,
        readRegistry(paths.jobs, {processes: processes(sighting), now: NOW}),
      );
    sweep(ALIVE);
    expect(existsSync(socket)).toBe(true);
    sweep(GONE);
    expect(existsSync(socket)).toBe(false);
    writeFileSync(socket, 'precious');
    sweep(GONE);
    expect(existsSync(socket)).toBe(true);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});

describe('the state directory', () => {
  test('is TIDEMARK_HOME, or below XDG_STATE_HOME, or below the home directory', () => {
    const root = (environment: Record<string, string>): string => statePathsOf(environment).root;
    expect(root({TIDEMARK_HOME: '/t', XDG_STATE_HOME: '/x', HOME: '/h'})).toBe('/t');
    expect(root({XDG_STATE_HOME: '/x', HOME: '/h'})).toBe('/x/tidemark');
    expect(root({XDG_STATE_HOME: 'relative', HOME: '/h'})).toBe('/h/.local/state/tidemark');
  });

  test('is nobody else’s: every directory in it has mode 700', () => {
    entry();
    for (const path of [
      paths.root,
      paths.jobs,
      join(paths.jobs, JOB_ID),
      join(paths.jobs, JOB_ID, 'logs'),
    ]) {
      expect((statSync(path).mode & 0o777).toString(8)).toBe('700');
    }
  });

  test.each([0o777, 0o770, 0o722])('one that others may write (mode %o) is refused', (mode) => {
    chmodSync(paths.root, mode);
    expect(() => openStateDirectory(paths, new SeededRandom(1))).toThrow(/mode/);
  });

  test('a file in its place is STORAGE_FAILED with the path', () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    const broken = statePathsOf({TIDEMARK_HOME: join(file, 'state')});
    expect(() => openStateDirectory(broken, new SeededRandom(1))).toThrow(
      expect.objectContaining({
        code: 'STORAGE_FAILED',
        message: expect.stringContaining(broken.root) as string,
      }),
    );
  });

  test('a link to a directory of its own is followed', () => {
    const real = join(home, 'real');
    mkdirSync(real, {mode: 0o700});
    const link = join(home, 'link');
    symlinkSync(real, link);
    openStateDirectory(statePathsOf({TIDEMARK_HOME: link}), new SeededRandom(1));
    expect(existsSync(join(real, 'jobs'))).toBe(true);
  });
});
