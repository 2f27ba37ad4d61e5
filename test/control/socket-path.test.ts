// The path of a control socket is measured before anybody listens, and its directory is nobody else's.

import {chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {chooseSocketPath, SOCKET_PATH_BYTES_MAX} from '#src/control/socket-path.js';

const NAME = '0123456789abcdef.sock';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sp-'));
});
afterEach(() => {
  rmSync(root, {recursive: true});
});

/** A directory whose socket has exactly so many bytes in its path. */
function directoryFor(bytes: number): string {
  return join(root, 'd'.repeat(bytes - root.length - NAME.length - 2));
}

test.each([102, SOCKET_PATH_BYTES_MAX])('a path of %i bytes is taken', (bytes) => {
  const path = chooseSocketPath([directoryFor(bytes)], NAME);
  expect(Buffer.byteLength(path)).toBe(bytes);
  expect((statSync(join(path, '..')).mode & 0o777).toString(8)).toBe('700');
});

test.each([104, 107, 108, 200])(
  'instead of a path of %i bytes the next directory is taken',
  (bytes) => {
    const next = join(root, 'short');
    expect(chooseSocketPath([directoryFor(bytes), next], NAME)).toBe(join(next, NAME));
  },
);

test('bytes count, not characters', () => {
  const wide = join(root, 'é'.repeat(40));
  expect(() => chooseSocketPath([wide], NAME)).toThrow(/more than 103/);
});

test('no directory that will do is REFUSED with every reason', () => {
  const open = join(root, 'open');
  mkdirSync(open);
  chmodSync(open, 0o755);
  const choose = (): string => chooseSocketPath([directoryFor(120), open], NAME);
  expect(choose).toThrow(expect.objectContaining({code: 'REFUSED'}));
  expect(choose).toThrow(/120 bytes.*mode 755/);
});

test('a link that somebody laid in its place is passed over', () => {
  const target = join(root, 'target');
  mkdirSync(target, {mode: 0o700});
  const link = join(root, 'link');
  symlinkSync(target, link);
  const next = join(root, 'next');
  expect(chooseSocketPath([link, next], NAME)).toBe(join(next, NAME));
});
