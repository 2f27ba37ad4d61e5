import {columnLocals, hashColumn, hashConstants, KEEP_NOTHING} from './hash-column.ts';
import {HASH_SEED} from './key-hash.ts';
import {code, name} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import {columnLayout, type Column} from '../records/column.ts';
import type {Field} from '../records/schema.ts';

/** Writes into `hashes` the hash of the key (key-hash.ts) in each of the rows [0, count). `columns` are the key's own. */
export type KeyHashes = (columns: readonly Column[], count: number, hashes: Int32Array) => void;

export function compileKeyHashes(key: readonly Field[]): KeyHashes {
  const layouts = key.map((field) => columnLayout(field.type));
  return compile<KeyHashes>(
    'keyHashes',
    ['columns', 'count', 'hashes'].map((text) => name(text)),
    code`
      ${layouts.map((layout, index) => columnLocals(layout, index))}
      for (let r = 0; r < count; r++) {
        let h = ${HASH_SEED}, k = 0;
        ${layouts.map((layout, index) => hashColumn(layout, index, KEEP_NOTHING))}
        hashes[r] = finish(h);
      }`,
    hashConstants(),
  );
}
