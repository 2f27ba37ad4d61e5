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
import {LiveFiles, type LiveFile, type VersionEdit} from './live-files.ts';
import {userKeyOf} from './sst/internal-key.ts';
import {EngineError} from '../../base/errors.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Log number, next file and last sequence: each MANIFEST begins with them. */
const FIRST_COUNTERS = [2, 3, 4];
/** Those, previous log, oldest log, highest family, edits left in an atomic group. */
const COUNTERS = new Set([...FIRST_COUNTERS, 9, 10, 203, 300]);
const COMPARATOR = 1;
/** A tag with this bit is followed by its length, so that a reader can pass over it. */
const PASSABLE = 1 << 13;

/** A tag of a new file with this bit may not be passed over. */
const NEEDED = 1 << 6;
const END_OF_FILE = 1;

export interface ManifestContent {
  /** Column families that are there. */
  readonly families: readonly string[];
  readonly files: readonly LiveFile[];
  /** It has what each MANIFEST begins with: else it is none, whatever its files. */
  readonly isBegun: boolean;
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
  const live = new LiveFiles();
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
    else if (parts.length === 0) throw strange(path, at, 'the end of an edit that did not begin');
    parts.push(bytes.subarray(start, start + size));
    at = start + size;
    if (type === FIRST || type === MIDDLE) continue;
    const fail = (what: string): Error => strange(path, at, what);
    live.apply(readEdit(Buffer.concat(parts), fail), fail);
    parts = [];
    length = at;
  }
  const {families, files} = live;
  return {
    ...{families, files, length},
    isBegun: live.hasCounters(FIRST_COUNTERS),
    liveFiles: files.map(({number}) => number).sort((left, right) => left - right),
    isTorn: bytes.subarray(length).some((byte) => byte !== 0),
  };
}

function readEdit(bytes: Uint8Array, fail: (what: string) => Error): VersionEdit {
  const reader = new EditReader(bytes, fail);
  const edit: VersionEdit = {
    ...{family: 0, name: null, isDropped: false},
    ...{counters: [], deleted: [], added: []},
  };
  while (!reader.ended) {
    const tag = reader.varint();
    switch (tag) {
      case 5: // compaction cursor
        reader.varint();
        reader.slice();
        break;
      case 6: // deleted file
        edit.deleted.push({level: reader.varint(), number: reader.varint()});
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
        if (COUNTERS.has(tag)) {
          edit.counters.push(tag);
          reader.varint();
        } else if (tag === COMPARATOR || (tag & PASSABLE) !== 0) reader.slice();
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

  newFile(): Omit<LiveFile, 'family'> {
    const level = this.varint();
    const number = this.varint();
    const bytes = this.varint();
    const smallest = userKeyOf(this.slice());
    const largest = userKeyOf(this.slice());
    this.varint();
    this.varint();
    for (let tag = this.varint(); tag !== END_OF_FILE; tag = this.varint()) {
      if ((tag & NEEDED) !== 0) throw this.#fail(`a file with the unknown tag ${tag}`);
      this.slice();
    }
    return {level, number, bytes, smallest, largest};
  }
}

function strange(path: string, at: number, what: string): EngineError {
  return new EngineError('STORAGE_FAILED', `${path} is not understood at byte ${at}: ${what}`, {
    file: path,
    hint: 'The job resumes from its newest checkpoint. Check the disk, and the version of rocksdb-native.',
  });
}
