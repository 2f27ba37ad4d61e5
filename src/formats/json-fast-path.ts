// Program text for records of one shape: compares the bytes between the values, four at a time, and
// reads the values in place. Decodes record after record until one differs in any way; that one is left
// to the record reader, which knows all of JSON.
//
// Not looked at in values that nobody reads: whether their text is well-formed UTF-8, and their type.

import {code, join, name, type Code} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import type {ColumnWriter} from './column-writer.ts';
import type {RecordShape} from './json-shape.ts';
import {arraysCode, readCode, readerConstants, skipCode, type SlowReaders} from './read-code.ts';

/**
 * Decodes records from `at` on into rows `row` up to `rowLimit`. Returns the next row and leaves the
 * position of the next record in `result[0]`.
 */
export type FastPath = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  row: number,
  rowLimit: number,
  rowStarts: Int32Array,
  result: Int32Array,
) => number;

export interface FastPathOptions {
  readonly shape: RecordShape;
  readonly writers: readonly ColumnWriter[];
  readonly slow: readonly SlowReaders[];
  /** Passes over any value; returns its end or -1. */
  readonly skip: (at: number) => number;
  /** What must follow a record. */
  readonly separator: 'line-break' | 'comma';
  readonly maxRecordSize: number;
}

export function compileFastPath(options: FastPathOptions): FastPath {
  const {shape, writers} = options;
  const constants: Record<string, unknown> = {skip: options.skip};
  writers.forEach((writer, index) =>
    Object.assign(constants, readerConstants(index, writer, options.slow[index]!)),
  );
  const body = code`${writers.map((writer, index) => arraysCode(index, writer))}
let p = at;
while (row < rowLimit) {
  const start = p;
  record: {
    ${shape.steps.map((step) => stepCode(step, writers))}
    ${literalCode(shape.tail)}
    if (p - start > ${options.maxRecordSize}) break record;
    ${separatorCode(options.separator)}
    ${shape.missing.map((column) => code`${name('nulls', column)}[row] = 1;`)}
    rowStarts[row] = start;
    row += 1;
    continue;
  }
  p = start;
  break;
}
result[0] = p;
return row;`;
  const parameters = ['b', 'v', 'at', 'row', 'rowLimit', 'rowStarts', 'result'];
  return compile<FastPath>(
    'decodeJsonFast',
    parameters.map((parameter) => name(parameter)),
    body,
    constants,
  );
}

function stepCode(step: RecordShape['steps'][number], writers: readonly ColumnWriter[]): Code {
  const values = step.columns.map((column, position) => {
    // One value may go to several columns: each reads it from its start.
    const again = position === 0 ? code`` : code`p = valueStart;`;
    return code`{
  ${again}
  ${readCode(column, writers[column]!)}
}`;
  });
  return code`${literalCode(step.literal)}
{
  const valueStart = p;
  ${step.columns.length === 0 ? skipCode(step.kind) : values}
}`;
}

/** Compares and passes `literal`; the last four bytes may overlap with those before. */
function literalCode(literal: Uint8Array): Code {
  const view = new DataView(literal.buffer, literal.byteOffset, literal.length);
  const checks: Code[] = [];
  if (literal.length < 4) {
    literal.forEach((byte, offset) => checks.push(code`b[p + ${offset}] !== ${byte}`));
  } else {
    for (let offset = 0; offset < literal.length; offset += 4) {
      const from = Math.min(offset, literal.length - 4);
      checks.push(code`v.getInt32(p + ${from}, true) !== ${view.getInt32(from, true)}`);
    }
  }
  return code`if (${join(checks, ' || ')}) break record;
p += ${literal.length};`;
}

function separatorCode(separator: FastPathOptions['separator']): Code {
  if (separator === 'line-break') {
    return code`if (b[p] === 10) p += 1;
else if (b[p] === 13 && b[p + 1] === 10) p += 2;
else break record;`;
  }
  return code`if (b[p] !== 44) break record;
for (p += 1; b[p] === 32 || (b[p] >= 9 && b[p] <= 13 && b[p] !== 11 && b[p] !== 12);) p += 1;`;
}
