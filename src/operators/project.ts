import type {OperatorRequest, OperatorType} from './operator.ts';
import {pairsOf} from './option-pairs.ts';
import {recordFailed} from './record-failed.ts';
import {StatelessOperator} from './stateless-operator.ts';
import {must} from '../base/assert.ts';
import {compileExpression, parseExpression, type Kernel} from '../expressions/expression.ts';
import {RecordFailure} from '../expressions/record-failure.ts';
import {COLUMN_NAME_PATTERN} from './column-name.ts';
import type {OperatorSpec} from '../job/operator-spec.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Field, Schema} from '../records/schema.ts';

const spec: OperatorSpec = {
  type: 'project',
  description: 'Makes new columns from those of the input; only what is named goes on.',
  inputs: 'one',
  choosesPartitioning: true,
  fields: [
    {
      name: 'select',
      type: {kind: 'map', of: {kind: 'expression'}, keys: COLUMN_NAME_PATTERN},
      required: true,
      description: 'Name and expression of each output column.',
      example: '{origin: origin, hours: delay / 60.0}',
    },
  ],
  plan({options, inputs, report}) {
    const input = must(inputs[0], 'input');
    const fields: Field[] = [];
    const used = new Set<string>();
    let eventTimeColumn: string | null = null;
    const pairs = pairsOf(options['select']);
    if (pairs.length === 0) report({path: ['select'], message: 'name at least one column'});
    for (const [name, text] of pairs) {
      const parsed = parseExpression(text, input.schema);
      if (parsed.kind === 'invalid') {
        report({path: ['select', name], ...parsed});
        continue;
      }
      const {type, columns, root} = parsed.expression;
      fields.push({name, type});
      for (const column of columns) used.add(column);
      const isPlain = root.kind === 'column' && columns[0] === input.eventTimeColumn;
      if (isPlain) eventTimeColumn ??= name;
    }
    if (fields.length !== pairs.length || fields.length === 0) return null;
    return {
      schema: {fields},
      eventTime: input.eventTime,
      eventTimeColumn,
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: [[...used]],
      options,
    };
  },
};

export const project: OperatorType = {spec, create: (request) => new ProjectOperator(request)};

class ProjectOperator extends StatelessOperator {
  readonly #schema: Schema;
  readonly #kernels: readonly Kernel[];

  constructor({context, options, inputs, schema}: OperatorRequest) {
    super(spec.type, context);
    this.#schema = schema;
    this.#kernels = pairsOf(options['select']).map(([name, text]) => {
      const parsed = parseExpression(text, must(inputs[0], 'input schema'));
      return compileExpression(must(parsed.kind === 'ok' ? parsed.expression : null, name));
    });
  }

  process(batch: RecordBatch): void {
    this.metrics.recordsIn += batch.selectedCount;
    this.metrics.recordsOut += batch.selectedCount;
    const columns = this.#kernels.map((kernel, index) => {
      try {
        return kernel.evaluate(batch);
      } catch (error) {
        if (!(error instanceof RecordFailure)) throw error;
        const name = must(this.#schema.fields[index], 'column').name;
        throw recordFailed(batch, error.row, this.context.uid, `${name}: ${error.reason}`, error);
      }
    });
    this.context.output.emit({...batch, schema: this.#schema, columns});
  }
}
