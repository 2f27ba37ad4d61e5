// A keyed handle: the keyed state of one subtask.
//
//   u8 tag
//    0  none
//    3  by key group, up to 1.14:  R, i64 position for each key group, stream handle
//    7  canonical savepoint:       the same
//   12  hashmap:                   the same, text handle id
//    5  RocksDB, older:            i64 checkpoint id, text backend id, R, stream handle header, L shared, L own
//   11  RocksDB:                   i64 checkpoint id, text backend id, R, i64 checkpointed size, header, L, L, text handle id
//    8  changelog, older:          R, i64 checkpointed size, i32 n, n keyed handles, i32 m, m keyed handles,
//                                  i64 materialization id, text handle id
//   14  changelog:                 the same with i64 checkpoint id before the handle id
//    9  changes inline:            R, i64 from, i64 to, i32 n x {i32 key group, i32 length, bytes}, text handle id
//   10  changes in files, older:   R, i32 n x {i64 position, stream handle}, i64 size, i64 checkpointed size, text handle id
//   13  changes in files:          the same, text storage name
//
//   R = i32 first key group, i32 number of key groups
//   L = i32 n x {text file name of RocksDB, stream handle}

import type {ByteCursor} from './byte-cursor.ts';
import {needStream, readKeyGroups, readOffsets} from './decode-streams.ts';
import type {FlinkKeyedState, FlinkNamedFile} from './flink-metadata.ts';

const TAGS = 'a keyed handle: tag 0, 3, 5 or 7 to 14';

export function readKeyedState(cursor: ByteCursor): FlinkKeyedState | null {
  return cursor.nested('keyed handle', () => readTagged(cursor));
}

function readTagged(cursor: ByteCursor): FlinkKeyedState | null {
  const offset = cursor.offset;
  const tag = cursor.unsignedByte();
  switch (tag) {
    case 0:
      return null;
    case 3:
    case 7:
    case 12:
      return readByKeyGroup(cursor, tag);
    case 5:
    case 11:
      return readRocksdb(cursor, tag);
    case 8:
    case 14:
      return readChangelog(cursor, tag);
    case 9:
      return readInlineChanges(cursor);
    case 10:
    case 13:
      return readChanges(cursor, tag);
    default:
      throw cursor.wrong(offset, TAGS, String(tag));
  }
}

const BY_KEY_GROUP = {3: 'key-groups', 7: 'canonical', 12: 'hashmap'} as const;

function readByKeyGroup(cursor: ByteCursor, tag: 3 | 7 | 12): FlinkKeyedState {
  const keyGroups = readKeyGroups(cursor);
  const offsets = readOffsets(cursor, keyGroups);
  const stream = needStream(cursor, 'key groups');
  if (tag === 12) cursor.text();
  return {kind: BY_KEY_GROUP[tag], keyGroups, offsets, stream};
}

function readRocksdb(cursor: ByteCursor, tag: 5 | 11): FlinkKeyedState {
  cursor.long();
  cursor.text();
  const keyGroups = readKeyGroups(cursor);
  const checkpointed = tag === 11 ? cursor.size('a checkpointed size', -1) : -1;
  const header = needStream(cursor, 'header');
  const shared = readNamedFiles(cursor, 'shared files');
  const own = readNamedFiles(cursor, 'own files');
  if (tag === 11) cursor.text();
  const checkpointedSize = checkpointed < 0 ? null : checkpointed;
  return {kind: 'rocksdb', keyGroups, checkpointedSize, header, shared, own};
}

function readNamedFiles(cursor: ByteCursor, what: string): readonly FlinkNamedFile[] {
  const count = cursor.count(what, 3);
  return Array.from({length: count}, (_, index) =>
    cursor.in(`${what} ${index}`, () => {
      const name = cursor.text();
      return {name, stream: needStream(cursor, name)};
    }),
  );
}

function readChangelog(cursor: ByteCursor, tag: 8 | 14): FlinkKeyedState {
  const keyGroups = readKeyGroups(cursor);
  const checkpointedSize = cursor.size('a checkpointed size');
  const base = readKeyedStates(cursor, 'materialized states');
  const changes = readKeyedStates(cursor, 'change logs');
  cursor.long();
  if (tag === 14) cursor.long();
  cursor.text();
  return {kind: 'changelog', keyGroups, checkpointedSize, base, changes};
}

function readKeyedStates(cursor: ByteCursor, what: string): readonly FlinkKeyedState[] {
  const count = cursor.count(what, 1);
  return Array.from({length: count}, (_, index) => {
    const offset = cursor.offset;
    const state = cursor.in(`${what} ${index}`, () => readKeyedState(cursor));
    if (state !== null) return state;
    throw cursor.wrong(offset, `one of the ${what}`, 'tag 0, none');
  });
}

function readInlineChanges(cursor: ByteCursor): FlinkKeyedState {
  const keyGroups = readKeyGroups(cursor);
  cursor.long();
  cursor.long();
  const count = cursor.count('changes', 8);
  let size = 0;
  for (let index = 0; index < count; index += 1) {
    // -1: not of a key group, but of the state's description.
    cursor.intBetween('a key group', -1, 32_767);
    size += cursor.block('a change').length;
  }
  cursor.text();
  return {kind: 'changes-inline', keyGroups, size};
}

function readChanges(cursor: ByteCursor, tag: 10 | 13): FlinkKeyedState {
  const keyGroups = readKeyGroups(cursor);
  const count = cursor.count('files of changes', 9);
  const parts = Array.from({length: count}, (_, index) =>
    cursor.in(`changes ${index}`, () => ({
      offset: cursor.size('a position'),
      stream: needStream(cursor, 'changes'),
    })),
  );
  const size = cursor.size('a size');
  const checkpointedSize = cursor.size('a checkpointed size');
  cursor.text();
  if (tag === 13) cursor.text();
  return {kind: 'changes', keyGroups, size, checkpointedSize, parts};
}
