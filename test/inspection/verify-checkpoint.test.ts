// Whatever happens to a file of a checkpoint — each bit flipped, each truncation, removed, swapped, extended,
// zeroed, replaced by a link or a pipe — verify names the file; it never stops at the first, never writes, and a
// checkpoint that its owner deletes meanwhile is no damage.

import {describe, expect, it} from 'vitest';

import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {verifyCheckpoints, type Verification} from '#src/inspection/verify-checkpoint.js';
import type {CheckLevel} from '#src/storage/check-checkpoint.js';
import type {Finding} from '#src/storage/finding.js';
import {CHUNK_BYTES} from '#src/storage/state-chunks.js';
import {
  beginFresh,
  copyTree,
  FakeTime,
  JOB_DIRECTORY,
  metadataOf,
  publish,
  readFile,
  start,
  writeFile,
  writeStates,
} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';

const CHECKPOINT = `${JOB_DIRECTORY}/chk-1`;
const FILES = ['_metadata', 'SHA256SUMS', 'count/0.keyed', 'sum/0.keyed'];

async function published(stateBytes = 40): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  await publish(disk, owner, 1, stateBytes);
  return disk;
}

async function verify(
  disk: MemoryFileSystem,
  level: CheckLevel = 'checksum',
  directories = [CHECKPOINT],
) {
  const findings: Finding[] = [];
  const before = disk.log.length;
  const {summary, errorCode} = await verifyCheckpoints({
    files: disk,
    clock: new FakeTime(),
    directories,
    level,
    onFinding: (finding) => findings.push(finding),
  });
  expect(disk.log.length, 'verify never writes').toBe(before);
  return {summary, errorCode, findings, codes: findings.map(({code}) => code)};
}

/** Damage in `file` is found, with the file named, and nothing else is blamed that was not hit. */
async function expectFound(disk: MemoryFileSystem, file: string, what: string): Promise<void> {
  const {summary, errorCode, findings} = await verify(disk);
  expect(summary.verdict, what).toBe('damaged');
  expect(errorCode, what).toBe('CHECKPOINT_DAMAGED');
  expect(
    findings.map(({path}) => path),
    what,
  ).toContain(`${CHECKPOINT}/${file}`);
}

describe('verify', () => {
  it('a whole checkpoint has no findings, at both levels', async () => {
    const disk = await published(CHUNK_BYTES + 5);
    expect(await verify(disk, 'manifest')).toMatchObject({
      errorCode: null,
      findings: [],
      summary: {
        level: 'manifest',
        checkpoints: 1,
        files: 2,
        bytes: 0,
        errors: 0,
        hints: 0,
        verdict: 'ok',
      },
    });
    expect((await verify(disk)).summary).toMatchObject({
      bytes: 2 * (CHUNK_BYTES + 5),
      verdict: 'ok',
    });
  });

  it('H28, H29: each flipped bit of each file is found and the file named', async () => {
    const disk = await published();
    let bits = 0;
    for (const file of FILES) {
      const path = `${CHECKPOINT}/${file}`;
      const content = await readFile(disk, path);
      for (let bit = 0; bit < content.length * 8; bit += 1) {
        const flipped = Buffer.from(content);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        disk.overwrite(path, flipped);
        await expectFound(disk, file, `bit ${bit} of ${file}`);
        bits += 1;
      }
      disk.overwrite(path, content);
    }
    expect(bits).toBeGreaterThan(10_000);
    expect((await verify(disk)).findings).toEqual([]);
  });

  it('H27, H30: each truncation, extension and zeroed file is found and the file named', async () => {
    const disk = await published();
    for (const file of FILES) {
      const path = `${CHECKPOINT}/${file}`;
      const content = await readFile(disk, path);
      for (let length = 0; length < content.length; length += 1) {
        disk.overwrite(path, content.subarray(0, length));
        await expectFound(disk, file, `${file} cut at ${length}`);
      }
      for (const added of ['\0', '\n', 'x'.repeat(100)]) {
        disk.overwrite(path, Buffer.concat([content, Buffer.from(added)]));
        await expectFound(disk, file, `${file} extended by ${JSON.stringify(added)}`);
      }
      disk.overwrite(path, Buffer.alloc(content.length));
      await expectFound(disk, file, `${file} zeroed`);
      disk.overwrite(path, content);
    }
  });

  it('H26, H30: each removed file, and each two files swapped, are found', async () => {
    const codes: string[] = [];
    for (const file of FILES) {
      const disk = await published();
      await disk.unlink(`${CHECKPOINT}/${file}`);
      await expectFound(disk, file, `${file} removed`);
      codes.push((await verify(disk)).codes.join());
      for (const other of FILES) {
        if (other <= file) continue;
        const swapped = await published();
        const [first, second] = [`${CHECKPOINT}/${file}`, `${CHECKPOINT}/${other}`];
        const [left, right] = [await readFile(swapped, first), await readFile(swapped, second)];
        swapped.overwrite(first, right);
        swapped.overwrite(second, left);
        const blamed = (await verify(swapped)).findings.map(({path}) => path);
        // With a foreign _metadata nothing else can be judged.
        expect(blamed, `${file} and ${other}`).toContain(
          file === 'SHA256SUMS' && other === '_metadata' ? second : first,
        );
      }
    }
    expect(codes).toEqual(['metadata-missing', 'checksums-missing', 'file-absent', 'file-absent']);
  });

  it('all damage is listed, with the offset of the chunk, not only the first', async () => {
    const disk = await published(3 * CHUNK_BYTES);
    for (const [file, offset] of [
      ['count/0.keyed', 5],
      ['count/0.keyed', 2 * CHUNK_BYTES + 9],
      ['sum/0.keyed', CHUNK_BYTES],
    ] as const) {
      const content = disk.contentOf(`${CHECKPOINT}/${file}`);
      content[offset] = (content[offset] ?? 0) ^ 1;
      disk.overwrite(`${CHECKPOINT}/${file}`, content);
    }
    const {findings, summary} = await verify(disk);
    expect(
      findings.map(({code, path, offset}) => [code, path.slice(CHECKPOINT.length + 1), offset]),
    ).toEqual([
      ['chunk-damaged', 'count/0.keyed', 0],
      ['chunk-damaged', 'count/0.keyed', 2 * CHUNK_BYTES],
      ['chunk-damaged', 'sum/0.keyed', CHUNK_BYTES],
    ]);
    expect(summary).toMatchObject({errors: 3, hints: 0});
    expect((await verify(disk, 'manifest')).findings).toEqual([]);
  });

  it('H30: extra files are hints, and the checkpoint is still whole', async () => {
    const disk = await published();
    await writeFile(disk, `${CHECKPOINT}/notes.txt`, Buffer.from('mine'));
    await writeFile(disk, `${CHECKPOINT}/count/1.keyed`, Buffer.from('mine'));
    await disk.makeDirectory(`${CHECKPOINT}/more`);
    const {findings, errorCode, summary} = await verify(disk);
    expect(
      findings.map(({severity, path}) => [severity, path.slice(CHECKPOINT.length + 1)]),
    ).toEqual([
      ['hint', 'more'],
      ['hint', 'notes.txt'],
      ['hint', 'count/1.keyed'],
    ]);
    expect([errorCode, summary.verdict, summary.hints]).toEqual([null, 'ok', 3]);
  });

  it('H35: links and pipes in place of files, of a directory and of the checkpoint are refused, without waiting', async () => {
    for (const kind of ['link', 'other'] as const) {
      for (const file of [...FILES, 'count']) {
        const disk = await published();
        const path = `${CHECKPOINT}/${file}`;
        await disk.rename(path, `${JOB_DIRECTORY}/away`);
        disk.plant(path, kind);
        const {codes, errorCode} = await verify(disk);
        expect(codes, file).toContain('kind-refused');
        expect(errorCode, file).toBe('REFUSED');
      }
      const disk = await published();
      disk.plant(`${JOB_DIRECTORY}/chk-5`, kind);
      expect(await verify(disk, 'checksum', [`${JOB_DIRECTORY}/chk-5`])).toMatchObject({
        errorCode: 'REFUSED',
      });
    }
  });

  it('a copy under the name of another checkpoint is not that checkpoint', async () => {
    const disk = await published();
    await copyTree(disk, CHECKPOINT, disk, `${JOB_DIRECTORY}/chk-7`);
    const {codes, errorCode} = await verify(disk, 'checksum', [`${JOB_DIRECTORY}/chk-7`]);
    expect([codes, errorCode]).toEqual([['id-differs'], 'CHECKPOINT_DAMAGED']);
    await copyTree(disk, CHECKPOINT, disk, '/data/backup');
    expect(await verify(disk, 'checksum', ['/data/backup', CHECKPOINT])).toMatchObject({
      errorCode: null,
      summary: {checkpoints: 2, files: 4},
    });
  });

  it('what cannot be read is incomplete, not damaged, and the rest is still checked', async () => {
    const disk = await published();
    disk.options = {
      fault: ({name, path}) =>
        name === 'read' && path.endsWith('count/0.keyed') ? {kind: 'fail', code: 'EIO'} : null,
    };
    const {codes, errorCode, summary} = await verify(disk);
    expect([codes, errorCode, summary.verdict]).toEqual([
      ['file-not-read'],
      'INCOMPLETE',
      'incomplete',
    ]);
    expect(summary.bytes).toBe(40);
  });

  it.each([
    ['named: it was not read', false],
    ['listed: nobody asked for it', true],
  ])(
    'H86: no false alarm whenever its owner deletes a checkpoint that was %s',
    async (_, isListed) => {
      const verdicts = new Set<string>();
      for (let deleteAt = 1; ; deleteAt += 1) {
        const disk = new MemoryFileSystem();
        const owner = await start(disk);
        await beginFresh(owner);
        await publish(disk, owner, 1);
        const permit = await owner.permitDeletion([1]);
        let calls = 0;
        const seen = {deleted: false};
        disk.options = {
          pause: async () => {
            calls += 1;
            if (calls !== deleteAt) return;
            seen.deleted = true;
            disk.options = {};
            await owner.deleteCheckpoints(permit);
          },
        };
        const findings: Finding[] = [];
        const outcome = await verifyCheckpoints({
          files: disk,
          clock: new FakeTime(),
          directories: [CHECKPOINT],
          listed: new Set(isListed ? [CHECKPOINT] : []),
          level: 'checksum',
          onFinding: (finding) => findings.push(finding),
        }).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          // Gone before the first look.
          expect(isListed).toBe(false);
          expect(outcome).toMatchObject({code: 'NOT_FOUND'});
          continue;
        }
        const {summary, errorCode} = outcome as Verification;
        const told = findings.map(({severity, code}) => `${severity} ${code}`).join();
        verdicts.add(`${told} ${errorCode} ${summary.checkpoints}`);
        if (!seen.deleted) break;
      }
      expect([...verdicts].sort()).toEqual([
        ' null 1',
        `hint deleted-meanwhile ${isListed ? 'null' : 'INCOMPLETE'} 0`,
      ]);
    },
  );

  it('H86: one that is written and published at any moment of the check hides nothing and gives no false alarm', async () => {
    for (let publishAt = 1; ; publishAt += 1) {
      const disk = new MemoryFileSystem();
      const owner = await start(disk);
      await beginFresh(owner);
      await publish(disk, owner, 1);
      const attempt = await owner.beginAttempt(2);
      const states = await writeStates(disk, attempt.directory, 2, 40);
      let calls = 0;
      disk.options = {
        pause: async () => {
          calls += 1;
          if (calls !== publishAt) return;
          disk.options = {};
          await attempt.publish(metadataOf(owner, 2, states));
        },
      };
      const findings: Finding[] = [];
      const {summary} = await verifyCheckpoints({
        files: disk,
        clock: new FakeTime(),
        directories: [CHECKPOINT],
        level: 'checksum',
        onFinding: (finding) => findings.push(finding),
      });
      const {details} = await inspectCheckpoint(disk, CHECKPOINT);
      expect(findings, `call ${publishAt}`).toEqual([]);
      expect(summary, `call ${publishAt}`).toMatchObject({bytes: 80, verdict: 'ok'});
      expect(details).toMatchObject({state: 'complete', findings: []});
      if (calls < publishAt) break;
    }
  });

  it('H25: what is not there is NOT_FOUND', async () => {
    const disk = await published();
    await expect(verify(disk, 'checksum', ['/data/none'])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
