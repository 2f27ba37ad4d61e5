// The rows of one side of a comparison by key, as many as memory may have of them. When there are more, only a part of the
// keys is kept, and the other parts are named, to be compared in passes of their own. The parts follow from the keys alone, so
// a key group that has nearly all rows is no exception.

import {must} from '../../base/assert.ts';
import {finishHash, HASH_SEED, mixWord} from '../../keys/key-hash.ts';

/** The keys whose hash has these low bits under this mask. */
export interface KeyPart {
  readonly mask: number;
  readonly bits: number;
}

export const ALL_KEYS: KeyPart = {mask: 0, bits: 0};

/** The values of a row: those that both sides have first, then the others. */
export interface Kept {
  readonly common: string;
  readonly rest: string;
}

/** Of a row beside its text: its object, the heads of its strings, its place in the map. */
const ROW_BYTES = 120;
/** Not another one: who has made so many keys with one hash gets them all at once. */
const LAST_MASK = 2 ** 30 - 1;

export class KeptRows {
  readonly #rows = new Map<string, Kept>();
  readonly #bytesMax: number;
  #bytes = 0;
  #part: KeyPart = ALL_KEYS;
  #left: KeyPart[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Forgets all rows; from now on those of `part` are kept. */
  begin(part: KeyPart): void {
    this.#rows.clear();
    this.#bytes = 0;
    this.#part = part;
  }

  /** Whether rows of this key are kept in this pass; a key that was may be no more after the next `keep`. */
  has(key: string): boolean {
    return isIn(this.#part, key);
  }

  keep(key: string, kept: Kept): void {
    const before = this.take(key);
    if (before !== null) this.#bytes -= bytesOf(key, before);
    this.#rows.set(key, kept);
    this.#bytes += bytesOf(key, kept);
    while (this.#bytes > this.#bytesMax && this.#rows.size > 1 && this.#part.mask < LAST_MASK) {
      this.#halve();
    }
  }

  /** The row of this key, which is kept no longer; null: there is none. */
  take(key: string): Kept | null {
    const kept = this.#rows.get(key) ?? null;
    this.#rows.delete(key);
    return kept;
  }

  entries(): IterableIterator<[string, Kept]> {
    return this.#rows.entries();
  }

  /** Parts that were given up since the last call: each needs a pass of its own. */
  takeLeft(): readonly KeyPart[] {
    const left = this.#left;
    this.#left = [];
    return left;
  }

  #halve(): void {
    const {mask, bits} = this.#part;
    const next = mask + 1;
    this.#part = {mask: mask | next, bits};
    this.#left.push({mask: mask | next, bits: bits | next});
    for (const [key, kept] of this.#rows) {
      if (this.has(key)) continue;
      this.#rows.delete(key);
      this.#bytes -= bytesOf(key, kept);
    }
  }
}

function bytesOf(key: string, {common, rest}: Kept): number {
  return ROW_BYTES + key.length + common.length + rest.length;
}

function isIn({mask, bits}: KeyPart, key: string): boolean {
  return mask === 0 || (hashOf(key) & mask) === bits;
}

/** Of a string of one byte a character. Its seed is another than that of key groups, in which all keys may be of one group. */
function hashOf(key: string): number {
  let hash = ~HASH_SEED;
  for (let at = 0; at < key.length; at += 1) {
    hash = mixWord(hash, must(key.codePointAt(at), 'a character'));
  }
  return finishHash(hash);
}
