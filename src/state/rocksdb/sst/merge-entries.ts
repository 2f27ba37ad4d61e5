// The entries of one column family: of each key the newest version, unless that is a deletion. Sources are few, some files of
// level 0 and one for each level below, so the least is looked for among all of them.

import type {PackedList} from '../packed-list.ts';
import type {SstCursor} from './sst-cursor.ts';

export interface MergeOptions {
  /** Entries of user keys below it; null: all. */
  readonly to: Uint8Array | null;
  /** Of one batch; at least one entry is in it. */
  readonly entriesMax: number;
  readonly bytesMax: number;
}

export interface Entries {
  readonly keys: PackedList;
  readonly values: PackedList;
}

/** Fills `batch` again and again, ascending by key; it is good until the next one is asked for. Closes the cursors. */
export async function* mergeEntries(
  cursors: readonly SstCursor[],
  batch: Entries,
  {to, entriesMax, bytesMax}: MergeOptions,
): AsyncGenerator<Entries> {
  const {keys, values} = batch;
  const seen = new LastKey();
  const clear = (): void => {
    keys.clear();
    values.clear();
  };
  clear();
  try {
    const live: SstCursor[] = [];
    for (const cursor of cursors) if (await cursor.load()) live.push(cursor);
    while (live.length > 0) {
      const least = leastOf(live);
      if (to === null || isBelow(least, to)) {
        if (seen.isNew(least) && !least.isDeletion) {
          keys.add(least.key, 0, least.keyLength);
          values.add(least.bytes, least.valueStart, least.valueEnd);
        }
        if (keys.count >= entriesMax || keys.length + values.length >= bytesMax) {
          yield batch;
          clear();
        }
        if (least.next() || (await least.load())) continue;
      }
      live.splice(live.indexOf(least), 1);
    }
    if (keys.count > 0) yield batch;
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** What came last, deleted or not: older versions of it follow. */
class LastKey {
  #bytes = new Uint8Array(256);
  #length = -1;

  isNew({key, keyLength}: SstCursor): boolean {
    const bytes = this.#bytes;
    if (keyLength === this.#length) {
      let at = keyLength - 1;
      while (at >= 0 && bytes[at] === key[at]) at -= 1;
      if (at < 0) return false;
    }
    if (bytes.length < keyLength) this.#bytes = new Uint8Array(keyLength * 2);
    for (let at = 0; at < keyLength; at += 1) this.#bytes[at] = key[at]!;
    this.#length = keyLength;
    return true;
  }
}

function leastOf(live: readonly SstCursor[]): SstCursor {
  let least = live[0]!;
  for (let index = 1; index < live.length; index += 1) {
    const other = live[index]!;
    if (isBefore(other, least)) least = other;
  }
  return least;
}

/** By key; of one key the newer first. */
function isBefore(left: SstCursor, right: SstCursor): boolean {
  const common = Math.min(left.keyLength, right.keyLength);
  const [a, b] = [left.key, right.key];
  for (let at = 0; at < common; at += 1) {
    if (a[at] !== b[at]) return a[at]! < b[at]!;
  }
  if (left.keyLength !== right.keyLength) return left.keyLength < right.keyLength;
  if (left.sequenceHigh !== right.sequenceHigh) return left.sequenceHigh > right.sequenceHigh;
  return left.sequenceLow > right.sequenceLow;
}

function isBelow({key, keyLength}: SstCursor, to: Uint8Array): boolean {
  const common = Math.min(keyLength, to.length);
  for (let at = 0; at < common; at += 1) {
    if (key[at] !== to[at]) return key[at]! < to[at]!;
  }
  return keyLength < to.length;
}
