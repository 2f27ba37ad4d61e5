// Promise: what cannot be read, for want of a right or on a bad disk, is told of where it is, as not read and not as damage, and
// whatever lies beside it is looked at all the same. Whoever acts on what is there stops.

import {describe, expect, it} from 'vitest';

import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints, type VerifySummary} from '#src/inspection/verify-checkpoint.js';
import type {FileSystem} from '#src/storage/file-system.js';
import type {Finding} from '#src/storage/finding.js';
import {systemError} from '#src/storage/system-error.js';
import {
  beginFresh,
  copyTree,
  FakeTime,
  JOB_DIRECTORY,
  publish,
  start,
  writeFile,
} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';

type Call = 'openForRead' | 'list' | 'status';

/** As `disk`, but that some calls fail. */
function refusing(
  disk: MemoryFileSystem,
  code: string,
  isRefused: (call: Call, path: string) => boolean,
): FileSystem {
  const refuse = (call: Call) => async (path: string) =>
    isRefused(call, path) ? Promise.reject(systemError(code, call, path)) : disk[call](path);
  return new Proxy<FileSystem>(disk, {
    get(_, name) {
      if (name === 'openForRead' || name === 'list' || name === 'status') return refuse(name);
      const value: unknown = Reflect.get(disk, name, disk);
      return typeof value === 'function' ? (value.bind(disk) as unknown) : value;
    },
  });
}

/** Of one path: as `chmod 0` of it does. */
const closed =
  (refused: string) =>
  (call: Call, path: string): boolean =>
    (path === refused && call !== 'status') || path.startsWith(`${refused}/`);

/** Three of one job: the first has lost SHA256SUMS, the last a state file. */
async function threeOfOneJob(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  for (const id of [1, 2, 3]) await publish(disk, owner, id);
  await disk.unlink(`${JOB_DIRECTORY}/chk-1/SHA256SUMS`);
  await disk.unlink(`${JOB_DIRECTORY}/chk-3/sum/0.keyed`);
  return disk;
}

const DIRECTORIES = [1, 2, 3].map((id) => `${JOB_DIRECTORY}/chk-${id}`);

async function verify(files: FileSystem, level: 'manifest' | 'checksum' = 'checksum') {
  const findings: Finding[] = [];
  const soFar: VerifySummary[] = [];
  let ask: () => VerifySummary = () => expect.fail('asked before it began');
  const {summary, errorCode, incomplete} = await verifyCheckpoints({
    ...{files, clock: new FakeTime(), directories: DIRECTORIES, level},
    onBegin: (told) => {
      ask = told;
    },
    onFinding: (finding) => {
      findings.push(finding);
      soFar.push(ask());
    },
  });
  const codes = findings.map(({code, path}) => `${code} ${path.slice(JOB_DIRECTORY.length + 1)}`);
  return {summary, errorCode, incomplete: [...incomplete], findings, codes, soFar};
}

describe.each(['EACCES', 'EIO'])('%s', (code) => {
  it.each([
    ['_metadata', 'chk-2/_metadata'],
    ['SHA256SUMS', 'chk-2/SHA256SUMS'],
    ['the directory', 'chk-2'],
    ['a directory of state', 'chk-2/sum'],
  ])('verify: of %s is a finding, and the damage beside it is told of', async (_, refused) => {
    const files = refusing(await threeOfOneJob(), code, closed(`${JOB_DIRECTORY}/${refused}`));
    for (const level of ['manifest', 'checksum'] as const) {
      const {summary, errorCode, codes, incomplete, findings} = await verify(files, level);
      expect(codes).toEqual([
        'checksums-missing chk-1/SHA256SUMS',
        expect.stringMatching(new RegExp(`^file-not-read ${refused}`, 'u')),
        'file-absent chk-3/sum/0.keyed',
      ]);
      expect(findings[1]!.message).toContain(code);
      expect(findings[1]!.message.includes('as user')).toBe(code === 'EACCES');
      expect(errorCode).toBe('CHECKPOINT_DAMAGED');
      expect(summary).toMatchObject({checkpoints: 3, errors: 3, verdict: 'damaged'});
      expect(summary.skipped).toBeGreaterThan(0);
      expect(incomplete).toContain(DIRECTORIES[1]);
    }
  });

  it('verify: with nothing damaged it is incomplete, never ok', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    await beginFresh(owner);
    for (const id of [1, 2, 3]) await publish(disk, owner, id);
    const refused = closed(`${JOB_DIRECTORY}/chk-2/_metadata`);
    const {summary, errorCode} = await verify(refusing(disk, code, refused));
    expect(errorCode).toBe('INCOMPLETE');
    expect(summary).toMatchObject({checkpoints: 3, files: 4, errors: 1, verdict: 'incomplete'});
  });

  it('verify: what cannot be listed is told of, and the rest of that checkpoint is read', async () => {
    const disk = await threeOfOneJob();
    const refused = `${JOB_DIRECTORY}/chk-3`;
    const files = refusing(disk, code, (call, path) => call === 'list' && path === refused);
    const {codes, summary} = await verify(files);
    expect(codes.slice(1)).toEqual(['file-absent chk-3/sum/0.keyed', 'file-not-read chk-3']);
    expect(summary).toMatchObject({checkpoints: 3, files: 6, verdict: 'damaged'});
  });

  it.each(['chk-2/_metadata', 'chk-2', 'chk-2/sum'])(
    'list: a row and a warning for %s, and the others as they are',
    async (refused) => {
      const files = refusing(await threeOfOneJob(), code, closed(`${JOB_DIRECTORY}/${refused}`));
      const {items, warnings} = await listCheckpointDirectory(files, JOB_DIRECTORY);
      expect(items.map(({id, state}) => `${id} ${state}`)).toEqual([
        '3 damaged',
        '2 incomplete',
        '1 damaged',
      ]);
      const [, told, ...others] = warnings;
      expect(told).toContain(`${JOB_DIRECTORY}/${refused}`);
      expect(told).toContain(`cannot be read${code === 'EACCES' ? ' (as user' : ': EIO'}`);
      expect(others).toHaveLength(1);
    },
  );

  it('restore and resume stop', async () => {
    const disk = await threeOfOneJob();
    const files = refusing(disk, code, closed(`${JOB_DIRECTORY}/chk-2/_metadata`));
    const owner = await start(files);
    await expect(owner.listCheckpoints()).rejects.toMatchObject({code: 'STORAGE_FAILED'});
  });
});

it('verify: what was found so far, at any moment, and never ok', async () => {
  const {soFar} = await verify(await threeOfOneJob());
  expect(soFar.map(({checkpoints, files, errors}) => [checkpoints, files, errors])).toEqual([
    [1, 0, 1],
    [3, 4, 2],
  ]);
  expect(soFar.map(({verdict}) => verdict)).toEqual(['damaged', 'damaged']);
  let asked: VerifySummary | undefined;
  await verifyCheckpoints({
    ...{files: await threeOfOneJob(), clock: new FakeTime(), level: 'checksum'},
    directories: [DIRECTORIES[1]!],
    onBegin: (told) => {
      asked = told();
    },
    onFinding: () => undefined,
  });
  expect(asked).toMatchObject({errors: 0, verdict: 'incomplete'});
});

describe('list', () => {
  it('marks none that is older than one that cannot be read: nobody knows which is the newest', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    await beginFresh(owner);
    for (const id of [1, 2]) await publish(disk, owner, id);
    const marked = async (refused: string) => {
      const files = refusing(disk, 'EACCES', closed(refused));
      const {items} = await listCheckpointDirectory(files, JOB_DIRECTORY);
      return items.filter((item) => item.newest_restorable).map(({id}) => id);
    };
    expect(await marked('/nothing')).toEqual([2]);
    expect(await marked(`${JOB_DIRECTORY}/chk-1/_metadata`)).toEqual([2]);
    expect(await marked(`${JOB_DIRECTORY}/chk-2/_metadata`)).toEqual([]);
  });

  it('takes nothing in shared/ for an orphan that such a one may need', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    await beginFresh(owner);
    for (const id of [1, 2]) await publish(disk, owner, id);
    const digest = 'ab'.repeat(32);
    await disk.makeDirectory(`${JOB_DIRECTORY}/shared`);
    await disk.makeDirectory(`${JOB_DIRECTORY}/shared/ab`);
    await writeFile(disk, `${JOB_DIRECTORY}/shared/ab/${digest}`, Buffer.from('x'));
    const orphans = async (refused: string) => {
      const files = refusing(disk, 'EACCES', closed(refused));
      return (await listCheckpointDirectory(files, JOB_DIRECTORY)).orphans.length;
    };
    expect(await orphans('/nothing')).toBe(1);
    for (const refused of ['chk-1/_metadata', 'shared', 'work']) {
      expect(await orphans(`${JOB_DIRECTORY}/${refused}`), refused).toBe(0);
    }
  });

  it.each(['shared', 'work', 'owner', 'holds'])('goes on without %s/', async (refused) => {
    const disk = await threeOfOneJob();
    const owner = await start(disk);
    await owner.beginAttempt(4);
    if (refused === 'shared' || refused === 'holds') {
      await disk.makeDirectory(`${JOB_DIRECTORY}/${refused}`);
    }
    const files = refusing(disk, 'EACCES', closed(`${JOB_DIRECTORY}/${refused}`));
    const {items, warnings} = await listCheckpointDirectory(files, JOB_DIRECTORY);
    expect(items.map(({id}) => id)).toEqual(refused === 'work' ? [3, 2, 1] : [4, 3, 2, 1]);
    expect(warnings.filter((text) => text.includes(`${JOB_DIRECTORY}/${refused}`))).toHaveLength(1);
  });

  it('tells of a directory in which there may be some', async () => {
    const disk = await threeOfOneJob();
    await disk.makeDirectory('/data/checkpoints/other');
    await copyTree(disk, JOB_DIRECTORY, disk, '/data/checkpoints/other/kept');
    const files = refusing(disk, 'EACCES', closed('/data/checkpoints/other'));
    const {items, warnings} = await listCheckpointDirectory(files, '/data/checkpoints');
    expect(items).toHaveLength(3);
    expect(warnings.filter((text) => text.startsWith('/data/checkpoints/other '))).toHaveLength(1);
    await expect(listCheckpointDirectory(files, '/data/checkpoints/other')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });
});
