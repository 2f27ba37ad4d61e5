// The job file's own fields, declared like those of connectors and steps: validation, help and the
// reference come from here. Names are Flink's without their prefix; flink-options.ts maps the full keys.

import {ROCKSDB_FIELDS} from './rocksdb-fields.ts';
import type {FieldSpec} from './field-spec.ts';
import type {RestartStrategySpec} from './job-spec.ts';
import {RULES, canBeSwitchedOff, isRule} from './rules.ts';
import {JOB_TTL_FIELD} from './state-ttl.ts';
import {DEFAULT_MAX_PARALLELISM, MAX_PARALLELISM_LIMIT} from '../base/key-groups.ts';

/** Flink's least interval and timeout of a checkpoint. */
export const MIN_CHECKPOINT_MILLIS = 10;

export const JOB_FIELDS: readonly FieldSpec[] = [
  {
    name: 'name',
    type: {kind: 'string'},
    required: true,
    description: "The job's identity, together with its checkpoint directory.",
    example: 'delays-by-airport',
  },
  {
    name: 'parallelism',
    type: {kind: 'count', minimum: 1, maximum: MAX_PARALLELISM_LIMIT},
    default: 1,
    description: 'Subtasks of every operator.',
    example: '1',
  },
  {
    name: 'max-parallelism',
    type: {kind: 'count', minimum: 1, maximum: MAX_PARALLELISM_LIMIT},
    default: DEFAULT_MAX_PARALLELISM,
    description: 'Number of key groups; fixed for the life of the state.',
    example: '128',
  },
];

export const CHECKPOINTING_FIELDS: readonly FieldSpec[] = [
  {
    name: 'interval',
    type: {kind: 'duration'},
    description: 'Base period between checkpoints; absent: no periodic ones.',
    example: '10s',
  },
  {
    name: 'mode',
    type: {kind: 'choice', values: ['exactly-once', 'at-least-once']},
    default: 'exactly-once',
    description: 'With or without alignment of barriers.',
    example: 'exactly-once',
  },
  {
    name: 'timeout',
    type: {kind: 'duration'},
    default: '10 min',
    description: 'A checkpoint that is not complete by then is aborted.',
    example: '10 min',
  },
  {
    name: 'min-pause',
    type: {kind: 'duration'},
    default: '0s',
    description: 'Idle time after a complete checkpoint before the next.',
    example: '500ms',
  },
  {
    name: 'max-concurrent-checkpoints',
    type: {kind: 'count', minimum: 1, maximum: 1000},
    default: 1,
    description:
      'Checkpoints in flight at once. An operator writes the state of at most 4 (with rocksdb: of one); a further one is declined.',
    example: '1',
  },
  {
    name: 'tolerable-failed-checkpoints',
    type: {kind: 'count', minimum: 0, maximum: 1_000_000},
    default: 0,
    description: 'Failures in a row before the job fails.',
    example: '3',
  },
  {
    name: 'num-retained',
    type: {kind: 'count', minimum: 1, maximum: 10_000},
    default: 3,
    description: 'Complete checkpoints that are kept.',
    example: '3',
  },
  {
    name: 'externalized-checkpoint-retention',
    type: {
      kind: 'choice',
      values: ['retain-on-cancellation', 'delete-on-cancellation', 'no-externalized-checkpoints'],
    },
    default: 'retain-on-cancellation',
    description: 'What happens to the kept checkpoints when the job is cancelled.',
    example: 'retain-on-cancellation',
  },
  {
    name: 'unaligned',
    type: {
      kind: 'object',
      fields: [
        {
          name: 'enabled',
          type: {kind: 'boolean'},
          default: false,
          description: 'Barriers overtake queued records, which become part of the checkpoint.',
          example: 'true',
        },
        {
          name: 'forced',
          type: {kind: 'boolean'},
          default: false,
          description: 'Also for jobs in which they cannot be proved correct.',
          example: 'false',
        },
      ],
    },
    description: 'Unaligned checkpoints.',
    example: '{enabled: true}',
  },
  {
    name: 'aligned-checkpoint-timeout',
    type: {kind: 'duration'},
    default: '0s',
    description: 'Start aligned, turn unaligned when the alignment is older.',
    example: '30s',
  },
  {
    name: 'incremental',
    type: {kind: 'boolean'},
    default: false,
    description:
      'Store only what changed since the last complete checkpoint: rows, or with backend rocksdb files of the database.',
    example: 'true',
  },
  {
    name: 'max-chain',
    type: {kind: 'count', minimum: 1, maximum: 1000},
    default: 10,
    description:
      'Incremental: so many checkpoints with only changes may follow one that stores everything; sooner when their changes outweigh half of it.',
    example: '10',
  },
  {
    name: 'snapshot-compression',
    type: {kind: 'choice', values: ['none', 'gzip', 'brotli', 'zstd']},
    default: 'none',
    description:
      'How state files are compressed: checkpoints and savepoints of backend hashmap; of rocksdb canonical savepoints only, for its own files stay as RocksDB wrote them.',
    example: 'none',
  },
  {
    name: 'dir',
    type: {kind: 'string'},
    default: 'file:.tidemark',
    description: "Where checkpoints go; the job's own directory is `<dir>/<name>/`.",
    example: 'file:./state/checkpoints',
  },
  {
    name: 'savepoint-dir',
    type: {kind: 'string'},
    description: 'Where savepoints go that name no directory.',
    example: 'file:./state/savepoints',
  },
];

export const STATE_FIELDS: readonly FieldSpec[] = [
  {
    name: 'backend',
    type: {kind: 'choice', values: ['hashmap', 'rocksdb']},
    default: 'hashmap',
    description: 'How keyed state is kept.',
    example: 'hashmap',
  },
  JOB_TTL_FIELD,
  {
    name: 'rocksdb',
    type: {kind: 'object', fields: ROCKSDB_FIELDS},
    description: 'Of backend: rocksdb.',
    example: '{cache-size: 256mb}',
  },
];

/** What `validate` says of the job. */
export const LINT_FIELDS: readonly FieldSpec[] = [
  {
    name: 'off',
    type: {
      kind: 'list',
      of: {
        kind: 'choice',
        values: Object.keys(RULES).filter((rule) => isRule(rule) && canBeSwitchedOff(rule)),
      },
    },
    description:
      'Warnings that are meant so and not given, by the id of their rule; errors cannot be switched off.',
    example: '[short-interval]',
  },
];

/** Flink's heartbeat, between the main thread and the task threads. */
export const HEARTBEAT_FIELDS: readonly FieldSpec[] = [
  {
    name: 'interval',
    type: {kind: 'duration'},
    default: '10s',
    description: 'Time between two signs of life of a task thread.',
    example: '10s',
  },
  {
    name: 'timeout',
    type: {kind: 'duration'},
    default: '50s',
    description: 'A task thread that is silent for this long counts as dead: the job restarts.',
    example: '50s',
  },
];

const DELAY: FieldSpec = {
  name: 'delay',
  type: {kind: 'duration'},
  default: '1s',
  description: 'Time between a failure and the restart.',
  example: '1s',
};

/** The fields beside `type`, by type. */
export const RESTART_STRATEGY_FIELDS: Readonly<
  Record<RestartStrategySpec['type'], readonly FieldSpec[]>
> = {
  none: [],
  'fixed-delay': [
    {
      name: 'attempts',
      type: {kind: 'count', minimum: 1, maximum: 2_147_483_647},
      default: 1,
      description: 'Restarts before the job fails.',
      example: '3',
    },
    DELAY,
  ],
  'failure-rate': [
    {
      name: 'max-failures-per-interval',
      type: {kind: 'count', minimum: 1, maximum: 2_147_483_647},
      default: 1,
      description: 'More failures than this within the interval fail the job.',
      example: '3',
    },
    {
      name: 'failure-rate-interval',
      type: {kind: 'duration'},
      default: '1 min',
      description: 'The interval in which failures are counted.',
      example: '5 min',
    },
    DELAY,
  ],
  'exponential-delay': [
    {
      name: 'initial-backoff',
      type: {kind: 'duration'},
      default: '1s',
      description: 'Time before the first restart.',
      example: '1s',
    },
    {
      name: 'max-backoff',
      type: {kind: 'duration'},
      default: '1 min',
      description: 'The longest time before a restart.',
      example: '1 min',
    },
    {
      name: 'backoff-multiplier',
      type: {kind: 'number', minimum: 1, maximum: 1000},
      default: 1.5,
      description: 'Growth of the time with every failure.',
      example: '1.5',
    },
    {
      name: 'jitter-factor',
      type: {kind: 'number', minimum: 0, maximum: 1},
      default: 0.1,
      description: 'Random part of the time, up and down.',
      example: '0.1',
    },
    {
      name: 'reset-backoff-threshold',
      type: {kind: 'duration'},
      default: '1 h',
      description: 'Quiet time after which the first backoff counts again.',
      example: '1 h',
    },
    {
      name: 'attempts-before-reset-backoff',
      type: {
        kind: 'one-of',
        alternatives: [
          {kind: 'count', minimum: 1, maximum: 2_147_483_647},
          {kind: 'choice', values: ['infinite']},
        ],
      },
      default: 'infinite',
      description:
        'Restarts without such a quiet time before the job fails: a whole number or infinite.',
      example: 'infinite',
    },
  ],
};

export const WATERMARK_FIELDS: readonly FieldSpec[] = [
  {
    name: 'column',
    type: {kind: 'column'},
    required: true,
    description: 'The timestamp column that carries event time.',
    example: 'date',
  },
  {
    name: 'max-out-of-orderness',
    type: {kind: 'duration'},
    default: '0s',
    description: 'How far a record may come after a later one.',
    example: '5 min',
  },
  {
    name: 'idle-timeout',
    type: {kind: 'duration'},
    description: 'Without records for this long, the source no longer holds back the watermark.',
    example: '30s',
  },
];

export const RATE_LIMIT_FIELD: FieldSpec = {
  name: 'rate-limit',
  type: {kind: 'number', minimum: 0, maximum: 1e12},
  description: 'Rows per second, all subtasks of the source together.',
  example: '1000',
};

/** Of a step that keeps no state (`choosesPartitioning`). */
export const PARTITIONING_FIELD: FieldSpec = {
  name: 'partitioning',
  type: {kind: 'choice', values: ['forward', 'rebalance', 'broadcast']},
  default: 'forward',
  description:
    'Which subtask a record goes to: the one of the same number, each in turn, or every one of them.',
  example: 'rebalance',
};

/** Of a source that decodes bytes (`decodesRecords`). */
export const RECORD_FIELDS: readonly FieldSpec[] = [
  {
    name: 'max-record-size',
    type: {kind: 'size'},
    default: '1mb',
    description: 'A longer record is a bad record.',
    example: '64kb',
  },
  {
    name: 'on-bad-record',
    type: {
      kind: 'one-of',
      alternatives: [
        {kind: 'choice', values: ['fail', 'skip']},
        {
          kind: 'object',
          fields: [
            {
              name: 'dead-letter',
              type: {kind: 'path'},
              required: true,
              description: 'Directory of the bad records, committed exactly-once.',
              example: 'bad/',
            },
          ],
        },
      ],
    },
    default: 'fail',
    description: 'A record that cannot be read: stop, count it, or keep it elsewhere.',
    example: '{dead-letter: bad/}',
  },
];
