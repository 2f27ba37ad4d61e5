// SST files and MANIFESTs in RocksDB's layout (src/state/rocksdb/sst), small and by hand, so that a test has what RocksDB would not
// write; and what stands beside them.

import {BlockChecksum} from '#src/state/rocksdb/sst/block-checksum.js';
import {maskedCrc32c} from '#src/state/rocksdb/crc32c.js';

const loading = BlockChecksum.load();

export interface SstEntry {
  readonly key: Uint8Array;
  /** Null: a deletion. */
  readonly value: Uint8Array | null;
  readonly sequence: number;
  /** Instead of the one that a value or a deletion has. */
  readonly kind?: number;
}

export interface SstOptions {
  /** Entries of a block. */
  readonly blockEntries?: number;
  /** Keys of a block begin with the bytes of the one before, as far as they can. */
  readonly shared?: boolean;
  readonly compression?: number;
  readonly format?: number;
  readonly indexType?: number;
  readonly rangeDeletions?: boolean;
  /** Keys of the index with their suffix, and places without differences. */
  readonly plainIndex?: boolean;
  /** In the properties; 7 by default. */
  readonly number?: number;
  /** Changes the bytes of block `index`, in the order of the file, before its checksum is made. */
  readonly spoil?: (block: number[], index: number) => void;
}

const BASE = 0x1234_5678;
const MAGIC = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];

/** `entries`: in their order. */
export async function sstBytes(
  entries: readonly SstEntry[],
  options: SstOptions = {},
): Promise<Uint8Array> {
  const checksum = await loading;
  const {blockEntries = 3, shared = true, compression = 0, plainIndex = false} = options;
  const bytes: number[] = [];
  let blocks = 0;
  const append = (block: number[]): {offset: number; size: number} => {
    const offset = bytes.length;
    options.spoil?.(block, blocks);
    blocks += 1;
    const sum = checksum.of(Uint8Array.from(block), compression, BASE, offset);
    bytes.push(...block, compression, ...uint32(sum));
    return {offset, size: block.length};
  };
  const index: {key: number[]; offset: number; size: number}[] = [];
  for (let from = 0; from < entries.length; from += blockEntries) {
    const part = entries.slice(from, from + blockEntries);
    const place = append(
      block(
        part.map((entry) => [internalKey(entry), entry.value ?? []]),
        shared,
      ),
    );
    index.push({key: internalKey(part.at(-1)!), ...place});
  }
  const place = append(plainIndex ? plainIndexBlock(index) : deltaIndexBlock(index));
  const flag = plainIndex ? [0] : [1];
  const properties = append(
    block([
      [text('rocksdb.block.based.table.index.type'), uint32(options.indexType ?? 0)],
      [text('rocksdb.index.key.is.user.key'), flag],
      [text('rocksdb.index.value.is.delta.encoded'), flag],
      [text('rocksdb.original.file.number'), varint(options.number ?? 7)],
    ]),
  );
  const handle = ({offset, size}: typeof place): number[] => [...varint(offset), ...varint(size)];
  const metaindex = append(
    block([
      [text('rocksdb.index'), handle(place)],
      [text('rocksdb.properties'), handle(properties)],
      ...(options.rangeDeletions === true
        ? [[text('rocksdb.range_del'), handle(properties)] as const]
        : []),
    ]),
  );
  return Uint8Array.from([
    ...bytes,
    ...footer(checksum, bytes.length, metaindex.size, options.format ?? 6),
  ]);
}

export interface ManifestTable {
  readonly family: string;
  readonly number: number;
  readonly level: number;
  /** Of the file; 1 by default. */
  readonly bytes?: number;
  /** User keys; empty: none is told. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** One edit for each family, one for each table. */
export function manifestBytes(
  families: readonly string[],
  tables: readonly ManifestTable[],
): Uint8Array {
  const familyOf = (name: string): number[] =>
    name === 'default' ? [] : [...varint(200), placeOf(name)];
  const placeOf = (name: string): number => {
    const index = families.indexOf(name);
    return (index < 0 ? families.length : index) + 1;
  };
  const end = (key: Uint8Array): number[] =>
    lengthed(key.length === 0 ? [] : [...key, ...suffix(1, 1)]);
  const edits = [
    // Log number, next file, last sequence; not of a store that has no families, whose files are not RocksDB's.
    ...(families.length === 0 ? [] : [[2, 0, 3, 99, 4, 99]]),
    ...families.map((name) => [...familyOf(name), ...varint(201), ...lengthed([...text(name)])]),
    ...tables.map(({family, number, level, bytes = 1, smallest, largest}) => [
      ...[...familyOf(family), 103, level, ...varint(number), ...varint(bytes)],
      ...[...end(smallest), ...end(largest), 0, 0, 1],
    ]),
  ];
  return Uint8Array.from(
    edits.flatMap((edit) => {
      const crc = maskedCrc32c(Uint8Array.from([1, ...edit]));
      return [...uint32(crc), edit.length & 0xff, edit.length >> 8, 1, ...edit];
    }),
  );
}

function internalKey({key, value, sequence, kind}: SstEntry): number[] {
  return [...key, ...suffix(kind ?? (value === null ? 0 : 1), sequence)];
}

function suffix(kind: number, sequence: number): number[] {
  return [kind, ...uint32(sequence), ...[0, 0, 0]];
}

type Pair = readonly [key: ArrayLike<number>, value: ArrayLike<number>];

function block(pairs: readonly Pair[], shared = false): number[] {
  const bytes: number[] = [];
  let before: ArrayLike<number> = [];
  for (const [key, value] of pairs) {
    let common = 0;
    while (
      shared &&
      common < Math.min(before.length, key.length) &&
      before[common] === key[common]
    ) {
      common += 1;
    }
    const further = Array.from(key).slice(common);
    bytes.push(...varint(common), ...varint(further.length), ...varint(value.length));
    bytes.push(...further, ...Array.from(value));
    before = key;
  }
  return [...bytes, ...uint32(0), ...uint32(1)];
}

interface IndexEntry {
  readonly key: number[];
  readonly offset: number;
  readonly size: number;
}

/** The first place in full, then differences of lengths where the keys have a byte in common. */
function deltaIndexBlock(index: readonly IndexEntry[]): number[] {
  const bytes: number[] = [];
  let before: IndexEntry | null = null;
  for (const entry of index) {
    const key = entry.key.slice(0, -8);
    const own = before?.key.slice(0, -8) ?? [];
    const common = key.findIndex((byte, at) => byte !== own[at]);
    const sharedBytes =
      before === null ? 0 : common < 0 ? Math.min(key.length, own.length) : common;
    const further = key.slice(sharedBytes);
    bytes.push(...varint(sharedBytes), ...varint(further.length), ...further);
    if (sharedBytes === 0) bytes.push(...varint(entry.offset), ...varint(entry.size));
    else {
      const difference = entry.size - before!.size;
      bytes.push(...varint(difference < 0 ? -difference * 2 - 1 : difference * 2));
    }
    before = entry;
  }
  return [...bytes, ...uint32(0), ...uint32(1)];
}

function plainIndexBlock(index: readonly IndexEntry[]): number[] {
  return block(
    index.map(({key, offset, size}): Pair => [key, [...varint(offset), ...varint(size)]]),
  );
}

function footer(
  checksum: BlockChecksum,
  offset: number,
  metaindexSize: number,
  format: number,
): number[] {
  const bytes = [4, 0x3e, 0, 0x7a, 0, ...uint32(0), ...uint32(BASE), ...uint32(metaindexSize)];
  bytes.push(...new Array<number>(24).fill(0), ...uint32(format), ...MAGIC);
  const sum = checksum.of(Uint8Array.from(bytes.slice(0, -1)), bytes.at(-1)!, BASE, offset);
  bytes.splice(5, 4, ...uint32(sum));
  return bytes;
}

function lengthed(bytes: readonly number[]): number[] {
  return [...varint(bytes.length), ...bytes];
}

function uint32(value: number): number[] {
  return [value, value >>> 8, value >>> 16, value >>> 24].map((part) => part & 0xff);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
