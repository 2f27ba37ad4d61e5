// What a MANIFEST of RocksDB says: which SST files make up the database, by column family and level, and which keys they span.
// Nothing else of it is looked at.
//
//   log      blocks of 32 KiB; in a block records: 4 bytes masked CRC-32C of type and bytes, 2 bytes length, 1 byte type
//            (1 whole, 2 first, 3 middle, 4 last), then the bytes; fewer than 7 bytes at the end of a block are filled up
//   record   one version edit: pairs of tag (varint) and what belongs to the tag (db/version_edit.h of RocksDB 10)
//
// The CRCs are looked at here: a live database does not read its MANIFEST, so RocksDB would find out about damage when it opens
// a checkpoint of it. What follows the last whole edit is not part of the log: somebody is just writing it, or its length is damaged.

import {maskedCrc32c} from './crc32c.ts';
import {userKeyOf} from './sst/internal-key.ts';
import {EngineError} from '../../base/errors.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Log number, next file, last sequence, previous log, oldest log, highest family, edits left in an atomic group. */
const NUMBERS = new Set([2, 3, 4, 9, 10, 203, 300]);
const COMPARATOR = 1;
/** The family that is there without being added. */
const DEFAULT_FAMILY = 'default';
/** A tag with this bit is followed by its length, so that a reader can pass over it. */
const PASSABLE = 1 << 13;

export interface LiveFile {
  readonly family: string;
  readonly level: number;
  readonly number: number;
  /** The user keys at both ends. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

export interface ManifestContent {
  /** In the order in which they were added. */
  readonly files: readonly LiveFile[];
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
  const live: LiveFiles = {names: new Map([[0, DEFAULT_FAMILY]]), files: new Map()};
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
  const files = [...live.files.values()];
  const liveFiles = [...new Set(files.map(({number}) => number))].sort(
    (left, right) => left - right,
  );
  return {files, liveFiles, length, isTorn: bytes.subarray(length).some((byte) => byte !== 0)};
}

/** By the number of its family, its level and its own number: `1/0/12`. */
interface LiveFiles {
  readonly names: Map<number, string>;
  readonly files: Map<string, LiveFile>;
}

type AddedFile = Omit<LiveFile, 'family'>;

function applyEdit(edit: Uint8Array, live: LiveFiles, path: string, at: number): void {
  const {family, name, isDropped, deleted, added} = readEdit(edit, (what) =>
    strange(path, at, what),
  );
  const {names, files} = live;
  if (name !== null) names.set(family, name);
  for (const place of deleted) files.delete(`${family}/${place}`);
  for (const file of added) {
    const place = `${family}/${file.level}/${file.number}`;
    files.set(place, {...file, family: names.get(family) ?? ''});
  }
  if (!isDropped) return;
  for (const place of files.keys()) if (place.startsWith(`${family}/`)) files.delete(place);
}

interface VersionEdit {
  family: number;
  /** Of a family that is added. */
  name: string | null;
  isDropped: boolean;
  /** `level/number`. */
  readonly deleted: string[];
  readonly added: AddedFile[];
}

function readEdit(bytes: Uint8Array, fail: (what: string) => Error): VersionEdit {
  const reader = new EditReader(bytes, fail);
  const edit: VersionEdit = {family: 0, name: null, isDropped: false, deleted: [], added: []};
  while (!reader.ended) {
    const tag = reader.varint();
    switch (tag) {
      case 5: // compaction cursor
        reader.varint();
        reader.slice();
        break;
      case 6: // deleted file
        edit.deleted.push(`${reader.varint()}/${reader.varint()}`);
        break;
      case 103: // new file
        edit.added.push(reader.newFile());
        break;
      case 200: // column family
        edit.family = reader.varint();
        break;
      case 201: // column family added
        edit.name = new TextDecoder().decode(reader.slice());
        break;
      case 202: // column family dropped
        edit.isDropped = true;
        break;
      default:
        if (NUMBERS.has(tag)) reader.varint();
        else if (tag === COMPARATOR || (tag & PASSABLE) !== 0) reader.slice();
        else throw fail(`an edit with the unknown tag ${tag}`);
    }
  }
  return edit;
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

  /** A view. */
  slice(): Uint8Array {
    const length = this.varint();
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw this.#fail('an edit that ends within a text');
    return this.#bytes.subarray(start, this.#at);
  }

  newFile(): AddedFile {
    const level = this.varint();
    const number = this.varint();
    this.varint();
    const smallest = userKeyOf(this.slice());
    const largest = userKeyOf(this.slice());
    this.varint();
    this.varint();
    for (let tag = this.varint(); tag !== 1; tag = this.varint()) this.slice();
    return {level, number, smallest, largest};
  }
}

function strange(path: string, at: number, what: string): EngineError {
  return new EngineError('STORAGE_FAILED', `${path} is not understood at byte ${at}: ${what}`, {
    file: path,
    hint: 'The job resumes from its newest checkpoint. Check the disk, and the version of rocksdb-native.',
  });
}
