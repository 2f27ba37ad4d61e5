// What follows next in a canonical file (layout: canonical-format.ts): a key group, or a part of a compressed file. Every
// length and order is checked before what it says is read or allocated.

import {
  CANONICAL_END_BYTES,
  GROUP_HEADER_BYTES,
  GROUP_MAGIC,
  PART_ENTRY_BYTES,
  PART_HEADER_BYTES,
  PART_MAGIC,
  ROW_HEADER_BYTES,
} from './canonical-format.ts';
import {ExpandedPart, type FilePieces, type RowBytes} from './row-bytes.ts';
import type {Codec} from '../../base/compression.ts';
import {EXPANDED_BYTES_MAX, expandPart} from '../compressed-part.ts';
import {damaged} from '../snapshot-format.ts';

/** Rows of one key group. */
export interface GroupPlace {
  readonly group: number;
  readonly rowCount: number;
  /** In the bytes of its section. */
  readonly rowsAt: number;
  readonly byteCount: number;
}

export interface Section {
  /** Ascending. */
  readonly groups: readonly GroupPlace[];
  /** Where the next section begins. */
  readonly next: number;
  /** Reads and expands it, if it is compressed. */
  readonly open: () => Promise<RowBytes>;
}

/** Behind which key group a section stands, and what there can be. */
export interface SectionContext {
  /** -1: none yet. */
  readonly last: number;
  readonly maxParallelism: number;
}

export async function readGroup(
  file: FilePieces,
  at: number,
  {last, maxParallelism}: SectionContext,
): Promise<Section> {
  const {path} = file;
  const head = viewOf(await file.read(at, GROUP_HEADER_BYTES, 'a key group'));
  if (head.getUint32(0, true) !== GROUP_MAGIC) throw damaged(path, at, 'no key group begins here');
  const group = head.getUint32(4, true);
  if (group <= last || group >= maxParallelism) {
    throw damaged(path, at + 4, `key group ${group} is out of order`);
  }
  const rowCount = Number(head.getBigUint64(8, true));
  const byteCount = Number(head.getBigUint64(16, true));
  const rowsAt = at + GROUP_HEADER_BYTES;
  const next = rowsAt + byteCount;
  if (rowCount === 0 || byteCount < rowCount * ROW_HEADER_BYTES || next > file.size) {
    throw damaged(path, at + 8, `key group ${group} cannot have ${rowCount} rows`);
  }
  return {
    groups: [{group, rowCount, rowsAt, byteCount}],
    next,
    open: async () => Promise.resolve(file),
  };
}

export async function readPart(
  file: FilePieces,
  at: number,
  context: SectionContext,
  codec: Codec,
): Promise<Section> {
  const {path} = file;
  const head = viewOf(await file.read(at, PART_HEADER_BYTES, 'a part'));
  if (head.getUint32(0, true) !== PART_MAGIC) throw damaged(path, at, 'no part begins here');
  const groupCount = head.getUint32(4, true);
  const length = head.getUint32(8, true);
  const storedLength = head.getUint32(12, true);
  const entriesAt = at + PART_HEADER_BYTES;
  if (groupCount === 0 || groupCount > context.maxParallelism) {
    throw damaged(path, at + 4, `a part of ${groupCount} key groups`);
  }
  const entriesBytes = groupCount * PART_ENTRY_BYTES;
  const dataAt = entriesAt + entriesBytes;
  const next = dataAt + storedLength;
  const entries = viewOf(await file.read(entriesAt, entriesBytes, 'the key groups of a part'));
  const groups = groupsOf(entries, context, {path, entriesAt});
  const sum = groups.reduce((bytes, {byteCount}) => bytes + byteCount, 0);
  const isWhole = sum === length && storedLength <= length;
  // A single row may be larger: it is stored as it is, and read whole in any version.
  const isSmall = length <= EXPANDED_BYTES_MAX;
  const isOneRow = storedLength === length && groupCount === 1 && groups[0]?.rowCount === 1;
  if (!isWhole || !(isSmall || isOneRow) || next > file.size - CANONICAL_END_BYTES) {
    throw damaged(path, at + 8, `a part of ${length} bytes in ${storedLength}`);
  }
  return {
    groups,
    next,
    open: async () => {
      const stored = await file.read(dataAt, storedLength, 'a part');
      const plain = expandPart(codec, {length, storedLength}, stored);
      if (typeof plain === 'string') throw damaged(path, dataAt, plain);
      return new ExpandedPart(path, dataAt, plain);
    },
  };
}

/** The key groups of a part: the first may go on with the last one of the part before. */
function groupsOf(
  entries: DataView,
  context: SectionContext,
  {path, entriesAt}: {readonly path: string; readonly entriesAt: number},
): readonly GroupPlace[] {
  const groups: GroupPlace[] = [];
  let rowsAt = 0;
  for (let entry = 0; entry < entries.byteLength; entry += PART_ENTRY_BYTES) {
    const group = entries.getUint32(entry, true);
    const rowCount = entries.getUint32(entry + 4, true);
    const byteCount = entries.getUint32(entry + 8, true);
    const before = groups.at(-1)?.group ?? context.last - 1;
    if (group <= before || group >= context.maxParallelism) {
      throw damaged(path, entriesAt + entry, `key group ${group} is out of order`);
    }
    if (rowCount === 0 || byteCount < rowCount * ROW_HEADER_BYTES) {
      const found = `key group ${group} cannot have ${rowCount} rows in ${byteCount} bytes`;
      throw damaged(path, entriesAt + entry + 4, found);
    }
    groups.push({group, rowCount, rowsAt, byteCount});
    rowsAt += byteCount;
  }
  return groups;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
