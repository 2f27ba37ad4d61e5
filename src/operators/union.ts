// UNION ALL: the records of all inputs, in the order in which they come.

import type {OperatorRequest, OperatorType} from './operator.ts';
import {StatelessOperator} from './stateless-operator.ts';
import type {InputDescription, OperatorSpec} from '../job/operator-spec.ts';
import {dataTypeText} from '../records/data-type.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';

const spec: OperatorSpec = {
  type: 'union',
  description: 'All records of several inputs with the same columns.',
  inputs: 'many',
  choosesPartitioning: true,
  fields: [],
  plan({inputs, report}) {
    const first = inputs[0];
    if (first === undefined) return null;
    for (const input of inputs.slice(1)) {
      const difference = findDifference(first, input);
      if (difference !== null) report({path: ['input'], message: difference});
    }
    const eventTime = inputs.every((input) => input.eventTime);
    const column = inputs.every((input) => input.eventTimeColumn === first.eventTimeColumn)
      ? first.eventTimeColumn
      : null;
    return {
      schema: first.schema,
      eventTime,
      eventTimeColumn: eventTime ? column : null,
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: inputs.map(() => []),
      passesColumns: true,
      options: {},
    };
  },
};

export const union: OperatorType = {
  spec,
  create: (request) => new UnionOperator(request),
};

class UnionOperator extends StatelessOperator {
  readonly #schema: Schema;

  constructor({context, schema}: OperatorRequest) {
    super(spec.type, context);
    this.#schema = schema;
  }

  process(batch: RecordBatch): void {
    this.metrics.recordsIn += batch.selectedCount;
    this.metrics.recordsOut += batch.selectedCount;
    this.context.output.emit({...batch, schema: this.#schema});
  }
}

/** How the columns of `other` are not those of `first`; null: they are the same. */
function findDifference(first: InputDescription, other: InputDescription): string | null {
  const [left, right] = [first.schema.fields, other.schema.fields];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a, b] = [left[index], right[index]];
    const [textA, textB] = [a, b].map((field) =>
      field === undefined ? 'nothing' : `${field.name} ${dataTypeText(field.type)}`,
    );
    if (textA === textB) continue;
    return (
      `the inputs of a union need the same columns in the same order: ` +
      `column ${index + 1} is ${textA} in ${first.name}, ${textB} in ${other.name}`
    );
  }
  return null;
}
