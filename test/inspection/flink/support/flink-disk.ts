// A disk with a directory that Flink wrote, and what verify says of it.

import {parsePathMap, type PathMap} from '#src/inspection/flink/locate-file.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import type {FileSystem} from '#src/storage/file-system.js';
import type {Finding} from '#src/storage/finding.js';
import {
  readDirectories,
  unpack,
  type PackedDirectory,
} from '../../../flink-directories/support/directories.js';
import {FakeTime} from '../../../storage/support/fixture.js';
import {MemoryFileSystem} from '../../../storage/support/memory-file-system.js';

let read: readonly PackedDirectory[] | null = null;

export function allDirectories(): readonly PackedDirectory[] {
  read ??= readDirectories();
  return read;
}

/** The first whose name has `part` in it. */
export function named(part: string): PackedDirectory {
  return allDirectories().find(({name}) => name.includes(part))!;
}

/** The directory as it was packed, below `root`. */
export async function diskWith(
  part: string,
  root = '/work/checkpoints',
): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await unpack(disk, named(part), root);
  return disk;
}

export async function verify(
  files: FileSystem,
  directory: string,
  maps: readonly PathMap[] = [],
  listed?: ReadonlySet<string>,
) {
  const findings: Finding[] = [];
  const {summary, errorCode} = await verifyCheckpoints({
    files,
    clock: new FakeTime(),
    directories: [directory],
    level: 'manifest',
    maps,
    listed,
    onFinding: (finding) => findings.push(finding),
  });
  return {
    ...summary,
    errorCode,
    findings,
    errors: findings.filter(({severity}) => severity === 'error'),
    hints: findings.filter(({severity}) => severity === 'hint').map(({code}) => code),
  };
}

/** Of absolute paths. */
export function map(text: string): PathMap {
  return parsePathMap(text, (path) => path);
}

/** A checkpoint of Flink 2.3 that was written elsewhere: own files are relative, shared ones absolute. */
export const INCREMENTAL = '/work/checkpoints/c648988ddb5f7c2dba00b97371360617';
export const CHECKPOINT = `${INCREMENTAL}/chk-10`;
export const WRITTEN = '/srv/fl/snapshots/rocksdb-incremental/c648988ddb5f7c2dba00b97371360617';
