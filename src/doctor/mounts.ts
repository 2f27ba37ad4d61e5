// Which file system a path is on, from /proc/self/mountinfo.

import {systemErrorCode} from '../base/errors.ts';
import {closeQuietly} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';

const MOUNTINFO = '/proc/self/mountinfo';
const MOUNTINFO_BYTES_MAX = 4_194_304;
const READ_BYTES = 65_536;

export interface Mount {
  readonly point: string;
  /** `ext4`, `tmpfs`, `nfs4`, … */
  readonly type: string;
}

/** In the order in which they were mounted; empty where there is no such file. */
export async function readMounts(files: FileSystem): Promise<readonly Mount[]> {
  try {
    return parseMounts(await readProcFile(files, MOUNTINFO));
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    return [];
  }
}

/** The last one mounted over the longest beginning of `path`; null: nobody says. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let found: Mount | null = null;
  for (const mount of mounts) {
    const covers =
      mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (covers && (found === null || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}

/** `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw`; blanks in names are `\040`. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    const type = after.split(' ')[0];
    if (point === undefined || type === undefined || type === '') return [];
    return [{point: unescapeOctal(point), type}];
  });
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Files of /proc have no size: read to the end. */
async function readProcFile(files: FileSystem, path: string): Promise<string> {
  const handle = await files.openForRead(path);
  try {
    const parts: Uint8Array[] = [];
    for (let length = 0; length < MOUNTINFO_BYTES_MAX;) {
      const part = new Uint8Array(READ_BYTES);
      const count = await handle.read(part, 0, READ_BYTES, length);
      if (count === 0) break;
      parts.push(part.subarray(0, count));
      length += count;
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    await closeQuietly(handle);
  }
}
