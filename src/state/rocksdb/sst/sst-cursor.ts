// The entries of SST files that lie one behind the other, as those of a level do: of one at a time the blocks are read, some at
// once. An entry is looked at in place: `key` and `bytes` are good until the next one.

import {entriesEnd} from './block.ts';
import {KEY_SUFFIX_BYTES} from './internal-key.ts';
import type {SstFile} from './sst-file.ts';
import type {PackedList} from '../packed-list.ts';

/** Of blocks that are read at once; at least one block is. */
const READ_BYTES = 256 * 1024;

const [DELETION, VALUE, SINGLE_DELETION] = [0, 1, 7];

/** A file that is opened when its turn comes. */
export interface SstSource {
  /** User keys, as the MANIFEST says. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly open: () => Promise<SstFile>;
}

export class SstCursor {
  /** The user key of the entry is its first `keyLength` bytes. */
  key: Uint8Array = new Uint8Array(256);
  keyLength = 0;
  /** Of the sequence number: a higher one is newer. */
  sequenceHigh = 0;
  sequenceLow = 0;
  /** Else it is a value. */
  isDeletion = false;
  /** The value: `valueStart` to `valueEnd` of it. */
  bytes: Uint8Array = new Uint8Array(0);
  valueStart = 0;
  valueEnd = 0;
  readonly #sources: SstSource[];
  readonly #from: Uint8Array;
  #file: SstFile | null = null;
  /** Of the file that is open. */
  #largest: Uint8Array = new Uint8Array(0);
  /** What its next entry must be; null: it is not its first. */
  #smallest: Uint8Array | null = null;
  /** Blocks of the file that were not read yet. */
  #nextBlock = 0;
  /** In the blocks that were: which one is read, and where it is in `bytes`. */
  #block = 0;
  #lastBlock = -1;
  #at = 0;
  #entriesEnd = 0;
  /** Where `bytes` begin in the file. */
  #origin = 0;
  #isFirst = true;

  /** `sources` ascend and do not overlap. Entries begin at the first user key ≥ `from`. */
  constructor(sources: readonly SstSource[], from: Uint8Array) {
    this.#sources = sources.filter(({largest}) => Buffer.compare(largest, from) >= 0);
    this.#from = from;
  }

  /** The next entry; false: the blocks that were read have no more. */
  next(): boolean {
    while (this.#at >= this.#entriesEnd) {
      if (this.#block >= this.#lastBlock) return false;
      this.#beginBlock(this.#block + 1);
    }
    this.#readEntry();
    return true;
  }

  /** Reads further blocks and goes to their first entry; false: there is none left, and nothing is open any more. */
  async load(): Promise<boolean> {
    while (await this.#loadBlocks()) {
      while (this.next()) if (!this.#isBelowFrom()) return true;
    }
    return false;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #loadBlocks(): Promise<boolean> {
    while (this.#file === null || this.#nextBlock >= this.#file.index.offsets.length) {
      this.#requireLargest();
      await this.close();
      const source = this.#sources.shift();
      if (source === undefined) return false;
      this.#file = await source.open();
      this.#largest = source.largest;
      this.#nextBlock = firstFrom(this.#file.index.lastKeys, this.#from);
      this.#smallest = this.#nextBlock === 0 ? source.smallest : null;
    }
    const {offsets, sizes} = this.#file.index;
    const first = this.#nextBlock;
    const begin = offsets[first]!;
    let last = first;
    while (
      last + 1 < offsets.length &&
      offsets[last + 1]! + sizes[last + 1]! - begin <= READ_BYTES
    ) {
      last += 1;
    }
    this.bytes = await this.#file.readBlocks(first, last);
    this.#origin = begin;
    this.#lastBlock = last;
    this.#nextBlock = last + 1;
    this.#beginBlock(first);
    return true;
  }

  #beginBlock(block: number): void {
    const file = this.#file!;
    const {offsets, sizes} = file.index;
    const at = offsets[block]!;
    this.#block = block;
    this.#at = at - this.#origin;
    const end = this.#at + sizes[block]!;
    this.#entriesEnd = entriesEnd(this.bytes, this.#at, end, {problem: file.problem, at});
  }

  /** Before the first entry that is wanted: all in one block, as a rule. */
  #isBelowFrom(): boolean {
    return Buffer.compare(this.key.subarray(0, this.keyLength), this.#from) < 0;
  }

  #readEntry(): void {
    const start = this.#at;
    const shared = this.#varint();
    const further = this.#varint();
    const valueBytes = this.#varint();
    const keyStart = this.#at;
    const valueStart = keyStart + further;
    const length = shared + further;
    const before = this.#isFirst ? 0 : this.keyLength + KEY_SUFFIX_BYTES;
    if (
      shared > before ||
      valueStart + valueBytes > this.#entriesEnd ||
      length < KEY_SUFFIX_BYTES
    ) {
      throw this.#damaged(start, 'an entry is longer than its block');
    }
    this.#at = valueStart + valueBytes;
    this.valueStart = valueStart;
    this.valueEnd = this.#at;
    this.#setKey(shared, keyStart, further, start);
  }

  /** The key becomes the next one, which must be above it; of two versions of a key the newer one comes first. */
  #setKey(shared: number, keyStart: number, further: number, entry: number): void {
    const {bytes, keyLength: lengthBefore} = this;
    const keyLength = shared + further - KEY_SUFFIX_BYTES;
    if (this.key.length < shared + further) {
      const grown = new Uint8Array((shared + further) * 2);
      grown.set(this.key);
      this.key = grown;
    }
    const {key} = this;
    const common = Math.min(lengthBefore, keyLength);
    let order = 0;
    for (let index = shared; order === 0 && index < common; index += 1) {
      order = bytes[keyStart + index - shared]! - key[index]!;
    }
    if (order === 0) order = keyLength - lengthBefore;
    const {sequenceHigh: highBefore, sequenceLow: lowBefore} = this;
    for (let index = 0; index < further; index += 1) key[shared + index] = bytes[keyStart + index]!;
    this.keyLength = keyLength;
    const kind = key[keyLength]!;
    if (kind !== VALUE && kind !== DELETION && kind !== SINGLE_DELETION) {
      throw this.#file!.problem.unknown(`entries of kind ${kind}`);
    }
    this.isDeletion = kind !== VALUE;
    this.sequenceLow =
      (key[keyLength + 1]! | (key[keyLength + 2]! << 8) | (key[keyLength + 3]! << 16)) >>> 0;
    this.sequenceHigh =
      (key[keyLength + 4]! |
        (key[keyLength + 5]! << 8) |
        (key[keyLength + 6]! << 16) |
        (key[keyLength + 7]! << 24)) >>>
      0;
    if (order === 0 && !this.#isFirst) {
      order = highBefore - this.sequenceHigh || lowBefore - this.sequenceLow;
    }
    if (order <= 0 && !this.#isFirst)
      throw this.#damaged(entry, 'a key is not above the one before');
    this.#isFirst = false;
    if (this.#smallest !== null) this.#requireSmallest(this.#smallest, entry);
  }

  /** The ends of a file are those that the MANIFEST says: by them it is chosen. */
  #requireSmallest(smallest: Uint8Array, entry: number): void {
    this.#smallest = null;
    if (Buffer.compare(this.key.subarray(0, this.keyLength), smallest) === 0) return;
    throw this.#damaged(entry, 'the first key is another one than the MANIFEST says');
  }

  #requireLargest(): void {
    if (this.#file === null) return;
    if (Buffer.compare(this.key.subarray(0, this.keyLength), this.#largest) === 0) return;
    throw this.#damaged(this.#at, 'the last key is another one than the MANIFEST says');
  }

  #varint(): number {
    const {bytes} = this;
    let byte = bytes[this.#at]!;
    this.#at += 1;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      if (this.#at >= this.#entriesEnd) break;
      byte = bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.#damaged(this.#at, 'a number does not end');
  }

  #damaged(at: number, what: string): Error {
    return this.#file!.problem.damaged(this.#origin + at, what);
  }
}

/** The first block that may have a user key ≥ `from`. */
function firstFrom(lastKeys: PackedList, from: Uint8Array): number {
  let [low, high] = [0, lastKeys.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(lastKeys.item(middle), from) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
