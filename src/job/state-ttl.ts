// How long keyed state without a window lives: `state.ttl` of the job, `ttl` of a step. Names and defaults are those of
// Flink's StateTtlConfig; what they mean at run time stands at the top of operators/ttl/table-ttl.ts.

import type {FieldKind, FieldSpec} from './field-spec.ts';
import type {OptionValue, OptionValues, StateTtl} from './job-spec.ts';

const DEFAULT_CLEANUP_SIZE = 5;

const CLEANUP_FIELDS: readonly FieldSpec[] = [
  {
    name: 'full-snapshot',
    type: {kind: 'boolean'},
    default: false,
    description:
      'Before each snapshot all rows are looked at, and those that expired go; the task waits for it.',
    example: 'true',
  },
  {
    name: 'in-background',
    type: {kind: 'boolean'},
    default: true,
    description: 'While records come, some rows are looked at, and those that expired go.',
    example: 'false',
  },
  {
    name: 'incremental',
    type: {
      kind: 'object',
      fields: [
        {
          name: 'cleanup-size',
          type: {kind: 'count', minimum: 1, maximum: 1000},
          default: DEFAULT_CLEANUP_SIZE,
          description: 'Rows that are looked at for each record.',
          example: '10',
        },
      ],
    },
    description: 'How fast the search in the background goes.',
    example: '{cleanup-size: 10}',
  },
];

const TTL_KIND: FieldKind = {
  kind: 'one-of',
  alternatives: [
    {kind: 'duration'},
    {kind: 'choice', values: ['none']},
    {
      kind: 'object',
      fields: [
        {
          name: 'duration',
          type: {kind: 'duration'},
          required: true,
          description: 'A row that is as old as this has expired.',
          example: '1 h',
        },
        {
          name: 'update-type',
          type: {kind: 'choice', values: ['on-create-and-write', 'on-read-and-write']},
          default: 'on-create-and-write',
          description:
            'What makes a row young again: a record of its group, or also its result going out.',
          example: 'on-read-and-write',
        },
        {
          name: 'visibility',
          type: {
            kind: 'choice',
            values: ['never-return-expired', 'return-expired-if-not-cleaned-up'],
          },
          default: 'never-return-expired',
          description: 'Whether a row that expired and is still there counts.',
          example: 'return-expired-if-not-cleaned-up',
        },
        {
          name: 'cleanup',
          type: {kind: 'object', fields: CLEANUP_FIELDS},
          description: 'When rows that expired are removed, besides when their key comes again.',
          example: '{full-snapshot: true}',
        },
      ],
    },
  ],
};

/** `state.ttl`: of every step that keeps state without a window and says nothing itself. */
export const JOB_TTL_FIELD: FieldSpec = {
  name: 'ttl',
  type: TTL_KIND,
  default: 'none',
  description: 'How long state without a window lives after the last record of its key.',
  example: '1 h',
};

/** Of a step; absent: what the job says. */
export const STEP_TTL_FIELD: FieldSpec = {
  name: 'ttl',
  type: TTL_KIND,
  description:
    'Without a window: how long a group lives after its last record, a duration or none; absent: state.ttl.',
  example: '{duration: 1 h, update-type: on-create-and-write, visibility: never-return-expired}',
};

export interface TtlProblem {
  /** Keys below the ttl. */
  readonly path: readonly string[];
  readonly message: string;
  readonly suggestion: string;
}

export type ReadTtl =
  | {readonly kind: 'ok'; readonly ttl: StateTtl | null}
  | {readonly kind: 'invalid'; readonly problem: TtlProblem};

/** A value of either field, as `readValue` gives it; a null ttl: state lives on. */
export function readStateTtl(value: OptionValue): ReadTtl {
  if (value === undefined || value === 'none') return {kind: 'ok', ttl: null};
  const isShort = typeof value === 'number';
  const options: OptionValues = isShort ? {duration: value} : (value as OptionValues);
  const durationMillis = options['duration'] as number;
  const cleanup = (options['cleanup'] ?? {}) as OptionValues;
  const incremental = cleanup['incremental'] as OptionValues | undefined;
  if (durationMillis === 0) {
    const message = 'a ttl of 0 would let state expire as it is written';
    const path = isShort ? [] : ['duration'];
    return {kind: 'invalid', problem: {path, message, suggestion: 'none, for state that lives on'}};
  }
  if (cleanup['in-background'] === false && incremental !== undefined) {
    const message = 'incremental clean-up is clean-up in the background, which is switched off';
    const path = ['cleanup', 'incremental'];
    return {kind: 'invalid', problem: {path, message, suggestion: 'remove one of the two'}};
  }
  const size = (incremental?.['cleanup-size'] ?? DEFAULT_CLEANUP_SIZE) as number;
  const ttl: StateTtl = {
    durationMillis,
    updateType: (options['update-type'] ?? 'on-create-and-write') as StateTtl['updateType'],
    visibility: (options['visibility'] ?? 'never-return-expired') as StateTtl['visibility'],
    cleanupInFullSnapshot: cleanup['full-snapshot'] === true,
    cleanupSize: cleanup['in-background'] === false ? 0 : size,
  };
  return {kind: 'ok', ttl};
}
