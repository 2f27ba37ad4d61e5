// What every FileSystem must do; run over each implementation, also the one that tests pass.

import {describe, expect, it} from 'vitest';

import {systemErrorCode} from '#src/base/errors.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {readFile, writeFile} from './fixture.js';

/** A file system and an empty directory in it; `plant` makes what only tests make. */
export interface SuiteSubject {
  readonly files: FileSystem;
  readonly directory: string;
  readonly plant: (path: string, kind: 'link' | 'other') => void;
}

export function fileSystemSuite(name: string, make: () => SuiteSubject): void {
  describe(`file system: ${name}`, () => {
    it('what is appended is read back, in parts and beyond the end', async () => {
      const {files, directory} = make();
      const handle = await files.createNew(`${directory}/a`);
      await handle.append(Buffer.from('tide'));
      await handle.append(Buffer.alloc(0));
      await handle.append(Buffer.from('mark'));
      const buffer = Buffer.alloc(10, '.');
      expect(await handle.read(buffer, 1, 5, 2)).toBe(5);
      expect(buffer.toString()).toBe('.demar....');
      expect(await handle.read(buffer, 0, 10, 6)).toBe(2);
      expect(await handle.read(buffer, 0, 10, 8)).toBe(0);
      expect((await handle.status()).size).toBe(8);
      await handle.sync();
      await handle.close();
      expect((await readFile(files, `${directory}/a`)).toString()).toBe('tidemark');
      expect(await files.status(`${directory}/a`)).toMatchObject({kind: 'file', size: 8});
    });

    it('creating, making and linking never replace', async () => {
      const {files, directory} = make();
      await writeFile(files, `${directory}/a`, Buffer.from('a'));
      await files.makeDirectory(`${directory}/d`);
      expect(await codeOf(files.createNew(`${directory}/a`))).toBe('EEXIST');
      expect(await codeOf(files.createNew(`${directory}/d`))).toBe('EEXIST');
      expect(await codeOf(files.makeDirectory(`${directory}/d`))).toBe('EEXIST');
      expect(await codeOf(files.makeDirectory(`${directory}/a`))).toBe('EEXIST');
      await writeFile(files, `${directory}/b`, Buffer.from('b'));
      expect(await codeOf(files.link(`${directory}/a`, `${directory}/b`))).toBe('EEXIST');
      expect((await readFile(files, `${directory}/b`)).toString()).toBe('b');
    });

    it('a link in place of a file is refused, and a pipe does not make anybody wait', async () => {
      const {files, directory, plant} = make();
      plant(`${directory}/link`, 'link');
      plant(`${directory}/pipe`, 'other');
      expect(await codeOf(files.openForRead(`${directory}/link`))).toBe('ELOOP');
      expect(await codeOf(files.openForRead(`${directory}/pipe`))).toBe('EINVAL');
      expect(await codeOf(files.openForRead(directory))).toBe('EISDIR');
      expect(await codeOf(files.createNew(`${directory}/link`))).toBe('EEXIST');
      expect(await files.list(directory)).toEqual([
        {name: 'link', kind: 'link'},
        {name: 'pipe', kind: 'other'},
      ]);
      expect((await files.status(`${directory}/link`)).kind).toBe('link');
    });

    it('a hard link is the same file', async () => {
      const {files, directory} = make();
      await writeFile(files, `${directory}/a`, Buffer.from('a'));
      await files.link(`${directory}/a`, `${directory}/b`);
      const [first, second] = [
        await files.status(`${directory}/a`),
        await files.status(`${directory}/b`),
      ];
      expect([first.device, first.inode]).toEqual([second.device, second.inode]);
      await files.unlink(`${directory}/a`);
      expect((await readFile(files, `${directory}/b`)).toString()).toBe('a');
    });

    it('rename moves directories, replaces files and empty directories, not full ones', async () => {
      const {files, directory} = make();
      for (const name of ['from', 'empty', 'full'])
        await files.makeDirectory(`${directory}/${name}`);
      await writeFile(files, `${directory}/from/x`, Buffer.from('x'));
      await writeFile(files, `${directory}/full/y`, Buffer.from('y'));
      expect(['ENOTEMPTY', 'EEXIST']).toContain(
        await codeOf(files.rename(`${directory}/from`, `${directory}/full`)),
      );
      await files.rename(`${directory}/from`, `${directory}/empty`);
      expect((await readFile(files, `${directory}/empty/x`)).toString()).toBe('x');
      expect(await codeOf(files.rename(`${directory}/from`, `${directory}/z`))).toBe('ENOENT');
      await writeFile(files, `${directory}/a`, Buffer.from('a'));
      await writeFile(files, `${directory}/b`, Buffer.from('b'));
      await files.rename(`${directory}/a`, `${directory}/b`);
      expect((await readFile(files, `${directory}/b`)).toString()).toBe('a');
    });

    it('names are sorted by their bytes', async () => {
      const {files, directory} = make();
      const names = ['b', 'a', 'B', '_', 'é', '\u{1f40b}', '\uffee', '10', '9'];
      for (const name of names) await writeFile(files, `${directory}/${name}`, Buffer.alloc(0));
      const listed = (await files.list(directory)).map(({name}) => name);
      expect(listed).toEqual(['10', '9', 'B', '_', 'a', 'b', 'é', '\uffee', '\u{1f40b}']);
    });

    it('what is absent is ENOENT, and a file is no directory', async () => {
      const {files, directory} = make();
      await writeFile(files, `${directory}/a`, Buffer.from('a'));
      const absent = `${directory}/none`;
      for (const call of [
        async () => files.openForRead(absent),
        async () => files.status(absent),
        async () => files.list(absent),
        async () => files.unlink(absent),
        async () => files.removeDirectory(absent),
        async () => files.syncDirectory(absent),
        async () => files.rename(absent, `${absent}2`),
        async () => files.link(absent, `${absent}2`),
        async () => files.createNew(`${absent}/x`),
        async () => files.makeDirectory(`${absent}/x`),
      ]) {
        expect(await codeOf(call())).toBe('ENOENT');
      }
      expect(await codeOf(files.list(`${directory}/a`))).toBe('ENOTDIR');
      expect(await codeOf(files.status(`${directory}/a/b`))).toBe('ENOTDIR');
    });

    it('a directory goes only when it is empty', async () => {
      const {files, directory} = make();
      await files.makeDirectory(`${directory}/d`);
      await writeFile(files, `${directory}/d/x`, Buffer.alloc(0));
      expect(await codeOf(files.removeDirectory(`${directory}/d`))).toBe('ENOTEMPTY');
      await files.unlink(`${directory}/d/x`);
      await files.syncDirectory(`${directory}/d`);
      await files.removeDirectory(`${directory}/d`);
      expect(await files.list(directory)).toEqual([]);
      expect(await files.freeBytes(directory)).toBeGreaterThan(0);
    });
  });
}

export async function codeOf(call: Promise<unknown>): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    return systemErrorCode(error);
  }
}
