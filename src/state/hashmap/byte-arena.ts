import {SharedRegion} from './shared-region.ts';

/** Addresses count words of 4 bytes, so that they fit an int; word 0 is never used. */
export const ADDRESS_BYTES = 4;
const GARBAGE_BYTES_MIN = 1024 * 1024;

/** Strings of a table, one behind the other in shared memory; never moved while a snapshot reads them. */
export class ByteArena {
  bytes: Uint8Array;
  /** Bytes that no row refers to any more. */
  garbageBytes = 0;
  readonly region: SharedRegion;
  #used = ADDRESS_BYTES;

  constructor(what: string) {
    this.region = new SharedRegion(`the strings of ${what}`);
    this.bytes = new Uint8Array(0);
  }

  get sizeBytes(): number {
    return this.#used;
  }

  /** More garbage than content. */
  get wasteful(): boolean {
    return this.garbageBytes > GARBAGE_BYTES_MIN && this.garbageBytes * 2 > this.#used;
  }

  /** So much more that moving the content is worth copies of all pages for the snapshots that read them. */
  get mostlyGarbage(): boolean {
    return this.garbageBytes > GARBAGE_BYTES_MIN && this.garbageBytes * 8 > this.#used * 7;
  }

  /** Forgets all strings; nobody may still read them. */
  clear(): void {
    this.#used = ADDRESS_BYTES;
    this.garbageBytes = 0;
  }

  /** Copies bytes [start, end) into it; returns their address. */
  append(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#used;
    const next = at + paddedLength(end - start);
    if (next > this.bytes.length) this.#grow(next);
    this.write(at, bytes, start, end);
    this.#used = next;
    return at / ADDRESS_BYTES;
  }

  write(at: number, bytes: Uint8Array, start: number, end: number): void {
    const target = this.bytes;
    if (end - start > 64) {
      target.set(bytes.subarray(start, end), at);
      return;
    }
    for (let from = start, to = at; from < end; from += 1, to += 1) target[to] = bytes[from]!;
  }

  #grow(bytes: number): void {
    this.region.ensure(bytes);
    this.bytes = new Uint8Array(this.region.buffer, 0, this.region.buffer.byteLength);
  }
}

/** What a string of `length` bytes takes in the arena. */
export function paddedLength(length: number): number {
  return (length + ADDRESS_BYTES - 1) & -ADDRESS_BYTES;
}
