// A checkpoint that is changed, in its tree, and what keeps it consistent for somebody who can compute checksums.

import {crc32, sha256Hex} from '#src/base/checksum.js';
import type {CheckpointMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {encodeChecksums} from '#src/storage/checksum-list.js';
import {seal} from '../support/forge.ts';
import type {Entry} from './fuzz-disk.ts';

export const OUTSIDE = '/outside';

/** The checkpoint that is changed, in its tree. */
export interface Subject {
  readonly tree: Map<string, Entry>;
  readonly directory: string;
  /** Absolute: what its checksums cover. `_metadata` is the first, SHA256SUMS the second. */
  readonly files: readonly string[];
}

/** In place of the directory of `path` a link, to where all of it has been moved. */
export function linkDirectoryOf(tree: Map<string, Entry>, path: string): void {
  const parent = path.slice(0, path.lastIndexOf('/'));
  for (const [below, entry] of [...tree]) {
    if (!below.startsWith(`${parent}/`)) continue;
    tree.set(`${OUTSIDE}/moved${below.slice(parent.length)}`, entry);
    tree.delete(below);
  }
  tree.set(`${OUTSIDE}/moved`, {kind: 'directory'});
  tree.set(parent, {kind: 'link', target: `${OUTSIDE}/moved`});
}

/** Whoever names the old digest names the new one: `_metadata`, and the file behind it in its chain. */
export function replaceState(subject: Subject, path: string, bytes: Buffer): void {
  const {tree, directory} = subject;
  const [before, after] = [sha256Hex(dataOf(tree, path)), sha256Hex(bytes)];
  const metadata = JSON.parse(bodyOf(subject)) as object;
  everyObject(metadata, (state) => {
    if (state['sha256'] !== before || state['location'] !== 'file') return;
    const crc = bytes.length === 0 ? [] : [crc32(bytes)];
    Object.assign(state, {length: bytes.length, chunk_crcs: crc});
  });
  const text = JSON.stringify(metadata)
    .replaceAll(`${before.slice(0, 2)}/${before}`, `${after.slice(0, 2)}/${after}`)
    .replaceAll(before, after);
  setBody(subject, text);
  const isShared = !path.startsWith(`${directory}/`);
  const home = path.slice(0, path.indexOf('/shared/'));
  const target = isShared ? `${home}/shared/${after.slice(0, 2)}/${after}` : path;
  if (isShared) tree.set(target.slice(0, target.lastIndexOf('/')), {kind: 'directory'});
  setData(tree, target, bytes);
  if (before === after) return;
  for (const [other, entry] of [...tree]) {
    if (entry.kind !== 'file' || !subject.files.slice(2).includes(other)) continue;
    const text = Buffer.from(entry.data).toString('latin1');
    if (!text.includes(before)) continue;
    replaceState(subject, other, Buffer.from(text.replaceAll(before, after), 'latin1'));
  }
}

export function everyObject(value: unknown, see: (object: Record<string, unknown>) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) see(value as Record<string, unknown>);
  for (const below of Object.values(value)) everyObject(below, see);
}

/** `_metadata` without its seal. */
export function bodyOf({tree, files}: Pick<Subject, 'tree' | 'files'>): string {
  return `{${dataOf(tree, files[0]!).toString().slice(78).trimEnd()}`;
}

export function setBody({tree, files}: Subject, text: string): void {
  setData(tree, files[0]!, seal(`${text.slice(1)}\n`));
}

/** SHA256SUMS as it follows from `_metadata`, or with its line made to agree where that names no files. */
export function sumAgain({tree, files}: Subject): void {
  const digest = sha256Hex(dataOf(tree, files[0]!));
  let sums: Uint8Array;
  try {
    // The fields that are looked at have the same names in the file.
    sums = encodeChecksums(JSON.parse(bodyOf({tree, files})) as CheckpointMetadata, digest);
  } catch {
    const text = dataOf(tree, files[1]!).toString();
    sums = Buffer.from(text.replace(/^[0-9a-f]{64} {2}_metadata$/m, `${digest}  _metadata`));
  }
  setData(tree, files[1]!, sums);
}

export function dataOf(tree: ReadonlyMap<string, Entry>, path: string): Buffer {
  const entry = tree.get(path);
  return entry?.kind === 'file'
    ? Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.length)
    : Buffer.alloc(0);
}

export function setData(tree: Map<string, Entry>, path: string, data: Uint8Array): void {
  tree.set(path, {kind: 'file', data});
}
