// What a MANIFEST of RocksDB says: which SST files make up the database. Nothing else of it is looked at.
//
//   log      blocks of 32 KiB; in a block records: 4 bytes masked CRC-32C of type and bytes, 2 bytes length, 1 byte type
//            (1 whole, 2 first, 3 middle, 4 last), then the bytes; fewer than 7 bytes at the end of a block are filled up
//   record   one version edit: pairs of tag (varint) and what belongs to the tag (db/version_edit.h of RocksDB 10)
//
// The CRCs are looked at here: a live database does not read its MANIFEST, so RocksDB would find out about damage when it opens
// a checkpoint of it. What follows the last whole edit is not part of the log: somebody is just writing it, or its length is damaged.

import {maskedCrc32c} from './crc32c.ts';
import {EngineError} from '../../base/errors.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Log number, next file, last sequence, previous log, oldest log, highest family, edits left in an atomic group. */
const NUMBERS = new Set([2, 3, 4, 9, 10, 203, 300]);
/** Comparator, name of an added family. */
const TEXTS = new Set([1, 201]);
/** A tag with this bit is followed by its length, so that a reader can pass over it. */
const PASSABLE = 1 << 13;

export interface ManifestContent {
  /** Numbers of the SST files that are alive, ascending. */
  readonly liveFiles: readonly number[];
  /** Bytes of whole edits. */
  readonly length: number;
  /** Something follows them: read again, it is whole, or it is damaged. */
  readonly isTorn: boolean;
}

/** The name of SST file `number` in its database. */
export function tableFileName(number: number): string {
  return `${String(number).padStart(6, '0')}.sst`;
}

export function readManifest(bytes: Uint8Array, path: string): ManifestContent {
  const live = new Map<string, number>();
  let parts: Uint8Array[] = [];
  let length = 0;
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const size = bytes[at + 4]! | (bytes[at + 5]! << 8);
    const type = bytes[at + 6]!;
    const start = at + HEADER_BYTES;
    if (type === 0 && size === 0) break;
    if (type < WHOLE || type > LAST || HEADER_BYTES + size > left) {
      throw strange(path, at, `a record of type ${type} with ${size} bytes`);
    }
    if (start + size > bytes.length) break;
    if (maskedCrc32c(bytes.subarray(at + 6, start + size)) !== uint32At(bytes, at)) {
      throw strange(path, at, 'a record with another checksum');
    }
    if (type === WHOLE || type === FIRST) parts = [];
    parts.push(bytes.subarray(start, start + size));
    at = start + size;
    if (type === FIRST || type === MIDDLE) continue;
    applyEdit(Buffer.concat(parts), live, path, at);
    parts = [];
    length = at;
  }
  const liveFiles = [...new Set(live.values())].sort((left, right) => left - right);
  return {liveFiles, length, isTorn: bytes.subarray(length).some((byte) => byte !== 0)};
}

function applyEdit(edit: Uint8Array, live: Map<string, number>, path: string, at: number): void {
  const reader = new EditReader(edit, (what) => strange(path, at, what));
  let family = 0;
  const deleted: string[] = [];
  const added: [level: number, file: number][] = [];
  let isDropped = false;
  while (!reader.ended) {
    const tag = reader.varint();
    switch (tag) {
      case 5: // compaction cursor
        reader.varint();
        reader.slice();
        break;
      case 6: // deleted file
        deleted.push(`${reader.varint()}/${reader.varint()}`);
        break;
      case 103: // new file
        added.push(reader.newFile());
        break;
      case 200: // column family
        family = reader.varint();
        break;
      case 202: // column family dropped
        isDropped = true;
        break;
      default:
        if (NUMBERS.has(tag)) reader.varint();
        else if (TEXTS.has(tag) || (tag & PASSABLE) !== 0) reader.slice();
        else throw strange(path, at, `an edit with the unknown tag ${tag}`);
    }
  }
  for (const place of deleted) live.delete(`${family}/${place}`);
  for (const [level, file] of added) live.set(`${family}/${level}/${file}`, file);
  if (!isDropped) return;
  for (const place of live.keys()) if (place.startsWith(`${family}/`)) live.delete(place);
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

class EditReader {
  readonly #bytes: Uint8Array;
  readonly #fail: (what: string) => Error;
  #at = 0;

  constructor(bytes: Uint8Array, fail: (what: string) => Error) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Up to 2^53; sequence numbers above it lose their low bits, which nobody looks at. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw this.#fail('an edit that ends within a number');
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.#fail('a number of more than 64 bits');
  }

  slice(): void {
    const length = this.varint();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw this.#fail('an edit that ends within a text');
  }

  newFile(): [level: number, file: number] {
    const level = this.varint();
    const file = this.varint();
    this.varint();
    this.slice();
    this.slice();
    this.varint();
    this.varint();
    for (let tag = this.varint(); tag !== 1; tag = this.varint()) this.slice();
    return [level, file];
  }
}

function strange(path: string, at: number, what: string): EngineError {
  return new EngineError('STORAGE_FAILED', `${path} is not understood at byte ${at}: ${what}`, {
    file: path,
    hint: 'The job resumes from its newest checkpoint. Check the disk, and the version of rocksdb-native.',
  });
}
