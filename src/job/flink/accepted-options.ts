// Flink's full keys that a field of the job file stands for, and the field.

import {RESTART_STRATEGY_FIELDS} from '../job-fields.ts';
import type {RestartStrategySpec} from '../job-spec.ts';

export interface AcceptedOption {
  /** Where the value goes. */
  readonly path: readonly string[];
  /** Belongs to that restart strategy only. */
  readonly strategy: RestartStrategySpec['type'] | null;
}

const CHECKPOINTING_KEYS = [
  'interval',
  'mode',
  'timeout',
  'min-pause',
  'max-concurrent-checkpoints',
  'tolerable-failed-checkpoints',
  'num-retained',
  'externalized-checkpoint-retention',
  'unaligned.enabled',
  'unaligned.forced',
  'aligned-checkpoint-timeout',
  'incremental',
  'snapshot-compression',
  'dir',
  'savepoint-dir',
];

const OTHER_KEYS: Readonly<Record<string, readonly string[]>> = {
  'restart-strategy.type': ['restart-strategy', 'type'],
  'pipeline.name': ['name'],
  'parallelism.default': ['parallelism'],
  'pipeline.max-parallelism': ['max-parallelism'],
  'state.backend.type': ['state', 'backend'],
  'heartbeat.interval': ['heartbeat', 'interval'],
  'heartbeat.timeout': ['heartbeat', 'timeout'],
  'table.exec.state.ttl': ['state', 'ttl'],
};

/** Below `state.backend.rocksdb`. */
const ROCKSDB_KEYS: Readonly<Record<string, string>> = {
  'predefined-options': 'predefined-options',
  'writebuffer.size': 'write-buffer-size',
  'writebuffer.count': 'write-buffer-count',
  'thread.num': 'background-threads',
  'files.open': 'open-files',
  'block.blocksize': 'block-size',
  'use-bloom-filter': 'use-bloom-filter',
  'bloom-filter.bits-per-key': 'bloom-filter-bits-per-key',
  'checkpoint.transfer.thread.num': 'transfer-threads',
  localdir: 'local-directories',
};

export const ACCEPTED_OPTIONS: ReadonlyMap<string, AcceptedOption> = new Map([
  ...CHECKPOINTING_KEYS.map((key): [string, AcceptedOption] => [
    `execution.checkpointing.${key}`,
    {path: ['checkpointing', ...key.split('.')], strategy: null},
  ]),
  ...Object.entries(ROCKSDB_KEYS).map(([key, field]): [string, AcceptedOption] => [
    `state.backend.rocksdb.${key}`,
    {path: ['state', 'rocksdb', field], strategy: null},
  ]),
  ...Object.entries(OTHER_KEYS).map(([key, path]): [string, AcceptedOption] => [
    key,
    {path, strategy: null},
  ]),
  ...Object.entries(RESTART_STRATEGY_FIELDS).flatMap(([type, fields]) =>
    fields.map(({name}): [string, AcceptedOption] => [
      `restart-strategy.${type}.${name}`,
      {path: ['restart-strategy', name], strategy: type as RestartStrategySpec['type']},
    ]),
  ),
]);
