// An SST file of RocksDB, as this binding writes it: format 6, blocks without compression, one index, which is sorted.
// What it has that is not read here (another index, compression, deletions of ranges, merges) is refused, not guessed.
//
//   blocks    entries of the table; then filter, index and properties, each a block
//   metaindex names of the latter, and where they are
//   footer    53 bytes: kind of checksum, 3e 00 7a 00, the footer's own checksum, what is mixed into each, bytes of the
//             metaindex, which ends before the footer; from byte 41 on format and magic number
//
// Source: table/format.cc, table/block_based of RocksDB 10.5.

import type {BlockChecksum} from './block-checksum.ts';
import {BlockReader, TRAILER_BYTES, uint32At} from './block.ts';
import {KEY_SUFFIX_BYTES} from './internal-key.ts';
import type {TableProblem} from './table-problem.ts';
import {PackedList} from '../packed-list.ts';
import {closeQuietly} from '../../../storage/durable-file.ts';
import type {FileHandle} from '../../../storage/file-system.ts';

const FOOTER_BYTES = 53;
const FORMAT_AT = 41;
const MAGIC = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];
const EXTENDED_MAGIC = 0x007a_003e;
/** Of what is read at once and kept in parts: of a table of 1 GiB the index has some megabytes. */
const META_BYTES_MAX = 64 * 1024 * 1024;
/** Of entries: one may have a long text. */
const BLOCK_BYTES_MAX = 256 * 1024 * 1024;
const XXH3 = 4;
const NOT_COMPRESSED = 0;

/** Of a block, without its trailer. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

interface Footer {
  readonly metaindex: BlockHandle;
  /** Mixed into each checksum. */
  readonly base: number;
}

/** The blocks with the entries of the table, in the order of their keys. */
export interface BlockIndex {
  readonly offsets: Float64Array;
  readonly sizes: Float64Array;
  /** Of block i: no user key in it is above, none of the next is below. */
  readonly lastKeys: PackedList;
}

/** What the MANIFEST says of a file: another one in its place is found. */
export interface SstIdentity {
  readonly number: number;
  readonly bytes: number;
}

export class SstFile {
  readonly problem: TableProblem;
  readonly #handle: FileHandle;
  readonly #checksum: BlockChecksum;
  #base = 0;
  /** What the metaindex names: the index, properties, the filter. */
  #parts: readonly BlockHandle[] = [];
  #index: BlockIndex = {
    offsets: new Float64Array(0),
    sizes: new Float64Array(0),
    lastKeys: new PackedList(),
  };

  private constructor(handle: FileHandle, checksum: BlockChecksum, problem: TableProblem) {
    this.#handle = handle;
    this.#checksum = checksum;
    this.problem = problem;
  }

  /** Owns `handle` from then on, also when it throws. */
  static async open(
    handle: FileHandle,
    checksum: BlockChecksum,
    identity: SstIdentity,
    problem: TableProblem,
  ): Promise<SstFile> {
    const file = new SstFile(handle, checksum, problem);
    try {
      await file.#readIndex(identity);
      return file;
    } catch (error) {
      await closeQuietly(handle);
      throw error;
    }
  }

  get index(): BlockIndex {
    return this.#index;
  }

  /** Blocks `first` to `last` of the index, each with its trailer, one behind the other as in the file; compared. */
  async readBlocks(first: number, last: number): Promise<Uint8Array> {
    const {offsets, sizes} = this.#index;
    const start = offsets[first]!;
    const bytes = await this.#read(start, offsets[last]! + sizes[last]! + TRAILER_BYTES - start);
    for (let block = first; block <= last; block += 1) {
      const at = offsets[block]! - start;
      this.#compare(bytes, at, {offset: offsets[block]!, size: sizes[block]!});
    }
    return bytes;
  }

  /** Compares what the metaindex names, also what no reader of entries needs. */
  async checkParts(): Promise<void> {
    for (const part of this.#parts) await this.#readPart(part);
  }

  async close(): Promise<void> {
    await closeQuietly(this.#handle);
  }

  async #readIndex({bytes: fileBytes, number}: SstIdentity): Promise<void> {
    const {metaindex, base} = await this.#readFooter(fileBytes);
    this.#base = base;
    // What is read lies before the footer: a length is at most that of the file.
    const within = (handle: BlockHandle): BlockHandle => {
      if (handle.offset + handle.size + TRAILER_BYTES + FOOTER_BYTES <= fileBytes) return handle;
      throw this.problem.damaged(handle.offset, 'a block ends behind the end of the file');
    };
    const parts = await this.#readMetaindex(within(metaindex));
    const properties = await this.#readProperties(within(this.#part(parts, 'rocksdb.properties')));
    const own = varintIn(properties.get('rocksdb.original.file.number'));
    if (own !== number) {
      throw this.problem.damaged(0, `the file is number ${own ?? 'none'}, and not ${number}`);
    }
    this.#parts = [...parts.values()].map(within);
    if (parts.has('rocksdb.range_del')) throw this.problem.unknown('deletions of ranges');
    const index = within(this.#part(parts, 'rocksdb.index'));
    const found = await this.#readIndexBlock(index, properties);
    let end = 0;
    for (const [block, offset] of found.offsets.entries()) {
      // In the order of the file, with nothing between.
      if (offset !== end)
        throw this.problem.damaged(offset, 'a block does not begin where one ends');
      const size = found.sizes[block]!;
      if (size > BLOCK_BYTES_MAX) throw this.problem.damaged(offset, `a block has ${size} bytes`);
      end = offset + within({offset, size}).size + TRAILER_BYTES;
    }
    this.#index = found;
  }

  async #readFooter(fileBytes: number): Promise<Footer> {
    const offset = fileBytes - FOOTER_BYTES;
    if (offset < 0) throw this.problem.damaged(0, `there are only ${fileBytes} bytes`);
    const bytes = await this.#read(offset, FOOTER_BYTES);
    if (MAGIC.some((byte, index) => bytes[FOOTER_BYTES - MAGIC.length + index] !== byte)) {
      throw this.problem.damaged(offset, 'there is no footer of an SST file');
    }
    const format = uint32At(bytes, FORMAT_AT);
    if (bytes[0] !== XXH3) throw this.problem.unknown(`checksums of kind ${bytes[0]}`);
    if (format !== 6 || uint32At(bytes, 1) !== EXTENDED_MAGIC) {
      throw this.problem.unknown(`format ${format}`);
    }
    const base = uint32At(bytes, 9);
    const expected = uint32At(bytes, 5);
    bytes.fill(0, 5, 9);
    const last = bytes[FOOTER_BYTES - 1]!;
    const found = this.#checksum.of(bytes.subarray(0, FOOTER_BYTES - 1), last, base, offset);
    if (found !== expected) throw this.problem.damaged(offset, 'the footer has another checksum');
    const size = uint32At(bytes, 13);
    if (size + TRAILER_BYTES > offset) {
      throw this.problem.damaged(offset, 'the metaindex is longer than the file');
    }
    return {metaindex: {offset: offset - TRAILER_BYTES - size, size}, base};
  }

  async #readMetaindex(handle: BlockHandle): Promise<ReadonlyMap<string, BlockHandle>> {
    const reader = await this.#readMeta(handle);
    const parts = new Map<string, BlockHandle>();
    while (!reader.ended) {
      const {key} = reader.key(true);
      parts.set(new TextDecoder().decode(key), readHandle(reader));
    }
    return parts;
  }

  async #readProperties(handle: BlockHandle): Promise<ReadonlyMap<string, Uint8Array>> {
    const reader = await this.#readMeta(handle);
    const properties = new Map<string, Uint8Array>();
    while (!reader.ended) {
      const {key, valueBytes} = reader.key(true);
      properties.set(new TextDecoder().decode(key), reader.value(valueBytes));
    }
    const kind = properties.get('rocksdb.block.based.table.index.type');
    if (kind?.some((byte) => byte !== 0) !== false) throw this.problem.unknown('another index');
    if (properties.has('rocksdb.external_sst_file.global_seqno')) {
      throw this.problem.unknown('entries that were made elsewhere');
    }
    return properties;
  }

  async #readIndexBlock(
    handle: BlockHandle,
    properties: ReadonlyMap<string, Uint8Array>,
  ): Promise<BlockIndex> {
    const isDelta = isSet(properties, 'rocksdb.index.value.is.delta.encoded');
    const isUserKey = isSet(properties, 'rocksdb.index.key.is.user.key');
    const reader = await this.#readMeta(handle);
    const offsets: number[] = [];
    const sizes: number[] = [];
    const lastKeys = new PackedList();
    while (!reader.ended) {
      const {key, shared} = reader.key(!isDelta);
      const before = offsets.length - 1;
      if (isDelta && shared > 0 && before >= 0) {
        offsets.push(offsets[before]! + sizes[before]! + TRAILER_BYTES);
        sizes.push(sizes[before]! + reader.signedVarint());
      } else {
        const {offset, size} = readHandle(reader);
        offsets.push(offset);
        sizes.push(size);
      }
      if (sizes.at(-1)! < 0) throw reader.damaged('a block has a length below zero');
      lastKeys.add(key, 0, isUserKey ? key.length : Math.max(0, key.length - KEY_SUFFIX_BYTES));
    }
    return {offsets: Float64Array.from(offsets), sizes: Float64Array.from(sizes), lastKeys};
  }

  #part(parts: ReadonlyMap<string, BlockHandle>, name: string): BlockHandle {
    const handle = parts.get(name);
    if (handle === undefined) throw this.problem.unknown(`no ${name}`);
    return handle;
  }

  async #readMeta(handle: BlockHandle): Promise<BlockReader> {
    if (handle.size > META_BYTES_MAX) {
      throw this.problem.damaged(handle.offset, `an index has ${handle.size} bytes`);
    }
    return new BlockReader(await this.#readPart(handle), handle.offset, this.problem);
  }

  /** Compared. */
  async #readPart(handle: BlockHandle): Promise<Uint8Array> {
    const bytes = await this.#read(handle.offset, handle.size + TRAILER_BYTES);
    this.#compare(bytes, 0, handle);
    return bytes.subarray(0, handle.size);
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const count = await this.#handle.read(bytes, 0, length, offset);
    if (count === length) return bytes;
    throw this.problem.damaged(offset + count, 'the file ends');
  }

  /** The block at `at` of `bytes`, with its trailer. */
  #compare(bytes: Uint8Array, at: number, {offset, size}: BlockHandle): void {
    const end = at + size;
    const compression = bytes[end]!;
    const found = this.#checksum.of(bytes.subarray(at, end), compression, this.#base, offset);
    if (found !== uint32At(bytes, end + 1)) {
      throw this.problem.damaged(offset, 'a block has another checksum');
    }
    if (compression !== NOT_COMPRESSED) throw this.problem.unknown('compressed blocks');
  }
}

function readHandle(reader: BlockReader): BlockHandle {
  return {offset: reader.varint(), size: reader.varint()};
}

/** Null: there is none. */
function varintIn(bytes: Uint8Array | undefined): number | null {
  if (bytes === undefined) return null;
  let value = 0;
  for (const [index, byte] of bytes.entries()) value += (byte & 0x7f) * 128 ** index;
  return value;
}

function isSet(properties: ReadonlyMap<string, Uint8Array>, name: string): boolean {
  return properties.get(name)?.[0] === 1;
}
