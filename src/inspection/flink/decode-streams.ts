// A stream handle: where the bytes of one state are.
//
//   u8 tag
//    0  none
//    1  inline:   text name, i32 n, n bytes
//    2  file:     i64 size, text path or URI
//    3  of key groups, up to 1.14:  as a keyed handle's tag 3
//    6  relative: text path below the directory of `_metadata`, i64 size
//   15  segment:  i64 start, i64 size, i32 scope (0 exclusive, 1 shared), text path, text logical file id
//   16  empty segment

import type {ByteCursor} from './byte-cursor.ts';
import type {Extent, FlinkKeyGroups, FlinkStream} from './flink-metadata.ts';

const KEY_GROUPS_MAX = 32_768;
const TAGS = 'a stream handle: tag 0, 1, 2, 3, 6, 15 or 16';

export function readStream(cursor: ByteCursor): FlinkStream | null {
  return cursor.nested('stream handle', () => readTagged(cursor));
}

/** Where there has to be one. */
export function needStream(cursor: ByteCursor, what: string): FlinkStream {
  const offset = cursor.offset;
  const stream = cursor.in(what, () => readStream(cursor));
  if (stream !== null) return stream;
  throw cursor.wrong(offset, `a stream handle for ${what}`, 'tag 0, none');
}

function readTagged(cursor: ByteCursor): FlinkStream | null {
  const start = cursor.offset;
  const tag = cursor.unsignedByte();
  const extent = (): Extent => ({start, end: cursor.offset});
  switch (tag) {
    case 0:
      return null;
    case 1: {
      const name = cursor.text();
      return {kind: 'inline', name, size: cursor.block('inline state').length};
    }
    case 2: {
      const size = cursor.size('a size', -1);
      return {kind: 'absolute', path: cursor.text(), size, at: extent()};
    }
    case 3: {
      // The positions are the raw state's own affair: what counts is where the bytes are.
      readOffsets(cursor, readKeyGroups(cursor));
      return needStream(cursor, 'key groups');
    }
    case 6: {
      const path = cursor.text();
      return {kind: 'relative', path, size: cursor.size('a size', -1), at: extent()};
    }
    case 15:
      return readSegment(cursor, extent);
    case 16:
      return {kind: 'empty-segment'};
    default:
      throw cursor.wrong(start, TAGS, String(tag));
  }
}

function readSegment(cursor: ByteCursor, extent: () => Extent): FlinkStream {
  const start = cursor.size('a start');
  const size = cursor.size('a size');
  const scope = cursor.intBetween('a scope', 0, 1) === 0 ? 'exclusive' : 'shared';
  const path = cursor.text();
  cursor.text();
  return {kind: 'segment', path, start, size, scope, at: extent()};
}

/** i32 first, i32 count. */
export function readKeyGroups(cursor: ByteCursor): FlinkKeyGroups {
  const start = cursor.intBetween('a first key group', 0, KEY_GROUPS_MAX - 1);
  const count = cursor.intBetween('a number of key groups', 0, KEY_GROUPS_MAX - start);
  return {start, end: start + count - 1};
}

/** i64 for each of `keyGroups`. */
export function readOffsets(cursor: ByteCursor, keyGroups: FlinkKeyGroups): BigInt64Array {
  return cursor.longs('positions of key groups', keyGroups.end - keyGroups.start + 1);
}
