// Files in shared/ as `checkpoint verify`, `checkpoint list` and a restore see them: damage is found for each checkpoint
// that refers to it, with the path; sizes say what is a checkpoint's own; what nobody needs is listed.

import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';

import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {listCheckpointDirectory, type CheckpointList} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import type {CheckLevel} from '#src/storage/check-checkpoint.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import type {Finding} from '#src/storage/finding.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {baseName, JobPaths} from '#src/storage/paths.js';
import {
  beginFresh,
  copyTree,
  FakeTime,
  JOB_DIRECTORY,
  start,
  writeFile,
} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {bring, publishShared, sharingMetadata} from '../storage/support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);
const BOTH = [paths.checkpoint(1), paths.checkpoint(2)];

/** 1 brings `base`; 2 refers to it and brings `delta`. */
async function published(): Promise<{
  disk: MemoryFileSystem;
  owner: Ownership;
  base: FileState;
}> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
  await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
  return {disk, owner, base: states[0]!};
}

async function verify(
  disk: MemoryFileSystem,
  directories: readonly string[] = BOTH,
  level: CheckLevel = 'checksum',
) {
  const findings: (Finding & {readonly of: string})[] = [];
  const before = disk.log.length;
  const {summary, errorCode} = await verifyCheckpoints({
    files: disk,
    clock: new FakeTime(),
    directories,
    level,
    onFinding: (finding, directory) => findings.push({...finding, of: baseName(directory)}),
  });
  expect(disk.log.length, 'verify never writes').toBe(before);
  return {summary, errorCode, findings};
}

/** As a start does before it restores. */
async function isUsed(disk: MemoryFileSystem, id: number): Promise<string> {
  const path = paths.checkpoint(id);
  const state = await deriveCheckpointState(disk, path);
  if (state.kind !== 'complete') return state.kind;
  const {metadata, metadataSha256} = state;
  const complete = {state: 'complete', id, path, metadata, metadataSha256} as const;
  return (await verifyCheckpoint(disk, complete)).kind;
}

describe('verify', () => {
  it('whole ones have no findings; bytes count each file of each checkpoint', async () => {
    const {disk} = await published();
    expect(await verify(disk)).toMatchObject({
      findings: [],
      errorCode: null,
      summary: {checkpoints: 2, files: 3, bytes: 4 + 5 + 4},
    });
    expect(await isUsed(disk, 2)).toBe('verified');
  });

  const HARMS: Readonly<
    Record<string, readonly [Finding['code'], (disk: MemoryFileSystem, path: string) => unknown]>
  > = {
    'a flipped bit': ['chunk-damaged', (disk, path) => disk.overwrite(path, Buffer.from('basf'))],
    'a missing file': ['file-absent', async (disk, path) => disk.unlink(path)],
    'an empty file': ['file-truncated', (disk, path) => disk.overwrite(path, Buffer.alloc(0))],
    'a longer file': ['file-extended', (disk, path) => disk.overwrite(path, Buffer.from('base1'))],
    zeros: ['chunk-damaged', (disk, path) => disk.overwrite(path, Buffer.alloc(4))],
  };
  for (const [what, [code, harm]] of Object.entries(HARMS)) {
    it(`H30: ${what} is found for each checkpoint that refers to it, and used by none`, async () => {
      const {disk, base} = await published();
      const path = paths.sharedFile(base.sha256);
      await harm(disk, path);
      const {findings, errorCode} = await verify(disk);
      expect(findings.map((finding) => [finding.of, finding.path, finding.code])).toEqual([
        ['chk-1', path, code],
        ['chk-2', path, code],
      ]);
      expect(errorCode).toBe('CHECKPOINT_DAMAGED');
      for (const id of [1, 2]) expect(await isUsed(disk, id)).toBe('damaged');
    });
  }

  it('H35: a link or a pipe in place of the file or of a directory above it is refused, and not followed', async () => {
    for (const kind of ['link', 'other'] as const) {
      for (const place of ['file', 'subdirectory', 'shared'] as const) {
        const {disk, base} = await published();
        const path = {
          file: paths.sharedFile(base.sha256),
          subdirectory: paths.sharedSubdirectory(base.sha256),
          shared: paths.sharedDirectory,
        }[place];
        await disk.rename(path, '/data/away');
        disk.plant(path, kind);
        const opened: string[] = [];
        disk.options = {
          fault: ({name, path: where}) =>
            name === 'openForRead' ? (opened.push(where), null) : null,
        };
        const {findings, errorCode} = await verify(disk, [paths.checkpoint(1)]);
        const found = findings.map((finding) => [finding.code, finding.path]);
        expect(found, place).toContainEqual(['kind-refused', path]);
        expect(errorCode, place).toBe('REFUSED');
        expect(opened.filter((where) => where.startsWith(`${path}/`))).toEqual([]);
        disk.options = {};
        expect(await isUsed(disk, 1)).not.toBe('verified');
      }
    }
  });

  it('level manifest sees lengths, and not bytes', async () => {
    const {disk, base} = await published();
    const path = paths.sharedFile(base.sha256);
    disk.overwrite(path, Buffer.from('basf'));
    expect((await verify(disk, BOTH, 'manifest')).errorCode).toBeNull();
    disk.overwrite(path, Buffer.from('bas'));
    expect((await verify(disk, BOTH, 'manifest')).findings.map(({code}) => code)).toEqual([
      'file-truncated',
      'file-truncated',
    ]);
  });

  it('a checkpoint of another directory is read with the shared files of that one', async () => {
    const {disk} = await published();
    await copyTree(disk, JOB_DIRECTORY, disk, '/data/moved');
    await disk.rename(JOB_DIRECTORY, '/data/away');
    expect((await verify(disk, ['/data/moved/chk-2'])).errorCode).toBeNull();
    await copyTree(disk, '/data/moved/chk-2', disk, '/data/chk-2');
    const {findings} = await verify(disk, ['/data/chk-2']);
    expect(findings.map(({code}) => code)).toEqual(['file-absent', 'file-absent']);
  });

  it('H86: checkpoints that go with their files at any moment of the check give no false alarm', async () => {
    for (let deleteAt = 1; ; deleteAt += 1) {
      const {disk, owner} = await published();
      const permit = await owner.permitDeletion([1, 2]);
      let calls = 0;
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== deleteAt) return;
          disk.options = {};
          await owner.deleteCheckpoints(permit);
        },
      };
      const errors: Finding[] = [];
      const outcome: unknown = await verifyCheckpoints({
        files: disk,
        clock: new FakeTime(),
        directories: [paths.checkpoint(2)],
        level: 'checksum',
        onFinding: (finding) => {
          if (finding.severity === 'error') errors.push(finding);
        },
      }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({code: 'NOT_FOUND'});
      expect(errors, `call ${deleteAt}`).toEqual([]);
      if (calls < deleteAt) return;
    }
  });

  it('SHA256SUMS of each checkpoint passes `sha256sum -c`', async () => {
    const root = mkdtempSync(join(tmpdir(), 'shared-'));
    try {
      const directory = join(root, 'flights');
      const owner = await start(nodeFileSystem, {directory});
      await beginFresh(owner);
      const {states} = await publishShared(nodeFileSystem, owner, 1, {brings: ['base', 'more']});
      await publishShared(nodeFileSystem, owner, 2, {brings: ['delta'], refers: states});
      for (const [id, lines] of [
        [1, 3],
        [2, 4],
      ] as const) {
        const cwd = join(directory, `chk-${id}`);
        const said = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], {cwd}).toString();
        expect(said.match(/: OK$/gm)).toHaveLength(lines);
      }
    } finally {
      rmSync(root, {recursive: true, force: true});
    }
  });
});

describe('list', () => {
  it('tells what is a checkpoint’s own from what it shares', async () => {
    const {disk} = await published();
    const {items, orphans, warnings} = await listCheckpointDirectory(disk, JOB_DIRECTORY);
    expect(items.map(({id, shared_bytes}) => [id, shared_bytes])).toEqual([
      [2, 9],
      [1, 4],
    ]);
    for (const {path, bytes, own_bytes, shared_bytes, incremental} of items) {
      const own = ['_metadata', 'SHA256SUMS'].map(
        (name) => disk.contentOf(`${path}/${name}`).length,
      );
      expect(own_bytes).toBe(own[0]! + own[1]!);
      expect(bytes).toBe(own_bytes + shared_bytes);
      expect(incremental).toBe(true);
    }
    expect([orphans, warnings]).toEqual([[], []]);
  });

  it('looks at a file once, and shows what is wrong with it at each checkpoint that refers to it', async () => {
    const {disk, base} = await published();
    const path = paths.sharedFile(base.sha256);
    const looks = async (): Promise<number> => {
      let count = 0;
      disk.options = {
        fault: ({name, path: where}) => {
          if (name === 'status' && where === path) count += 1;
          return null;
        },
      };
      await listCheckpointDirectory(disk, JOB_DIRECTORY);
      disk.options = {};
      return count;
    };
    expect(await looks()).toBe(1);
    disk.overwrite(path, Buffer.from('bas'));
    const states = async (): Promise<readonly string[]> =>
      (await listCheckpointDirectory(disk, JOB_DIRECTORY)).items.map(({state}) => state);
    expect(await states()).toEqual(['damaged', 'damaged']);
    expect((await listCheckpointDirectory(disk, JOB_DIRECTORY)).warnings.join()).toContain(
      `${path} has 3 bytes`,
    );
    await disk.unlink(path);
    expect(await states()).toEqual(['damaged', 'damaged']);
    disk.plant(path, 'link');
    expect(await states()).toEqual(['damaged', 'damaged']);
  });

  it('lists what nobody needs, with its bytes; the next run removes it', async () => {
    const {disk, owner} = await published();
    await owner.deleteCheckpoints(await owner.permitDeletion([1]));
    const orphan = 'ab'.repeat(32);
    await disk.makeDirectory(paths.sharedSubdirectory(orphan)).catch(() => undefined);
    await writeFile(disk, paths.sharedFile(orphan), Buffer.alloc(17));
    const {orphans} = await listCheckpointDirectory(disk, JOB_DIRECTORY);
    expect(orphans).toEqual([{path: paths.sharedFile(orphan), bytes: 17}]);
    await (await start(disk)).sweepDeleted();
    expect((await listCheckpointDirectory(disk, JOB_DIRECTORY)).orphans).toEqual([]);
  });

  it('does not guess while a checkpoint cannot be read', async () => {
    const {disk} = await published();
    disk.overwrite(`${paths.checkpoint(1)}/_metadata`, Buffer.from('{}'));
    await disk.unlink(`${paths.checkpoint(2)}/_metadata`);
    const {orphans, warnings} = await listCheckpointDirectory(disk, JOB_DIRECTORY);
    expect(orphans).toEqual([]);
    expect(warnings.at(-1)).toContain('is not known');
  });

  it('H86: takes nothing that an attempt brings for an orphan, at any moment of its publish', async () => {
    for (let lookAt = 1; ; lookAt += 1) {
      const {disk, owner, base} = await published();
      const attempt = await owner.beginAttempt(3);
      const states = [base, await bring(disk, attempt, 'under way')];
      let calls = 0;
      let seen: unknown = null;
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== lookAt) return;
          disk.options = {};
          seen = listed(await listCheckpointDirectory(disk, JOB_DIRECTORY));
        },
      };
      await attempt.publish(sharingMetadata(owner, 3, states));
      if (calls < lookAt) return;
      expect(seen, `call ${lookAt}`).toEqual(WHOLE);
    }
  });

  it('H86: nor at any moment of its own look, and tells of it once', async () => {
    for (let publishAt = 1; ; publishAt += 1) {
      const {disk, owner, base} = await published();
      const attempt = await owner.beginAttempt(3);
      const states = [base, await bring(disk, attempt, 'under way')];
      let calls = 0;
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== publishAt) return;
          disk.options = {};
          await attempt.publish(sharingMetadata(owner, 3, states));
        },
      };
      const found = await listCheckpointDirectory(disk, JOB_DIRECTORY);
      expect(listed(found), `call ${publishAt}`).toEqual(WHOLE);
      if (calls < publishAt) return;
    }
  });
});

/** What was published before, and the attempt as that or as a checkpoint, once. */
const WHOLE = {ids: [3, 2, 1], wrong: [], orphans: [], warnings: []};

function listed({items, orphans, warnings}: CheckpointList) {
  const isWrong = ({id, state}: CheckpointList['items'][number]): boolean =>
    state !== 'complete' && (id !== 3 || state !== 'in-progress');
  return {ids: items.map(({id}) => id), wrong: items.filter(isWrong), orphans, warnings};
}
