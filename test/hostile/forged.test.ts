// Checkpoints that somebody made, not a disk: `_metadata` with a valid digest and hostile contents, and
// links, pipes and devices in place of files. Refused before anything is allocated, read outside the
// checkpoint, waited for or written; what else is there is kept.

import {execFileSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync} from 'node:fs';
import {rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, expect, test} from 'vitest';
import {listCheckpoints, planRestore, pruneCheckpoints, verifyCheckpoints} from '#src/index.js';
import {tidemark} from '../kills/support/process.ts';
import {errorOf, findingsOf} from './support/ending.ts';
import {forge, forgeStateFile, seal, stateOf, writeBytes, type Metadata} from './support/forge.ts';
import {OrdersJob, restoreOf} from './support/orders-job.ts';
import {endingsOfReaders} from './support/readers.ts';
import {sample, sampleTest} from './support/sample.ts';

const NEWEST = 4;
const PRUNE_ALL = {
  environment: {},
  keepLast: 1,
  keepWithinMillis: null,
  keepSavepoints: true,
  orphanAgeMillis: 0,
  takeOver: false,
  among: null,
  dryRun: false,
};
let job: OrdersJob;
let newest: string;

beforeAll(async () => {
  job = new OrdersJob({rowsPerSecond: 100});
  await job.crashWithCheckpoints(NEWEST);
  newest = job.checkpoint(NEWEST);
  job.save();
});

afterAll(() => {
  job.remove();
});

beforeEach(() => {
  job.reset();
});

interface Forgery {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  readonly make: () => void;
  /** One of each status also through the command line. */
  readonly throughCommand?: true;
}

/** A change to the handle of the keyed state. */
const groups = (change: (state: Record<string, unknown>) => void) => (): void =>
  forge(newest, (metadata) => change(stateOf(metadata, 'by-user', 'groups')));

const forged = (change: (metadata: Metadata) => void) => (): void => forge(newest, change);

/** Another file with the same bytes, outside the checkpoint. */
function moveOut(path: string): string {
  const outside = join(job.directory, 'outside');
  renameSync(join(newest, path), outside);
  return outside;
}

function putPipe(path: string): void {
  rmSync(path, {recursive: true, force: true});
  execFileSync('mkfifo', [path]);
}

const FORGERIES: readonly Forgery[] = [
  {
    what: 'ck-length-bomb: a state of 2^50 bytes',
    throughCommand: true,
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: groups((state) => (state['length'] = 2 ** 50)),
  },
  {
    what: 'ck-length-bomb: a length of "12"',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: groups((state) => (state['length'] = '12')),
  },
  ...['9007199254740992', '-1', '1e309'].map((length) => ({
    what: `ck-length-bomb: a length of ${length}`,
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: () => {
      groups((state) => (state['length'] = 123454321))();
      const [, body = ''] = readFileSync(join(newest, '_metadata'), 'utf8').split(/^.{78}/);
      writeBytes(newest, seal(body.replace('123454321', length)));
    },
  })),
  {
    what: 'ck-count-bomb: 200,000 levels',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: () => writeBytes(newest, seal(`"a":${'['.repeat(2e5)}1${']'.repeat(2e5)}}\n`)),
  },
  {
    what: 'ck-traversal: a state file above the checkpoint',
    throughCommand: true,
    status: 13,
    code: 'REFUSED',
    make: groups((state) => (state['path'] = '../chk-3/by-user/0.groups')),
  },
  {
    what: 'ck-traversal: an absolute path',
    status: 13,
    code: 'REFUSED',
    make: groups((state) => (state['path'] = '/etc/hostname')),
  },
  ...['C:/x', 'a\\b', 'CON', 'a\0b', '.', ''].map((name) => ({
    what: `ck-traversal: the name ${JSON.stringify(name)}`,
    status: 13,
    code: 'REFUSED',
    make: groups((state) => (state['path'] = name)),
  })),
  {
    what: 'ck-proto: __proto__ as a uid',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: forged(({operators}) => (operators[0]!.uid = '__proto__')),
  },
  {
    what: 'ck-parent-cycle: the parent of itself',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: forged((metadata) => (metadata['parent'] = NEWEST)),
  },
  {
    what: 'ck-case-clash: a uid that another file system takes for the same',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: forged(({operators}) => (operators[0]!.uid = 'BY-USER')),
  },
  {
    what: 'ck-proto: __proto__ as a key',
    status: 4,
    code: 'CHECKPOINT_DAMAGED',
    make: () => writeBytes(newest, seal('"__proto__":{"polluted":1}}\n')),
  },
  {
    what: 'ck-newer-major',
    throughCommand: true,
    status: 12,
    code: 'INCOMPATIBLE',
    make: forged((metadata) => {
      metadata['format'] = {major: 2, minor: 0};
      metadata['engine'] = '5.1.0';
    }),
  },
  {
    what: 'ck-unknown-feature',
    status: 12,
    code: 'INCOMPATIBLE',
    make: forged((metadata) => (metadata['required_features'] = ['changelog'])),
  },
  {
    what: 'ck-symlink-file: to the very same bytes',
    status: 13,
    code: 'REFUSED',
    make: () => symlinkSync(moveOut('by-user/0.groups'), join(newest, 'by-user/0.groups')),
  },
  {
    what: 'ck-symlink-file: _metadata',
    status: 13,
    code: 'REFUSED',
    make: () => symlinkSync(moveOut('_metadata'), join(newest, '_metadata')),
  },
  {
    what: 'ck-symlink-dir: a parent of a state file',
    status: 13,
    code: 'REFUSED',
    make: () => symlinkSync(moveOut('by-user'), join(newest, 'by-user')),
  },
  {
    what: 'ck-fifo: it is not waited for',
    throughCommand: true,
    status: 13,
    code: 'REFUSED',
    make: () => putPipe(join(newest, 'by-user/0.groups')),
  },
  ...['_metadata', 'SHA256SUMS'].map((name) => ({
    what: `ck-fifo: in place of ${name}`,
    status: 13,
    code: 'REFUSED',
    make: () => putPipe(join(newest, name)),
  })),
  {
    what: 'ck-symlink-file: to a device that never ends',
    status: 13,
    code: 'REFUSED',
    make: () => {
      rmSync(join(newest, '_metadata'));
      symlinkSync('/dev/zero', join(newest, '_metadata'));
    },
  },
];

sampleTest.each(FORGERIES)(
  '$what: exit $status in all that read it',
  async ({status, code, make}) => {
    make();
    const parts = job.parts();
    const findings: string[] = [];
    const {errorCode} = await verifyCheckpoints([newest], {
      level: 'checksum',
      environment: {},
      onEvent: (event) => event.type === 'finding' && findings.push(event.path),
    });
    expect(errorCode).toBe(code);
    expect(findings.some((path) => path.startsWith(newest))).toBe(true);
    const refused: unknown = await planRestore(restoreOf(job.file, newest)).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({code, exitStatus: status});
    const beside = readdirSync(job.directory);
    const made = join(job.directory, 'made');
    for (const [reader, ending] of await endingsOfReaders(newest, job.checkpoint(3), made)) {
      expect(ending, reader).toMatchObject({code, exitStatus: status});
      expect(ending?.message, reader).toContain(newest);
      expect(ending?.details.hint, reader).toMatch(/./);
    }
    expect(readdirSync(job.directory)).toEqual(beside);
    const {items} = await listCheckpoints(job.state, {environment: {}});
    expect(items[0]).toMatchObject({id: NEWEST, newestRestorable: false});
    expect(items[1]).toMatchObject({id: 3, newestRestorable: true});
    expect(job.parts()).toEqual(parts);
  },
);

sampleTest.each(FORGERIES.filter(({throughCommand}) => throughCommand === true))(
  '$what: as processes, exit $status',
  async ({status, code, make}) => {
    make();
    const before = job.checkpointIds();
    const parts = job.parts();
    const [verify, restore] = await Promise.all([
      tidemark(['checkpoint', 'verify', newest, '--json']),
      job.restore(newest, ['--output-ahead', 'withdraw', '--json']),
    ]);
    const said = restore.stdout + verify.stdout;
    expect([verify.status, restore.status], said).toEqual([status, status]);
    expect(findingsOf(verify).filter(({severity}) => severity === 'error')).not.toEqual([]);
    expect(errorOf(restore)).toMatchObject({code, exit_code: status});
    expect(errorOf(restore).message).toContain(newest);
    expect(errorOf(restore).hint).toContain('chk-3');
    expect(job.checkpointIds()).toEqual(before);
    expect(job.parts()).toEqual(parts);
  },
);

sampleTest(
  'ck-fifo: in place of chk-N or of holds/, the others are listed and nothing goes',
  async () => {
    const prune = async (): Promise<unknown> =>
      pruneCheckpoints(job.state, PRUNE_ALL).catch((error: unknown) => error);
    putPipe(newest);
    const {items, warnings} = await listCheckpoints(job.state, {environment: {}});
    expect(items.map(({id, state}) => [id, state]).slice(0, 2)).toEqual([
      [NEWEST, 'damaged'],
      [3, 'complete'],
    ]);
    expect(warnings.join()).toContain(newest);
    expect(await prune()).toMatchObject({exitStatus: 4});
    job.reset();
    const holds = join(job.state, 'holds');
    putPipe(holds);
    const listed: unknown = await listCheckpoints(job.state, {environment: {}}).catch(
      (error: unknown) => error,
    );
    expect(listed).toMatchObject({code: 'REFUSED', details: {file: holds}});
    expect(await prune()).toMatchObject({code: 'REFUSED', details: {file: holds}});
    expect(job.checkpointIds()).toEqual([1, 2, 3, NEWEST]);
  },
);

sampleTest('ck-fifo: in place of a claim, verify and restore refuse it', async () => {
  const copy = join(job.directory, 'copy');
  cpSync(newest, copy, {recursive: true});
  const mark = join(copy, 'claimed-by');
  for (const put of [putPipe, mkdirSync]) {
    rmSync(mark, {force: true});
    put(mark);
    const {errorCode} = await verifyCheckpoints([copy], {
      level: 'manifest',
      environment: {},
      onEvent: () => undefined,
    });
    expect(errorCode).toBe('REFUSED');
    const refused: unknown = await planRestore(restoreOf(job.file, copy)).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({code: 'REFUSED', details: {file: mark}});
  }
});

sampleTest('a job directory that lost its empty work/ on the way is restored from', async () => {
  rmSync(join(job.state, 'work'), {recursive: true});
  const plan = await planRestore(restoreOf(job.file, newest));
  expect(plan.restorable).toBe(true);
});

sampleTest('ck-symlink-dir: the directory of the job itself is no link', async () => {
  const outside = join(job.directory, 'outside');
  renameSync(job.state, outside);
  symlinkSync(outside, job.state);
  const run = await job.run(['--json']);
  expect(run.status, run.stdout).toBe(13);
  expect(errorOf(run).message).toContain(job.state);
});

sampleTest(
  'ck-traversal: a prepared part that lies elsewhere is neither linked nor removed',
  async () => {
    const outside = join(job.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), 'mine');
    for (const part of [
      {final: '../outside/planted', temporary: '../outside/precious'},
      {final: 'planted', temporary: 'precious'},
    ]) {
      job.reset();
      mkdirSync(outside, {recursive: true});
      writeFileSync(join(outside, 'precious'), 'mine');
      forge(newest, (metadata) => {
        const state = stateOf(metadata, 'orders-out', 'parts');
        const directory = part.final.startsWith('..') ? join(job.output, 'orders') : outside;
        state.value = {directory, parts: [{...part, size: 4, sha256: '0'.repeat(64)}]};
      });
      const run = await job.run(['--json']);
      expect([4, 13], run.stdout).toContain(run.status);
      expect(readdirSync(outside)).toEqual(['precious']);
      expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('mine');
    }
  },
);

sampleTest('ck-traversal: a split that lies elsewhere is not read', async () => {
  const secret = join(job.directory, 'secret.ndjson');
  writeFileSync(secret, '{"id":666,"user":"secret","amount":99}\n');
  forge(newest, (metadata) => {
    const state = stateOf(metadata, 'orders', 'splits');
    const text = JSON.stringify(state.value).replaceAll('data/a.ndjson', 'secret.ndjson');
    state.value = JSON.parse(text) as unknown;
  });
  const run = await job.run(['--json']);
  expect(run.status, run.stdout).toBe(17);
  expect(job.rows('orders').join('')).not.toContain('secret');
});

sampleTest(
  'ck-count-bomb: 10^9 rows declared in a state file are refused before they are made room for',
  async () => {
    const path = join(newest, 'by-user/0.groups');
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(1e9, bytes.indexOf('CHNK') + 4);
    forgeStateFile(newest, ['by-user', 'groups'], bytes);
    const parts = job.parts();
    const run = await job.run(['--json'], {NODE_OPTIONS: '--max-old-space-size=128'});
    expect(run.status, run.stdout).toBe(4);
    expect(errorOf(run).message).toContain('by-user');
    expect(job.parts()).toEqual(parts);
  },
);

test('inline state of any shape is an error with the place, never a crash', async () => {
  for (const [uid, name, value] of sample<[string, string, unknown]>(
    [
      ['orders', 'splits', {splits: [{path: 1}], finished: [], watermark: null}],
      ['orders-out', 'parts', [[]]],
    ],
    [
      ['orders', 'splits', 7],
      ['by-user', 'compatibility', {aggregates: 5, key: 'no'}],
    ],
  )) {
    job.reset();
    forge(newest, (metadata) => (stateOf(metadata, uid, name).value = value));
    const run = await job.run(['--json']);
    expect([4, 12], `${uid} ${run.stdout}${run.stderr}`).toContain(run.status);
    expect(errorOf(run).message).not.toMatch(/undefined|not a function|not iterable/);
  }
});

sampleTest(
  'ck-other-job: metadata of another job that was copied in is refused with 12',
  async () => {
    const copy = job.checkpoint(9);
    cpSync(newest, copy, {recursive: true});
    forge(copy, (metadata) => {
      metadata['job_name'] = 'invoices';
      metadata['checkpoint_id'] = 9;
      metadata['lineage'] = 'feedfeedfeedfeed';
    });
    const parts = job.parts();
    const endings = [await job.run(['--json']), await job.restore('orders@9', ['--json'])];
    for (const run of endings) {
      expect(run.status, run.stdout).toBe(12);
      expect(errorOf(run).message).toContain('invoices');
    }
    expect(job.parts()).toEqual(parts);
    expect(existsSync(copy)).toBe(true);
  },
);
