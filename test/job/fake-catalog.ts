// Small connectors and operators with real specs, so that the job room is tested without the rooms
// that implement them.

import type {FieldSpec} from '#src/job/field-spec.js';
import type {
  Catalog,
  ConnectorSpec,
  ExpressionCheck,
  ExpressionChecker,
  OperatorSpec,
} from '#src/job/operator-spec.js';
import {BIGINT, BOOLEAN, DOUBLE, STRING, TIMESTAMP} from '#src/records/data-type.js';
import type {Schema} from '#src/records/schema.js';
import {fieldIndex} from '#src/records/schema.js';

const NAME = /[a-z_][a-z0-9_]*/g;

/** Column names in lower case, `?` is a syntax error, everything else is fine. */
export const fakeExpressions: ExpressionChecker = {
  check: (text, schema) => checkNames(text, schema, {kind: 'ok', type: BOOLEAN}),
  checkAggregate: (text, schema) => checkNames(text, schema, {kind: 'ok', type: BIGINT}),
};

function checkNames(text: string, schema: Schema, result: ExpressionCheck): ExpressionCheck {
  const mark = text.indexOf('?');
  if (mark !== -1) return {kind: 'invalid', message: 'unexpected "?"', offset: mark};
  for (const match of text
    .replaceAll(/'[^']*'/g, (literal) => ' '.repeat(literal.length))
    .matchAll(NAME)) {
    if (fieldIndex(schema, match[0]) !== -1) continue;
    return {kind: 'invalid', message: `no column "${match[0]}"`, offset: match.index};
  }
  return result;
}

function namesIn(text: string): string[] {
  return [...text.matchAll(NAME)].map((match) => match[0]);
}

function field(name: string, type: FieldSpec['type'], more: Partial<FieldSpec> = {}): FieldSpec {
  return {name, type, description: `the ${name}`, example: 'x', ...more};
}

const fileSource: ConnectorSpec = {
  type: 'file',
  description: 'files',
  role: 'source',
  decodesRecords: true,
  fields: [
    field('path', {kind: 'path'}, {required: true}),
    field('format', {kind: 'choice', values: ['json', 'csv']}, {required: true}),
    field('bounded', {kind: 'boolean'}, {default: true}),
    field('skip-until', {kind: 'count', minimum: 0, maximum: Number.MAX_SAFE_INTEGER}),
    field('key-column', {kind: 'column'}),
    field('token', {kind: 'string', pattern: /^[a-z]+$/}, {secret: true}),
  ],
  isBounded: (options) => options['bounded'] === true,
};

const generator: ConnectorSpec = {
  type: 'generator',
  description: 'rows',
  role: 'source',
  fields: [
    field('rows', {kind: 'count', minimum: 1, maximum: 1e12}),
    field('start', {kind: 'scalar'}, {default: 0}),
  ],
  schemaOf: () => ({
    fields: [
      {name: 'n', type: BIGINT},
      {name: 'at', type: TIMESTAMP},
    ],
  }),
  isBounded: (options) => options['rows'] !== undefined,
};

const fileSink: ConnectorSpec = {
  type: 'file',
  description: 'part files',
  role: 'sink',
  exactlyOnce: true,
  fields: [
    field('path', {kind: 'path'}, {required: true}),
    field('format', {kind: 'choice', values: ['json', 'csv']}, {default: 'json'}),
  ],
};

const blackhole: ConnectorSpec = {
  type: 'blackhole',
  description: 'nothing',
  role: 'sink',
  fields: [],
};

const filter: OperatorSpec = {
  type: 'filter',
  description: 'rows that fit',
  inputs: 'one',
  choosesPartitioning: true,
  fields: [field('where', {kind: 'expression'}, {required: true})],
  plan({options, inputs, expressions, report}) {
    const input = inputs[0]!;
    const text = options['where'] as string;
    const checked = expressions.check(text, input.schema);
    if (checked.kind === 'invalid') report({path: ['where'], ...checked});
    return {
      schema: input.schema,
      eventTime: input.eventTime,
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: [namesIn(text)],
      passesColumns: true,
      options,
    };
  },
};

const project: OperatorSpec = {
  type: 'project',
  description: 'other columns',
  inputs: 'one',
  choosesPartitioning: true,
  fields: [
    field('select', {kind: 'map', of: {kind: 'expression'}, keys: /^[a-z_]+$/}, {required: true}),
  ],
  plan({options, inputs, expressions, report}) {
    const input = inputs[0]!;
    const pairs = options['select'] as readonly (readonly [string, string])[];
    for (const [name, text] of pairs) {
      const checked = expressions.check(text, input.schema);
      if (checked.kind === 'invalid') report({path: ['select', name], ...checked});
    }
    return {
      schema: {fields: pairs.map(([name]) => ({name, type: DOUBLE}))},
      eventTime: input.eventTime,
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: [pairs.flatMap(([, text]) => namesIn(text))],
      options,
    };
  },
};

const union: OperatorSpec = {
  type: 'union',
  description: 'several streams as one',
  inputs: 'many',
  choosesPartitioning: true,
  fields: [],
  plan({options, inputs}) {
    return {
      schema: inputs[0]!.schema,
      eventTime: inputs.every((input) => input.eventTime),
      keyColumns: null,
      stateful: false,
      sideOutputs: [],
      usedColumns: inputs.map(() => []),
      passesColumns: true,
      options,
    };
  },
};

const aggregate: OperatorSpec = {
  type: 'aggregate',
  description: 'one row per group',
  inputs: 'one',
  fields: [
    field('group-by', {kind: 'list', of: {kind: 'column'}, minimum: 1}, {required: true}),
    field('select', {kind: 'map', of: {kind: 'expression'}, keys: /^[a-z_]+$/}, {required: true}),
    field('late-to', {kind: 'string'}),
  ],
  plan({options, inputs, expressions, report}) {
    const input = inputs[0]!;
    const keys = options['group-by'] as readonly string[];
    const pairs = options['select'] as readonly (readonly [string, string])[];
    for (const [name, text] of pairs) {
      const checked = expressions.checkAggregate(text, input.schema);
      if (checked.kind === 'invalid') report({path: ['select', name], ...checked});
    }
    const late = options['late-to'] as string | undefined;
    return {
      schema: {
        fields: [
          ...keys.map((name) => ({name, type: STRING})),
          ...pairs.map(([name]) => ({name, type: BIGINT})),
        ],
      },
      eventTime: false,
      keyColumns: keys,
      stateful: true,
      sideOutputs: late === undefined ? [] : [{name: late, schema: input.schema}],
      usedColumns: [[...keys, ...pairs.flatMap(([, text]) => namesIn(text))]],
      options,
    };
  },
};

export const fakeCatalog: Catalog = {
  sources: [fileSource, generator],
  sinks: [fileSink, blackhole],
  operators: [filter, project, union, aggregate],
  expressions: fakeExpressions,
};
