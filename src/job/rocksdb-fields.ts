// The fields of `state.rocksdb`: Flink's, as far as the binding can set them, and `cache-size`, which is our own.

import type {FieldSpec} from './field-spec.ts';

/** What each name sets where the job says nothing else; of Flink's presets the part that the binding can set. */
export const PREDEFINED_OPTIONS = {
  default: {backgroundThreads: 2, writeBufferCount: 2, blockSize: 8192},
  'spinning-disk-optimized': {backgroundThreads: 4, writeBufferCount: 2, blockSize: 8192},
  'spinning-disk-optimized-high-mem': {
    backgroundThreads: 4,
    writeBufferCount: 4,
    blockSize: 128 * 1024,
  },
  'flash-ssd-optimized': {backgroundThreads: 4, writeBufferCount: 2, blockSize: 8192},
} as const;

export const ROCKSDB_FIELDS: readonly FieldSpec[] = [
  {
    name: 'predefined-options',
    type: {kind: 'choice', values: Object.keys(PREDEFINED_OPTIONS)},
    default: 'default',
    description: 'Settings for a kind of disk; what is written beside it holds before it.',
    example: 'flash-ssd-optimized',
  },
  {
    name: 'cache-size',
    type: {kind: 'size'},
    default: '256mb',
    description: 'Rows of each table that each subtask keeps in memory.',
    example: '256mb',
  },
  {
    name: 'write-buffer-size',
    type: {kind: 'size'},
    default: '32mb',
    description: 'Of one memtable.',
    example: '32mb',
  },
  {
    name: 'write-buffer-count',
    type: {kind: 'count', minimum: 1, maximum: 64},
    description:
      'Memtables of each table before writing waits; 2, or as the predefined options say.',
    example: '2',
  },
  {
    name: 'background-threads',
    type: {kind: 'count', minimum: 1, maximum: 256},
    description: 'Flushes and compactions at once; 2, or as the predefined options say.',
    example: '4',
  },
  {
    name: 'open-files',
    type: {kind: 'count', minimum: -1, maximum: 1_000_000},
    default: -1,
    description: 'Files that RocksDB keeps open; -1: all.',
    example: '-1',
  },
  {
    name: 'block-size',
    type: {kind: 'size'},
    description: 'Of a block of an SST file; 8 KiB, or as the predefined options say.',
    example: '8kb',
  },
  {
    name: 'use-bloom-filter',
    type: {kind: 'boolean'},
    default: true,
    description: 'Keys that are not there cost no read from the disk.',
    example: 'true',
  },
  {
    name: 'bloom-filter-bits-per-key',
    type: {kind: 'number', minimum: 1, maximum: 64},
    default: 10,
    description: 'More: fewer reads in vain, more memory.',
    example: '10',
  },
  {
    name: 'transfer-threads',
    type: {kind: 'count', minimum: 1, maximum: 64},
    default: 4,
    description: 'Files that each operator copies at once, into a checkpoint and out of it.',
    example: '4',
  },
  {
    name: 'local-directories',
    type: {kind: 'list', of: {kind: 'path'}},
    description:
      'Where live databases lie, subtask by subtask in turn; without it in the job directory, beside the checkpoints.',
    example: '[/mnt/ssd/tidemark]',
  },
];

const NOT_IN_BINDING = 'the binding rocksdb-native cannot set it';

/** Options of RocksDB that someone may expect here, and why each is refused. */
export const REFUSED_ROCKSDB_FIELDS: ReadonlyMap<string, string> = new Map([
  ['block-cache-size', `${NOT_IN_BINDING}; it is 32 MiB, and cache-size bounds the rows before it`],
  ['compression', `${NOT_IN_BINDING}; SST files are not compressed`],
  ['compression-per-level', `${NOT_IN_BINDING}; SST files are not compressed`],
  ['compaction-style', `${NOT_IN_BINDING}; it is level compaction`],
  ['target-file-size-base', NOT_IN_BINDING],
  ['max-size-level-base', NOT_IN_BINDING],
  ['write-buffer-number-to-merge', NOT_IN_BINDING],
  ['metadata-block-size', NOT_IN_BINDING],
  ['log-level', NOT_IN_BINDING],
  ['options-factory', 'it names a class of Java'],
  ['managed-memory', 'there is no memory manager; cache-size and write-buffer-size bound it'],
]);
