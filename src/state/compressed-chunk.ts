// A chunk whose rows and strings are compressed, in parts of neighbouring key groups: a restore of some key groups
// expands only the parts that they are in. Little-endian.
//
//   0   4  magic "CHNZ", of tombstones "TOMZ"
//   4   4  G, number of key groups in it
//   8   4  N, number of rows in it
//  12   4  S, bytes of its strings, a multiple of 8
//  16   4  P, number of parts
//  20   4  B, bytes of the parts, a multiple of 8
//  24 12G  per key group, as in a chunk that is not compressed
//   … 12P  per part: number of its key groups, its length expanded, its length in the file
//   …   …  zeros up to a multiple of 8
//   …   B  the parts one behind the other; zeros up to a multiple of 8
//
// A part (compressed-part.ts) is the rows of its key groups, then their strings.

import type {Codec} from '../base/compression.ts';
import {
  compressPart,
  EXPANDED_BYTES_MAX,
  PART_TARGET_BYTES,
  type PartLengths,
} from './compressed-part.ts';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_MAGIC,
  COMPRESSED_CHUNK_MAGIC,
  COMPRESSED_TOMBSTONE_MAGIC,
  GROUP_ENTRY_BYTES,
  paddedTo8,
} from './snapshot-format.ts';

export const COMPRESSED_HEADER_BYTES = 24;
export const PART_ENTRY_BYTES = 12;

export interface Part extends PartLengths {
  readonly groupCount: number;
}

/** The chunk `bytes` (of ChunkEncoder) with its rows and strings compressed. */
export function compressChunk(bytes: Uint8Array, rowBytes: number, codec: Codec): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0, true);
  const groupCount = view.getUint32(4, true);
  const rowCount = view.getUint32(8, true);
  const entriesEnd = CHUNK_HEADER_BYTES + groupCount * GROUP_ENTRY_BYTES;
  const parts: (Part & {readonly bytes: Uint8Array})[] = [];
  let rowsAt = paddedTo8(entriesEnd);
  let stringsAt = rowsAt + rowCount * rowBytes;
  let expanded = 0;
  let [groups, rows, strings] = [0, 0, 0];
  for (let entry = CHUNK_HEADER_BYTES; entry < entriesEnd; entry += GROUP_ENTRY_BYTES) {
    groups += 1;
    rows += view.getUint32(entry + 4, true) * rowBytes;
    strings += view.getUint32(entry + 8, true);
    const isLast = entry + GROUP_ENTRY_BYTES === entriesEnd;
    if (rows + strings < PART_TARGET_BYTES && !isLast) continue;
    const plain = new Uint8Array(rows + strings);
    plain.set(bytes.subarray(rowsAt, rowsAt + rows));
    plain.set(bytes.subarray(stringsAt, stringsAt + strings), rows);
    // The limit is that of the whole chunk here: a reader may hold all its parts at once.
    const fits = expanded + plain.length <= EXPANDED_BYTES_MAX;
    const stored = fits ? compressPart(codec, plain) : plain;
    if (stored !== plain) expanded += plain.length;
    const {length} = plain;
    parts.push({groupCount: groups, length, storedLength: stored.length, bytes: stored});
    rowsAt += rows;
    stringsAt += strings;
    [groups, rows, strings] = [0, 0, 0];
  }
  return assemble(
    magic === CHUNK_MAGIC ? COMPRESSED_CHUNK_MAGIC : COMPRESSED_TOMBSTONE_MAGIC,
    bytes.subarray(4, entriesEnd),
    parts,
  );
}

function assemble(
  magic: number,
  counts: Uint8Array,
  parts: readonly (Part & {readonly bytes: Uint8Array})[],
): Uint8Array {
  const entries = counts.subarray(CHUNK_HEADER_BYTES - 4);
  const partsAt = COMPRESSED_HEADER_BYTES + entries.length;
  const dataAt = paddedTo8(partsAt + parts.length * PART_ENTRY_BYTES);
  const stored = parts.reduce((sum, part) => sum + part.storedLength, 0);
  const chunk = new Uint8Array(dataAt + paddedTo8(stored));
  const view = new DataView(chunk.buffer);
  view.setUint32(0, magic, true);
  chunk.set(counts.subarray(0, CHUNK_HEADER_BYTES - 4), 4);
  view.setUint32(16, parts.length, true);
  view.setUint32(20, paddedTo8(stored), true);
  chunk.set(entries, COMPRESSED_HEADER_BYTES);
  let at = dataAt;
  for (const [index, part] of parts.entries()) {
    const entry = partsAt + index * PART_ENTRY_BYTES;
    view.setUint32(entry, part.groupCount, true);
    view.setUint32(entry + 4, part.length, true);
    view.setUint32(entry + 8, part.storedLength, true);
    chunk.set(part.bytes, at);
    at += part.storedLength;
  }
  return chunk;
}
