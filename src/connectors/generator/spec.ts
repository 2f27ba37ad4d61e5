import type {FieldSpec} from '../../job/field-spec.ts';
import type {OptionValues} from '../../job/job-spec.ts';
import type {ConnectorSpec} from '../../job/operator-spec.ts';
import {FIELD_KINDS, planFields} from './field-plan.ts';

/** Splits bound the parallelism at which every subtask still has work. */
const MAX_SPLITS = 1024;

const columnFields: readonly FieldSpec[] = [
  {
    name: 'kind',
    type: {kind: 'choice', values: FIELD_KINDS},
    required: true,
    description: 'How the values are made.',
    example: 'sequence',
  },
  {
    name: 'start',
    type: {kind: 'scalar'},
    description: 'First value: of a sequence a whole number (0), of a timestamp an instant (1970).',
    example: '2026-01-01T00:00:00Z',
  },
  {
    name: 'step',
    type: {kind: 'scalar'},
    description:
      'From one row to the next: of a sequence a number (1), of a timestamp a duration (1s).',
    example: '10ms',
  },
  {
    name: 'disorder',
    type: {kind: 'scalar'},
    description: 'A timestamp is late by a random duration up to this (0s).',
    example: '2s',
  },
  {
    name: 'min',
    type: {kind: 'number'},
    description: 'Least value of a uniform field (0).',
    example: '5',
  },
  {
    name: 'max',
    type: {kind: 'number'},
    description: 'Greatest value of a uniform field (1 for double, else 100).',
    example: '2500',
  },
  {
    name: 'n',
    type: {kind: 'number'},
    description: 'A zipf field draws ranks from 1 to n (1000).',
    example: '10000',
  },
  {
    name: 'exponent',
    type: {kind: 'number'},
    description: 'Skew of a zipf field: rank r has the weight r^-exponent (1).',
    example: '1.1',
  },
  {
    name: 'values',
    type: {kind: 'list', of: {kind: 'scalar'}, minimum: 1},
    description: 'What a choice chooses from.',
    example: '[home, search, basket]',
  },
  {
    name: 'weights',
    type: {kind: 'list', of: {kind: 'number'}},
    description: 'One for each value of a choice (all equal).',
    example: '[70, 20, 10]',
  },
  {
    name: 'value',
    type: {kind: 'scalar'},
    description: 'The value of a constant field.',
    example: 'web',
  },
  {
    name: 'type',
    type: {kind: 'choice', values: ['int', 'bigint', 'double']},
    description:
      'Type of a number field: sequence and zipf bigint, uniform double, unless said here.',
    example: 'int',
  },
  {
    name: 'prefix',
    type: {kind: 'string'},
    description: 'Makes a string of a number field: the prefix, then the whole number.',
    example: 'user-',
  },
];

export const generatorSpec: ConnectorSpec = {
  type: 'generator',
  role: 'source',
  description: 'Makes rows from a seed: the same rows each time, at any parallelism.',
  fields: [
    {
      name: 'fields',
      type: {
        kind: 'map',
        of: {kind: 'object', fields: columnFields},
        keys: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
      },
      required: true,
      description: 'The columns and how their values are made.',
      example: '{id: {kind: sequence}, user: {kind: zipf, n: 10000, prefix: u}}',
    },
    {
      name: 'rows',
      type: {kind: 'count', minimum: 0, maximum: Number.MAX_SAFE_INTEGER},
      description: 'How many rows in all; without it the source is endless.',
      example: '1000000',
    },
    {
      name: 'seed',
      type: {kind: 'count', minimum: 0, maximum: Number.MAX_SAFE_INTEGER},
      default: 0,
      description: 'Another seed gives other values.',
      example: '7',
    },
    {
      name: 'splits',
      type: {kind: 'count', minimum: 1, maximum: MAX_SPLITS},
      default: 8,
      description:
        'Parts that subtasks share out among themselves; fixed for the life of the state.',
      example: '8',
    },
  ],
  schemaOf(options) {
    const plans = planFields(options['fields'], () => undefined);
    return {fields: plans.map(({name, type}) => ({name, type}))};
  },
  isBounded: (options: OptionValues) => options['rows'] !== undefined,
  check(request) {
    planFields(request.options['fields'], (problem) => request.report(problem));
  },
};
