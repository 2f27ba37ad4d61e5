// Conditions on a key column of bytes, which are told and asked for as Base64: SQL text has no literal for them.

import {EngineError} from '../../base/errors.ts';
import type {Predicate} from '../../expressions/expression.ts';
import type {Column} from '../../records/column.ts';

export type BytesTest = 'equal' | 'atLeast' | 'below';

/** USAGE when it is no Base64. `what`: of whom it is asked. */
export function bytesOfBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw new EngineError('USAGE', `${what} is bytes, and ${JSON.stringify(text)} is no Base64`, {
    hint: 'write it as `state scan` prints it, like AAH/',
  });
}

/** Of column `index`. NULL is never TRUE. */
export function bytesCondition(index: number, test: BytesTest, wanted: Uint8Array): Predicate {
  return {
    select({columns, selection, selectedCount}, selected) {
      const column = columns[index]!;
      let count = 0;
      for (let position = 0; position < selectedCount; position += 1) {
        const row = selection === null ? position : selection[position]!;
        if (!passes(column, row, test, wanted)) continue;
        selected[count] = row;
        count += 1;
      }
      return count;
    },
  };
}

function passes(column: Column, row: number, test: BytesTest, wanted: Uint8Array): boolean {
  if (column.layout !== 'bytes' || column.nulls?.[row] === 1) return false;
  const order = Buffer.compare(column.bytes.subarray(column.starts[row], column.ends[row]), wanted);
  switch (test) {
    case 'equal':
      return order === 0;
    case 'atLeast':
      return order >= 0;
    case 'below':
      return order < 0;
  }
}

/** One row. */
export function bytesColumn(bytes: Uint8Array): Column {
  const [starts, ends] = [Int32Array.of(0), Int32Array.of(bytes.length)];
  return {layout: 'bytes', bytes, starts, ends, nulls: null};
}
