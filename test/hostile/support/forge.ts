// A checkpoint as somebody would make it who can compute checksums: `_metadata` with other contents, its
// own digest and SHA256SUMS in agreement with it.

import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {crc32, sha256Hex} from '#src/base/checksum.js';

type Json = Record<string, unknown>;

export interface State extends Json {
  value?: unknown;
  path?: unknown;
  length?: unknown;
}

export interface Metadata extends Json {
  operators: {uid: string; subtasks: {states: State[]}[]}[];
}

/** A valid seal around any text at all: what stands behind `{"_sha256":"…",`. */
export function seal(body: string): Buffer {
  return Buffer.from(`{"_sha256":"${sha256Hex(body)}",${body}`);
}

export function forge(checkpoint: string, change: (metadata: Metadata) => void): void {
  const path = join(checkpoint, '_metadata');
  const {_sha256: _, ...metadata} = JSON.parse(readFileSync(path, 'utf8')) as Json;
  change(metadata as Metadata);
  writeBytes(checkpoint, seal(`${sorted(metadata).slice(1)}\n`));
}

/** `bytes` as `_metadata`, and its line of SHA256SUMS made to agree. */
export function writeBytes(checkpoint: string, bytes: Uint8Array): void {
  writeFileSync(join(checkpoint, '_metadata'), bytes);
  writeSum(checkpoint, '_metadata', bytes);
}

/** The line of `path` in SHA256SUMS. */
function writeSum(checkpoint: string, path: string, bytes: Uint8Array): void {
  const sums = join(checkpoint, 'SHA256SUMS');
  const lines = readFileSync(sums, 'utf8').split('\n');
  const others = (line: string): boolean => line.slice(64) !== `  ${path}`;
  const changed = lines.map((line) => (others(line) ? line : `${sha256Hex(bytes)}  ${path}`));
  writeFileSync(sums, changed.join('\n'));
}

/** `bytes`, of at most one chunk, as subtask 0's file of a table, with checksums that agree. */
export function forgeStateFile(
  checkpoint: string,
  [uid, name]: readonly [uid: string, name: string],
  bytes: Uint8Array,
): void {
  const path = `${uid}/0.${name}`;
  writeFileSync(join(checkpoint, path), bytes);
  forge(checkpoint, (metadata) => {
    const state = stateOf(metadata, uid, name);
    state['length'] = bytes.length;
    state['sha256'] = sha256Hex(bytes);
    state['chunk_crcs'] = [crc32(bytes)];
  });
  writeSum(checkpoint, path, bytes);
}

/** The inline or file state of that name. */
export function stateOf({operators}: Metadata, uid: string, name: string): State {
  const operator = operators.find((one) => one.uid === uid);
  const state = operator?.subtasks[0]?.states.find((one) => one['name'] === name);
  if (state === undefined) throw new Error(`no state ${name} of ${uid}`);
  return state;
}

/** JSON with the keys of every object in order. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${sorted(field)}`).join(',')}}`;
}
