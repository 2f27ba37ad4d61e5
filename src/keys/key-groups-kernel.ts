import {columnLocals, hashColumn, hashConstants, KEEP_NOTHING} from './hash-column.ts';
import {HASH_SEED} from './key-hash.ts';
import {keyGroupOf} from '../base/key-groups.ts';
import {code, name} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import {columnLayout, type Column} from '../records/column.ts';
import type {Field} from '../records/schema.ts';

/**
 * Writes into `groups[position]` the key group of the `position`-th live row, for `count` of them.
 * `columns` are the key's own, in its order.
 */
export type KeyGroups = (
  columns: readonly Column[],
  selection: Int32Array | null,
  count: number,
  groups: Uint16Array,
) => void;

/**
 * The key group that a keyed table stores in the row of the same key: where a record must go. The key
 * without columns has one key group too.
 */
export function compileKeyGroups(key: readonly Field[], maxParallelism: number): KeyGroups {
  const layouts = key.map((field) => columnLayout(field.type));
  return compile<KeyGroups>(
    'keyGroups',
    ['columns', 'selection', 'count', 'groups'].map((text) => name(text)),
    code`
      ${layouts.map((layout, index) => columnLocals(layout, index))}
      for (let p = 0; p < count; p++) {
        const r = selection === null ? p : selection[p];
        let h = ${HASH_SEED}, k = 0;
        ${layouts.map((layout, index) => hashColumn(layout, index, KEEP_NOTHING))}
        groups[p] = keyGroupOf(finish(h), ${maxParallelism});
      }`,
    {...hashConstants(), keyGroupOf},
  );
}

/** The one key group of a key without columns. */
export function emptyKeyGroup(maxParallelism: number): number {
  const group = new Uint16Array(1);
  compileKeyGroups([], maxParallelism)([], null, 1, group);
  return group[0]!;
}
