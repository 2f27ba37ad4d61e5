// Reads one state file against what its handle says, chunk by chunk, so that damage has a place. Where reads are not
// blocking, the next chunk is read while one is hashed. Plain data in and out: it also runs in a thread of its own.

import {crc32, sha256} from '../base/checksum.ts';
import {messageOf, refusedUser, systemErrorCode} from '../base/errors.ts';
import {errorAt} from './derive-checkpoint-state.ts';
import {closeQuietly} from './durable-file.ts';
import type {FileHandle, FileSystem} from './file-system.ts';
import type {Finding} from './finding.ts';
import {openBelow} from './open-below.ts';
import {CHUNK_BYTES, type StateFileSummary} from './state-chunks.ts';
import {hexCrc} from './state-file-reader.ts';
import {systemErrorPath} from './system-error.ts';

export interface FileCheckRequest {
  /** Absolute. */
  readonly path: string;
  /** Behind it no part of the path may be a link. */
  readonly below: string;
  readonly expected: StateFileSummary;
}

export interface FileCheckResult {
  /** That were read. */
  readonly bytes: number;
  readonly findings: readonly Finding[];
  /** Where and why reading ended early; null: it did not. */
  readonly unreadable: {
    readonly offset: number;
    readonly systemCode: string;
    readonly reason: string;
    /** Of the file, or of what is in the way above it. */
    readonly path: string;
  } | null;
}

/** `onRead`: bytes since the last call, all of them by the end. */
export type CheckFile = (
  request: FileCheckRequest,
  onRead?: (bytes: number) => void,
) => Promise<FileCheckResult>;

/** Rejects only with what no system call said. */
export async function checkFile(
  files: FileSystem,
  {path, below, expected}: FileCheckRequest,
  onRead: (bytes: number) => void = () => undefined,
): Promise<FileCheckResult> {
  let handle: FileHandle;
  try {
    handle = await openBelow(files, path, below);
  } catch (error) {
    return {bytes: 0, findings: [], unreadable: unreadableAt(path, 0, error)};
  }
  try {
    return await checkBytes(handle, path, expected, onRead);
  } finally {
    await closeQuietly(handle);
  }
}

/** Each whole chunk that is there; a missing or surplus end was reported with the size. */
async function checkBytes(
  handle: FileHandle,
  path: string,
  expected: StateFileSummary,
  onRead: (bytes: number) => void,
): Promise<FileCheckResult> {
  const digest = sha256();
  const findings: Finding[] = [];
  const size = Math.min(CHUNK_BYTES, expected.length);
  const buffers = [new Uint8Array(size), new Uint8Array(size)];
  const read = async (index: number): Promise<number> => {
    const offset = index * CHUNK_BYTES;
    const wanted = Math.min(CHUNK_BYTES, expected.length - offset);
    return handle.read(buffers[index % 2]!, 0, wanted, offset);
  };
  let bytes = 0;
  let upcoming = expected.chunkCrcs.length > 0 ? read(0) : Promise.resolve(0);
  for (const [index, crc] of expected.chunkCrcs.entries()) {
    const offset = index * CHUNK_BYTES;
    let count: number;
    try {
      count = await upcoming;
    } catch (error) {
      return {bytes, findings, unreadable: unreadableAt(path, offset, error)};
    }
    bytes += count;
    onRead(count);
    if (count < Math.min(CHUNK_BYTES, expected.length - offset)) {
      return {bytes, findings, unreadable: null};
    }
    if (index + 1 < expected.chunkCrcs.length) {
      upcoming = read(index + 1);
      // Awaited in the next turn.
      upcoming.catch(() => undefined);
    }
    const chunk = buffers[index % 2]!.subarray(0, count);
    digest.update(chunk);
    const found = crc32(chunk);
    if (found !== crc) findings.push(damagedChunk(path, offset, count, {crc, found}));
  }
  const found = digest.digest('hex');
  if (findings.length === 0 && found !== expected.sha256) {
    findings.push({
      ...errorAt('digest-differs', path, `${path} has another SHA-256 than _metadata says`),
      offset: 0,
      expected: expected.sha256,
      found,
    });
  }
  return {bytes, findings, unreadable: null};
}

function damagedChunk(
  path: string,
  offset: number,
  count: number,
  {crc, found}: {readonly crc: number; readonly found: number},
): Finding {
  const message = `${path} is damaged between byte ${offset} and ${offset + count}`;
  return {
    ...errorAt('chunk-damaged', path, message),
    offset,
    expected: hexCrc(crc),
    found: hexCrc(found),
  };
}

function unreadableAt(path: string, offset: number, error: unknown): FileCheckResult['unreadable'] {
  const systemCode = systemErrorCode(error);
  if (systemCode === null) throw error;
  return {
    offset,
    systemCode,
    reason: `${messageOf(error)}${refusedUser(error)}`,
    path: systemErrorPath(error, path),
  };
}
