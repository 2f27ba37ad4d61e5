// Flink's spelling of a value → the job file's: `EXACTLY_ONCE`, `TRUE`, `disable`.

import type {FieldKind, FieldSpec} from '../field-spec.ts';
import {
  CHECKPOINTING_FIELDS,
  HEARTBEAT_FIELDS,
  JOB_FIELDS,
  RESTART_STRATEGY_FIELDS,
  STATE_FIELDS,
} from '../job-fields.ts';

/** What Flink calls the strategies, with and without their hyphens. */
const STRATEGIES: Readonly<Record<string, string>> = {
  disable: 'none',
  disabled: 'none',
  off: 'none',
  none: 'none',
  false: 'none',
  norestart: 'none',
  fixeddelay: 'fixed-delay',
  failurerate: 'failure-rate',
  exponentialdelay: 'exponential-delay',
};

/** Two older names of Flink for state on the heap, and its factory. */
const HEAP_BACKENDS: ReadonlySet<string> = new Set([
  'jobmanager',
  'filesystem',
  'org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory',
]);
const ROCKSDB_FACTORY =
  /^org\.apache\.flink\.(contrib\.streaming\.state\.EmbeddedRocksDBStateBackendFactory|state\.rocksdb\.EmbeddedRocksDBStateBackendFactory)$/;

export type FlinkValue =
  | {readonly kind: 'ok'; readonly text: string}
  | {readonly kind: 'refused'; readonly reason: string; readonly instead: string};

export function fromFlinkValue(path: readonly string[], value: string): FlinkValue {
  switch (path.join('.')) {
    case 'restart-strategy.type':
      return ok(strategyName(value));
    case 'checkpointing.snapshot-compression':
      return compression(value);
    case 'state.backend':
      return backend(value);
    case 'state.ttl':
      return /^0 *[a-z]*$/i.test(value) ? ok('none') : duration(value);
    case 'max-parallelism':
      return maxParallelism(value);
    case 'state.rocksdb.local-directories':
      return ok(JSON.stringify(value.split(/[,:]/).filter((path) => path !== '')));
  }
  switch (kindAt(path)?.kind) {
    case 'choice':
      return ok(value.toLowerCase().replaceAll('_', '-'));
    case 'boolean':
      return ok(/^(true|false)$/i.test(value) ? value.toLowerCase() : value);
    case 'duration':
      return duration(value);
    default:
      return ok(value);
  }
}

function ok(text: string): FlinkValue {
  return {kind: 'ok', text};
}

function strategyName(value: string): string {
  const lower = value.toLowerCase();
  const name = lower.replaceAll(/[-_]/g, '');
  return Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name]! : lower;
}

/** A boolean in Flink, where true means Snappy. */
function compression(value: string): FlinkValue {
  const lower = value.toLowerCase();
  if (lower === 'false') return ok('none');
  if (lower !== 'true') return ok(value);
  return {
    kind: 'refused',
    reason: 'true is Snappy in Flink, which does not exist here',
    instead: 'write gzip or brotli, which Flink does not know, or false',
  };
}

function backend(value: string): FlinkValue {
  if (HEAP_BACKENDS.has(value)) return ok('hashmap');
  if (ROCKSDB_FACTORY.test(value)) return ok('rocksdb');
  const isForSt = value === 'forst' || /\bForSt\w*Factory$/.test(value);
  if (!isForSt && !value.includes('.')) return ok(value);
  return {
    kind: 'refused',
    reason: isForSt
      ? 'the ForSt backend does not exist here'
      : 'a class of Java cannot be loaded here',
    instead: 'write hashmap',
  };
}

/** -1 is Flink's default: it finds a number from the parallelism, which then holds for ever. */
function maxParallelism(value: string): FlinkValue {
  if (value !== '-1') return ok(value);
  return {
    kind: 'refused',
    reason:
      '-1 leaves the number to Flink; here it always stands in the job, because state keeps it',
    instead: 'leave it out for 128, or write the number',
  };
}

/** Flink takes a bare number for milliseconds; whoever forgot the unit may have meant seconds. */
function duration(value: string): FlinkValue {
  if (!/^\d+$/.test(value) || /^0+$/.test(value)) return ok(value);
  return {
    kind: 'refused',
    reason: `${value} is a duration without a unit`,
    instead: `write ${value}ms, as Flink would read it, or ${value}s`,
  };
}

function kindAt(path: readonly string[]): FieldKind | undefined {
  const [section, ...rest] = path;
  switch (section) {
    case 'checkpointing':
      return kindIn(CHECKPOINTING_FIELDS, rest);
    case 'state':
      return kindIn(STATE_FIELDS, rest);
    case 'heartbeat':
      return kindIn(HEARTBEAT_FIELDS, rest);
    case 'restart-strategy':
      return kindIn(Object.values(RESTART_STRATEGY_FIELDS).flat(), rest);
    default:
      return kindIn(JOB_FIELDS, path);
  }
}

function kindIn(fields: readonly FieldSpec[], path: readonly string[]): FieldKind | undefined {
  const [name, ...rest] = path;
  const kind = fields.find((field) => field.name === name)?.type;
  return kind?.kind === 'object' && rest.length > 0 ? kindIn(kind.fields, rest) : kind;
}
