// Generated for each key: from the key columns of a batch to row numbers, a block of records at a time.
//
//   hashKeys  writes each record's key as the cells that a row has (its image), and its hash.
//   findRows  finds the rows of the images. Memory is touched ahead: all index slots first, then all
//             rows, so that the cache misses of a block overlap instead of queueing up. A loop that touches does
//             nothing else: the less it does, the more of its misses are under way at once.
//
// What is not found is left to the table, one by one: `misses` lists places within the block.

import {sameBytes} from './key-bytes.ts';
import {SEGMENT_MASK} from './key-index.ts';
import {INLINE_BYTES, type KeyCell, type RowLayout} from './row-layout.ts';
import {code, join, name, type Code} from '../../codegen/code.ts';
import {compile} from '../../codegen/compile.ts';
import {columnLocals, hashColumn, hashConstants, type WordKeeper} from '../../keys/hash-column.ts';
import {HASH_SEED} from '../../keys/key-hash.ts';
import type {Column} from '../../records/column.ts';

export const BLOCK_ROWS = 256;

/** Scratch of one block. */
export interface KeyBlock {
  /** What the touching gave: kept, so that the compiler keeps the touching. */
  touched: number;
  readonly image: Int32Array;
  readonly nulls: Int32Array;
  readonly hashes: Int32Array;
  /** Hash of the columns that decide the key group; the same array when there is no namespace. */
  readonly groupHashes: Int32Array;
  readonly slots: Int32Array;
  readonly candidates: Int32Array;
  readonly misses: Int32Array;
}

export type HashKeys = (
  columns: readonly Column[],
  selection: Int32Array | null,
  from: number,
  to: number,
  block: KeyBlock,
) => void;

/** Returns the number of misses. */
export type FindRows = (
  columns: readonly Column[],
  selection: Int32Array | null,
  from: number,
  to: number,
  block: KeyBlock,
  rows: Int32Array,
  index: {readonly entries: Int32Array; readonly directory: Int32Array; readonly shift: number},
  ints: Int32Array,
  arena: Uint8Array,
) => number;

export interface KeyKernel {
  readonly hashKeys: HashKeys;
  readonly findRows: FindRows;
}

export function newKeyBlock(layout: RowLayout, hasNamespace: boolean): KeyBlock {
  const hashes = new Int32Array(BLOCK_ROWS);
  return {
    touched: 0,
    image: new Int32Array(BLOCK_ROWS * layout.keyInts),
    nulls: new Int32Array(BLOCK_ROWS),
    hashes,
    groupHashes: hasNamespace ? new Int32Array(BLOCK_ROWS) : hashes,
    slots: new Int32Array(BLOCK_ROWS),
    candidates: new Int32Array(BLOCK_ROWS),
    misses: new Int32Array(BLOCK_ROWS),
  };
}

export function compileKeyKernel(layout: RowLayout, keyGroupColumns: number): KeyKernel {
  return {
    hashKeys: compileHashKeys(layout, keyGroupColumns),
    findRows: compileFindRows(layout),
  };
}

function compileHashKeys(layout: RowLayout, keyGroupColumns: number): HashKeys {
  const columns = layout.key.map((cell, index) => columnLocals(cell.layout, index));
  const group = keyGroupColumns === layout.key.length ? code`` : code`groupHashes[i] = finish(h);`;
  const steps = layout.key.map((cell, index) => [
    index === keyGroupColumns ? group : code``,
    hashColumn(cell.layout, index, imageOf(cell, cell.offset - layout.keyStart)),
  ]);
  const body = code`
    const {image, nulls, hashes, groupHashes} = block;
    ${columns}
    for (let p = from, i = 0, at = 0; p < to; p++, i++, at += ${layout.keyInts}) {
      const r = selection === null ? p : selection[p];
      let h = ${HASH_SEED}, k = 0, keyNulls = 0;
      ${steps.flat()}
      hashes[i] = finish(h);
      nulls[i] = keyNulls;
    }`;
  return compile<HashKeys>(
    'hashKeys',
    parameters('columns', 'selection', 'from', 'to', 'block'),
    body,
    hashConstants(),
  );
}

function compileFindRows(layout: RowLayout): FindRows {
  const columns = layout.key.map((cell, index) =>
    cell.layout === 'bytes' ? columnLocals(cell.layout, index) : code``,
  );
  const body = code`
    const {image, nulls, hashes, slots, candidates, misses} = block;
    const {entries, directory, shift} = index;
    const count = to - from;
    ${columns}
    let touched = 0, missing = 0;
    for (let i = 0; i < count; i++) {
      const h = hashes[i];
      slots[i] = directory[h >>> shift] + (h & ${SEGMENT_MASK});
    }
    for (let i = 0; i < count; i++) touched ^= entries[slots[i] << 1];
    for (let i = 0; i < count; i++) {
      const h = hashes[i];
      let slot = slots[i], entry = entries[(slot << 1) + 1];
      while (entry !== 0 && entries[slot << 1] !== h) {
        slot = (slot & ${~SEGMENT_MASK}) | ((slot + 1) & ${SEGMENT_MASK});
        entry = entries[(slot << 1) + 1];
      }
      candidates[i] = entry - 1;
    }
    for (let i = 0; i < count; i++) {
      const row = candidates[i];
      if (row >= 0) touched ^= ints[row * ${layout.rowInts}];
    }
    for (let i = 0, at = 0; i < count; i++, at += ${layout.keyInts}) {
      const row = candidates[i], base = row * ${layout.rowInts};
      if (row >= 0 && ${sameKey(layout)}) rows[from + i] = row;
      else misses[missing++] = i;
    }
    block.touched = touched;
    return missing;`;
  return compile<FindRows>(
    'findRows',
    parameters(
      ...['columns', 'selection', 'from', 'to', 'block', 'rows', 'index', 'ints', 'arena'],
    ),
    body,
    {sameBytes},
  );
}

function parameters(...names: readonly string[]): Code[] {
  return names.map((text) => name(text));
}

/** The words of a column become the cells of the image from `offset` on; zero for a NULL. */
function imageOf(cell: KeyCell, offset: number): WordKeeper {
  const put = (word: Code, at: number): Code => code`image[at + ${offset + at}] = ${word};`;
  return {
    keep: (words, first) => code`${words.map((word, index) => put(word, first + index))}`,
    keepNull: () => {
      const zero = Array.from({length: cell.size}, (_, at) => put(code`0`, at));
      return code`keyNulls |= ${cell.nullMask}; ${zero}`;
    },
  };
}

function sameKey(layout: RowLayout): Code {
  const tests = [code`(ints[base + 1] & ${layout.keyNullsMask}) === nulls[i]`];
  layout.key.forEach((cell, index) => {
    const offset = cell.offset - layout.keyStart;
    const plain = cell.layout === 'bytes' ? 3 : cell.size;
    for (let at = 0; at < plain; at += 1) {
      tests.push(code`ints[base + ${cell.offset + at}] === image[at + ${offset + at}]`);
    }
    if (cell.layout !== 'bytes') return;
    tests.push(code`(ints[base + ${cell.offset + 3}] === image[at + ${offset + 3}] ||
      (image[at + ${offset}] > ${INLINE_BYTES} && sameBytes(arena, ints[base + ${cell.offset + 3}] * 4,
        ${name('b', index)}, ${name('s', index)}[selection === null ? from + i : selection[from + i]],
        image[at + ${offset}])))`);
  });
  return join(tests, ' && ');
}
