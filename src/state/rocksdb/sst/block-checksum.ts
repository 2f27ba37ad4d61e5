// The checksum that RocksDB puts behind each block of an SST file: the lower half of XXH3, with the byte that says how the
// block is compressed mixed in, and since format 6 with the file and the place, so that no block passes for another.

import {createXXHash3, type IHasher} from 'hash-wasm';

/** Of RocksDB's own (util/xxhash, table/format.cc): the last byte is multiplied by it. */
const LAST_BYTE_PRIME = 0x6b90_83d9;

/** One for the process: each has some gigabytes of address space. It is asked for a block at a time, in one go. */
let loaded: Promise<BlockChecksum> | null = null;

export class BlockChecksum {
  readonly #hasher: IHasher;

  private constructor(hasher: IHasher) {
    this.#hasher = hasher;
  }

  static async load(): Promise<BlockChecksum> {
    loaded ??= createXXHash3().then((hasher) => new BlockChecksum(hasher));
    return loaded;
  }

  /** Unsigned. `base`: of the file; `offset`: where the block begins in it. */
  of(block: Uint8Array, lastByte: number, base: number, offset: number): number {
    this.#hasher.init();
    this.#hasher.update(block);
    // Most significant byte first.
    const digest = this.#hasher.digest('binary');
    const lower = (digest[4]! << 24) | (digest[5]! << 16) | (digest[6]! << 8) | digest[7]!;
    const place = base ^ (Math.floor(offset / 4294967296) + offset);
    return ((lower ^ Math.imul(lastByte, LAST_BYTE_PRIME)) + place) >>> 0;
  }
}
