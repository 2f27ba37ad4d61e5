// An aggregate step made ready to run: its table, its calls compiled, its results.

import {compileAccumulate, type Accumulate} from './accumulate-kernel.ts';
import {newHelpers, SumOverflow} from './accumulator-helpers.ts';
import {planAccumulators, type Accumulator, type AggregateCall} from './accumulators.ts';
import {windowTimeOf} from './aggregate-spec.ts';
import {GroupResults, type ResultColumn} from './group-results.ts';
import type {OperatorRequest} from '../operator.ts';
import {pairsOf} from '../option-pairs.ts';
import {recordFailed} from '../record-failed.ts';
import {assert, must} from '../../base/assert.ts';
import {parseAggregate} from '../../expressions/aggregate-call.ts';
import {compileExpression, type Kernel} from '../../expressions/expression.ts';
import {RecordFailure} from '../../expressions/record-failure.ts';
import type {Column} from '../../records/column.ts';
import {TIMESTAMP} from '../../records/data-type.ts';
import {liveRow, type RecordBatch} from '../../records/record-batch.ts';
import {fieldIndex, type Schema} from '../../records/schema.ts';
import type {KeyedTable, ValueSlot} from '../../state/state-backend.ts';

const TABLE_NAME = 'groups';
/** Name of the key column that holds a window's start. */
const WINDOW_COLUMN = 'window_start';

/** How the groups of a step are kept and shown. */
export interface AggregateSetup {
  readonly request: OperatorRequest;
  /** Null: no window. */
  readonly windowMillis: number | null;
  /** Slots of the operator's own, behind the accumulators'. */
  readonly ownSlots: readonly ValueSlot[];
}

export class AggregatePlan {
  readonly table: KeyedTable;
  readonly results: GroupResults;
  /** Position in the input of each group-by column. */
  readonly keyColumns: readonly number[];
  readonly #request: OperatorRequest;
  readonly #accumulators: readonly Accumulator[];
  readonly #accumulate: Accumulate;
  readonly #arguments: (Column | null)[];
  readonly #filters: (Column | null)[];
  #passing = new Int32Array(0);

  private constructor(
    setup: AggregateSetup,
    accumulators: readonly Accumulator[],
    table: KeyedTable,
  ) {
    const {request, windowMillis} = setup;
    const {context, schema, options} = request;
    this.table = table;
    this.#request = request;
    this.#accumulators = accumulators;
    this.#accumulate = compileAccumulate(
      accumulators,
      table.shape,
      newHelpers(accumulators, table),
    );
    this.#arguments = accumulators.map(() => null);
    this.#filters = accumulators.map(() => null);
    const input = must(request.inputs[0], 'input schema');
    const groupBy = options['group-by'] as readonly string[];
    this.keyColumns = groupBy.map((name) => fieldIndex(input, name));
    const metrics = context.metrics.operator(context.uid);
    this.results = new GroupResults({
      table,
      columns: resultColumns(request, accumulators, groupBy.length, windowMillis),
      schema,
      uid: context.uid,
      emit(batch) {
        metrics.recordsOut += batch.selectedCount;
        context.output.emit(batch);
      },
    });
  }

  static async open(setup: AggregateSetup): Promise<AggregatePlan> {
    const {request, windowMillis, ownSlots} = setup;
    const input = must(request.inputs[0], 'input schema');
    const {accumulators, slots} = planAccumulators(compileCalls(request, input));
    const groupBy = request.options['group-by'] as readonly string[];
    const key = groupBy.map((name) => must(input.fields[fieldIndex(input, name)], name));
    const table = await request.context.state.openTable({
      name: TABLE_NAME,
      key: windowMillis === null ? key : [...key, {name: WINDOW_COLUMN, type: TIMESTAMP}],
      keyGroupColumns: key.length,
      values: [...slots, ...ownSlots],
      ...(windowMillis === null ? {} : {byNamespace: true}),
    });
    return new AggregatePlan(setup, accumulators, table);
  }

  /** Evaluates arguments and filters for the live rows of `batch`; `accumulate` uses them. */
  evaluate(batch: RecordBatch): void {
    this.#accumulators.forEach(({call}, index) => {
      const filter = this.#evaluate(call.filter, call.name, batch);
      // A record that does not pass may have no value: SUM(a / b) FILTER (WHERE b <> 0).
      const passing = filter === null || call.argument === null ? batch : this.#pass(batch, filter);
      this.#filters[index] = filter;
      this.#arguments[index] = this.#evaluate(call.argument, call.name, passing);
    });
  }

  /** The records at positions [from, to) go into their `rows`. */
  accumulate(batch: RecordBatch, rows: Int32Array, from: number, to: number): void {
    try {
      const memory = this.table.memory();
      const [columns, filters] = [this.#arguments, this.#filters];
      this.#accumulate(rows, batch.selection, from, to, columns, filters, memory);
    } catch (error) {
      if (!(error instanceof SumOverflow)) throw error;
      throw recordFailed(batch, error.row, this.#request.context.uid, error.message, error);
    }
  }

  /** The live rows for which `filter` is TRUE. */
  #pass(batch: RecordBatch, filter: Column): RecordBatch {
    assert(filter.layout === 'uint8', 'a filter is boolean');
    if (this.#passing.length < batch.selectedCount) {
      this.#passing = new Int32Array(batch.selectedCount);
    }
    const {values, nulls} = filter;
    let selectedCount = 0;
    for (let position = 0; position < batch.selectedCount; position += 1) {
      const row = liveRow(batch, position);
      if (values[row] === 1 && nulls?.[row] !== 1) this.#passing[selectedCount++] = row;
    }
    return {...batch, selection: this.#passing, selectedCount};
  }

  #evaluate(kernel: Kernel | null, name: string, batch: RecordBatch): Column | null {
    if (kernel === null) return null;
    try {
      return kernel.evaluate(batch);
    } catch (error) {
      if (!(error instanceof RecordFailure)) throw error;
      const {uid} = this.#request.context;
      throw recordFailed(batch, error.row, uid, `${name}: ${error.reason}`, error);
    }
  }
}

function compileCalls(request: OperatorRequest, input: Schema): AggregateCall[] {
  return pairsOf(request.options['select']).flatMap(([name, text]): AggregateCall[] => {
    if (windowTimeOf(text) !== null) return [];
    const parsed = parseAggregate(text, input);
    const call = must(parsed.kind === 'ok' ? parsed.call : null, name);
    return [
      {
        name,
        function: call.function,
        argument: call.argument === null ? null : compileExpression(call.argument),
        filter: call.filter === null ? null : compileExpression(call.filter),
        resultType: call.resultType,
      },
    ];
  });
}

/** Group-by columns, then `select` in its order. */
function resultColumns(
  {options}: OperatorRequest,
  accumulators: readonly Accumulator[],
  keyCount: number,
  windowMillis: number | null,
): ResultColumn[] {
  const keys = Array.from({length: keyCount}, (_, index): ResultColumn => ({kind: 'key', index}));
  const selected = pairsOf(options['select']).map(([name, text]): ResultColumn => {
    const time = windowTimeOf(text);
    if (time === null) {
      const accumulator = accumulators.find(({call}) => call.name === name);
      return {kind: 'aggregate', accumulator: must(accumulator, name)};
    }
    const size = must(windowMillis, 'window');
    const plus = {window_start: 0, window_end: size, window_time: size - 1};
    return {kind: 'window', index: keyCount, plusMillis: plus[time]};
  });
  return [...keys, ...selected];
}
