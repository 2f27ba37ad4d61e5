import type {OperatorRequest, OperatorType} from './operator.ts';
import {textOf} from './option-pairs.ts';
import {recordFailed} from './record-failed.ts';
import {StatelessOperator} from './stateless-operator.ts';
import {must} from '../base/assert.ts';
import {compilePredicate, parseExpression, type Predicate} from '../expressions/expression.ts';
import {RecordFailure} from '../expressions/record-failure.ts';
import type {OperatorSpec} from '../job/operator-spec.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import {dataTypeText} from '../records/data-type.ts';

const spec: OperatorSpec = {
  type: 'filter',
  description: 'Keeps the records for which a condition is TRUE (not FALSE, not NULL).',
  inputs: 'one',
  choosesPartitioning: true,
  fields: [
    {
      name: 'where',
      type: {kind: 'expression'},
      required: true,
      description: 'The condition, over the columns of the input.',
      example: 'delay > 15 AND origin IS NOT NULL',
    },
  ],
  plan({options, inputs, report}) {
    const input = must(inputs[0], 'input');
    const parsed = parseExpression(textOf(options['where']), input.schema);
    if (parsed.kind === 'invalid') {
      report({path: ['where'], ...parsed});
      return null;
    }
    const {type, columns} = parsed.expression;
    if (type.kind !== 'boolean') {
      report({path: ['where'], message: `a condition is boolean, this is ${dataTypeText(type)}`});
      return null;
    }
    return {
      schema: input.schema,
      eventTime: input.eventTime,
      eventTimeColumn: input.eventTimeColumn,
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: [columns],
      passesColumns: true,
      options,
    };
  },
};

export const filter: OperatorType = {spec, create: (request) => new FilterOperator(request)};

/** Gives the batch on with a selection; nothing is copied. */
class FilterOperator extends StatelessOperator {
  readonly #predicate: Predicate;
  #selection = new Int32Array(0);

  constructor({context, options, inputs}: OperatorRequest) {
    super(spec.type, context);
    const parsed = parseExpression(textOf(options['where']), must(inputs[0], 'input schema'));
    this.#predicate = compilePredicate(
      must(parsed.kind === 'ok' ? parsed.expression : null, 'where'),
    );
  }

  process(batch: RecordBatch): void {
    if (this.#selection.length < batch.selectedCount) {
      this.#selection = new Int32Array(batch.selectedCount);
    }
    const selectedCount = this.#select(batch);
    this.metrics.recordsIn += batch.selectedCount;
    this.metrics.recordsOut += selectedCount;
    if (selectedCount === batch.selectedCount) this.context.output.emit(batch);
    else this.context.output.emit({...batch, selection: this.#selection, selectedCount});
  }

  #select(batch: RecordBatch): number {
    try {
      return this.#predicate.select(batch, this.#selection);
    } catch (error) {
      if (!(error instanceof RecordFailure)) throw error;
      throw recordFailed(batch, error.row, this.context.uid, `where: ${error.reason}`, error);
    }
  }
}
