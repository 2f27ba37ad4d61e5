// Which slots the aggregate calls of a step keep in a row of its table.
//
//   COUNT                    <name>.count  float64, a whole number: counts stay below 2^53
//   SUM                      <name>.sum    float64 (double), int64 (exact) otherwise
//   AVG                      <name>.sum and <name>.count
//   MIN, MAX, FIRST_VALUE,   <name>.min …  float64, int64 or bytes, as the argument's values are kept
//   LAST_VALUE
//
// A slot that is not set means: no value yet, which is NULL.

import type {DataType} from '../../records/data-type.ts';
import {columnLayout, type Column} from '../../records/column.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {ValueSlot} from '../../state/state-backend.ts';

export type AggregateFunction =
  'COUNT' | 'SUM' | 'AVG' | 'MIN' | 'MAX' | 'FIRST_VALUE' | 'LAST_VALUE';

/** A compiled expression over a batch. The column is valid until the next call. */
export interface Evaluator {
  readonly type: DataType;
  evaluate(batch: RecordBatch): Column;
}

export interface AggregateCall {
  /** Of the output column. */
  readonly name: string;
  readonly function: AggregateFunction;
  /** Null: COUNT(*). */
  readonly argument: Evaluator | null;
  /** FILTER (WHERE …), boolean. */
  readonly filter: Evaluator | null;
  readonly resultType: DataType;
}

/** A call and where its slots stand in the table's list. */
export interface Accumulator {
  readonly call: AggregateCall;
  /** Of COUNT: the count. */
  readonly slot: number;
  /** Of AVG; -1 otherwise. */
  readonly countSlot: number;
}

export function planAccumulators(calls: readonly AggregateCall[]): {
  readonly accumulators: readonly Accumulator[];
  readonly slots: readonly ValueSlot[];
} {
  const slots: ValueSlot[] = [];
  const accumulators = calls.map((call): Accumulator => {
    const slot = slots.length;
    slots.push({name: `${call.name}.${slotSuffix(call.function)}`, kind: slotKind(call)});
    if (call.function !== 'AVG') return {call, slot, countSlot: -1};
    slots.push({name: `${call.name}.count`, kind: 'float64'});
    return {call, slot, countSlot: slot + 1};
  });
  return {accumulators, slots};
}

function slotSuffix(name: AggregateFunction): string {
  switch (name) {
    case 'COUNT':
      return 'count';
    case 'SUM':
      return 'sum';
    case 'AVG':
      return 'avg-sum';
    case 'MIN':
      return 'min';
    case 'MAX':
      return 'max';
    case 'FIRST_VALUE':
      return 'first';
    case 'LAST_VALUE':
      return 'last';
  }
}

function slotKind({function: name, argument}: AggregateCall): 'float64' | 'int64' | 'bytes' {
  if (name === 'COUNT' || argument === null) return 'float64';
  const layout = columnLayout(argument.type);
  const sums = name === 'SUM' || name === 'AVG';
  switch (layout) {
    case 'bytes':
      return 'bytes';
    case 'int64':
      return 'int64';
    case 'int32':
    case 'uint8':
      return sums ? 'int64' : 'float64';
    case 'float64':
      return 'float64';
  }
}
