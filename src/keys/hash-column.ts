// The pieces of a generated kernel that hash one key column of row `r` into the local `h`. A kernel that
// uses them declares `h` (from HASH_SEED) and `k`, and is compiled with HASH_CONSTANTS of its own.

import {finishHash, mixTail, NULL_WORD, SHORT_BYTES, wordAt} from './key-hash.ts';
import {code, name, type Code} from '../codegen/code.ts';
import type {ColumnLayout} from '../records/column.ts';

/** Where a kernel keeps the words of a column beside hashing them. */
export interface WordKeeper {
  /** Statements for `words` (ints), which are words `first`, `first + 1` … of the column. */
  keep(words: readonly Code[], first: number): Code;
  /** Statements for a NULL. */
  keepNull(): Code;
}

/** For a kernel that only hashes. */
export const KEEP_NOTHING: WordKeeper = {keep: () => code``, keepNull: () => code``};

/** Given for the last word of a string that has more than `SHORT_BYTES`. */
export const NO_WORD = code`-1`;

/** What the texts refer to; made anew for each kernel. */
export function hashConstants(): Readonly<Record<string, unknown>> {
  const doubles = new Float64Array(1);
  const halves = new Int32Array(doubles.buffer);
  return {finish: finishHash, mixTail, wordAt, doubles, halves};
}

/** The arrays of key column `index` of `columns` as locals. */
export function columnLocals(layout: ColumnLayout, index: number): Code {
  const [c, v, n] = [name('c', index), name('v', index), name('n', index)];
  const nulls = code`const ${c} = columns[${index}], ${n} = ${c}.nulls;`;
  switch (layout) {
    case 'uint8':
    case 'int32':
    case 'float64':
      return code`${nulls} const ${v} = ${c}.values;`;
    case 'int64':
      return code`${nulls} const ${v} = ${c}.values;
        const ${name('w', index)} = ${c}.wide === null ? null
          : new Int32Array(${c}.wide.buffer, ${c}.wide.byteOffset, ${c}.wide.length * 2);`;
    case 'bytes': {
      const [b, d] = [name('b', index), name('d', index)];
      return code`${nulls} const ${b} = ${c}.bytes, ${name('s', index)} = ${c}.starts;
        const ${name('e', index)} = ${c}.ends, ${name('l', index)} = ${b}.length - ${SHORT_BYTES};
        const ${d} = new DataView(${b}.buffer, ${b}.byteOffset, ${b}.byteLength);`;
    }
  }
}

/** Mixes the words of column `index` into `h`. */
export function hashColumn(layout: ColumnLayout, index: number, keeper: WordKeeper): Code {
  const n = name('n', index);
  return code`
    if (${n} !== null && ${n}[r] === 1) {
      ${keeper.keepNull()}
      ${mix(code`${NULL_WORD}`)}
    } else { ${hashValue(layout, index, keeper)} }`;
}

function hashValue(layout: ColumnLayout, index: number, keeper: WordKeeper): Code {
  const v = name('v', index);
  switch (layout) {
    case 'uint8':
    case 'int32':
      return code`const value = ${v}[r];
        ${keeper.keep([code`value`], 0)}
        ${mix(code`value`)}`;
    case 'float64':
      // -0 becomes 0, and every NaN the same NaN.
      return code`const value = ${v}[r] + 0;
        doubles[0] = value;
        const low = value === value ? halves[0] : 0, high = value === value ? halves[1] : ${0x7ff80000};
        ${twoWords(keeper)}`;
    case 'int64':
      return code`let low, high;
        if (${name('w', index)} === null) {
          const value = ${v}[r];
          low = value | 0; high = Math.floor(value / 4294967296) | 0;
        } else { low = ${name('w', index)}[2 * r]; high = ${name('w', index)}[2 * r + 1]; }
        ${twoWords(keeper)}`;
    case 'bytes':
      return hashBytes(index, keeper);
  }
}

function twoWords(keeper: WordKeeper): Code {
  return code`${keeper.keep([code`low`, code`high`], 0)}
    ${mix(code`low`)} ${mix(code`high`)}`;
}

/** Length and first 8 bytes always; then bytes 8–11, or the hash of the tail. */
function hashBytes(index: number, keeper: WordKeeper): Code {
  const d = name('d', index);
  return code`const start = ${name('s', index)}[r], end = ${name('e', index)}[r], length = end - start;
    let first = 0, second = 0, third = 0;
    if (start <= ${name('l', index)}) {
      first = ${d}.getInt32(start, true);
      second = ${d}.getInt32(start + 4, true);
      third = ${d}.getInt32(start + 8, true);
      if (length < 12) {
        if (length < 4) { first &= (1 << (length << 3)) - 1; second = 0; third = 0; }
        else if (length < 8) { second &= (1 << ((length - 4) << 3)) - 1; third = 0; }
        else third &= (1 << ((length - 8) << 3)) - 1;
      }
    } else {
      first = wordAt(${d}, start, end);
      second = wordAt(${d}, start + 4, end);
      third = wordAt(${d}, start + 8, end);
    }
    ${keeper.keep([code`length`, code`first`, code`second`], 0)}
    ${mix(code`length`)} ${mix(code`first`)} ${mix(code`second`)}
    if (length <= ${SHORT_BYTES}) {
      ${keeper.keep([code`third`], 3)}
      ${mix(code`third`)}
    } else {
      ${keeper.keep([NO_WORD], 3)}
      h = mixTail(h, ${d}, start, end);
    }`;
}

/** `mixWord` as text: the engine would not inline as many calls. */
function mix(word: Code): Code {
  return code`
    k = Math.imul(${word}, ${0xcc9e2d51}); k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, ${0x1b873593}); h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + ${0xe6546b64}) | 0;`;
}
