import type {Mutant} from './mutant.ts';

const cursor = 'state/rocksdb/sst/sst-cursor.js';
const file = 'state/rocksdb/sst/sst-file.js';
const merge = 'state/rocksdb/sst/merge-entries.js';

/** A database that is read out of its files. */
export const SST_MUTANTS: readonly Mutant[] = [
  {
    name: 'sst: of two versions in two files the older one counts',
    rows: 'state scan',
    module: merge,
    find: 'left.sequenceLow > right.sequenceLow',
    replace: 'left.sequenceLow < right.sequenceLow',
    prover: 'stored-entries',
  },
  {
    name: 'sst: older versions of a key are rows of their own',
    rows: 'state scan',
    module: merge,
    find: 'seen.isNew(least) && ',
    replace: '',
    prover: 'stored-entries',
  },
  {
    name: 'sst: a deletion is passed over, and what it hides comes back',
    rows: 'state scan',
    module: merge,
    find: 'seen.isNew(least) && !least.isDeletion',
    replace: '!least.isDeletion && seen.isNew(least)',
    prover: 'stored-entries',
  },
  {
    name: 'sst: the checksum of a block is not compared',
    rows: 'H49',
    module: file,
    find: 'if (found !== uint32At(bytes, end + 1))',
    replace: 'if (false)',
    prover: 'stored-entries',
  },
  {
    name: 'sst: the checksum of the footer is not compared',
    rows: 'H49',
    module: file,
    find: 'if (found !== expected)',
    replace: 'if (false)',
    prover: 'stored-entries',
  },
  {
    name: 'sst: keys may be in any order',
    rows: 'H49',
    module: cursor,
    find: 'order <= 0 && !this.#isFirst',
    replace: 'false',
    prover: 'stored-entries',
  },
  {
    name: 'sst: a block whose last key is where a range begins is passed over',
    rows: 'state get',
    module: cursor,
    find: 'Buffer.compare(lastKeys.item(middle), from) < 0',
    replace: 'Buffer.compare(lastKeys.item(middle), from) <= 0',
    prover: 'stored-entries',
  },
  {
    name: 'sst: a file that ends before a range begins is not told from one that reaches into it',
    rows: 'state get',
    module: cursor,
    find: 'Buffer.compare(largest, from) >= 0',
    replace: 'Buffer.compare(largest, from) > 0',
    prover: 'stored-entries',
  },
  {
    name: 'sst: deletions of ranges are passed over',
    rows: 'state scan',
    module: file,
    find: "parts.has('rocksdb.range_del')",
    replace: 'false',
    prover: 'stored-entries',
  },
  {
    name: 'sst: a compressed block is read as it is',
    rows: 'state scan',
    module: file,
    find: 'compression !== NOT_COMPRESSED',
    replace: 'false',
    prover: 'stored-entries',
  },
  {
    name: 'sst: an entry of another kind is taken for a deletion',
    rows: 'state scan',
    module: cursor,
    find: 'kind !== VALUE && kind !== DELETION && kind !== SINGLE_DELETION',
    replace: 'false',
    prover: 'stored-entries',
  },
  {
    name: 'sst: two files of level 0 are read as if they did not overlap',
    rows: 'state scan',
    module: 'state/rocksdb/stored-entries.js',
    find: 'file.level === 0 ? undefined : levels.get(file.level)',
    replace: 'levels.get(file.level)',
    prover: 'stored-entries',
  },
];
