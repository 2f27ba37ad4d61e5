// Backends, changelog and state: FLINK.md 3.3, 3.4 and 3.6.

import {OFF} from './refused-option.ts';
import type {RefusedOption} from './refused-option.ts';

const below = (prefix: string, ...keys: string[]): string[] =>
  keys.map((key) => `${prefix}.${key}`);

const CHANGELOG_DOES_NOT_EXIST =
  'there is no changelog of state: a checkpoint writes the state itself';

export const REFUSED_STATE: readonly RefusedOption[] = [
  {
    keys: below(
      'state.backend.rocksdb',
      'compaction.style',
      'compaction.level.use-dynamic-size',
      'compaction.level.target-file-size-base',
      'compaction.level.max-size-level-base',
      'compression.per.level',
      'writebuffer.number-to-merge',
      'block.cache-size',
      'block.metadata-blocksize',
      'bloom-filter.block-based-mode',
      'log.level',
      'log.dir',
      'log.file-num',
      'log.max-file-size',
    ),
    reason: 'the binding rocksdb-native cannot set it',
    instead: 'leave it out',
  },
  {
    keys: below(
      'state.backend.rocksdb',
      'memory.managed',
      'memory.fixed-per-slot',
      'memory.fixed-per-tm',
      'memory.write-buffer-ratio',
      'memory.high-prio-pool-ratio',
      'memory.partitioned-index-filters',
    ),
    reason:
      'there is no memory manager: rows are bounded by state.rocksdb.cache-size, the rest by write-buffer-size',
    instead: 'leave it out, or set state.rocksdb.cache-size',
  },
  {
    keys: below('state.backend.rocksdb', 'options-factory'),
    reason: 'a class of Java cannot be loaded here',
    instead: 'leave it out; state.rocksdb has the options',
  },
  {
    keys: below('state.backend.rocksdb', 'timer-service.factory', 'timer-service.cache-size'),
    reason: 'windows lie in RocksDB with their rows; there are no timers beside them',
    instead: 'leave it out',
  },
  {
    keys: below(
      'state.backend.rocksdb',
      'compaction.filter.periodic-compaction-time',
      'compaction.filter.query-time-after-num-entries',
      'ttl.compaction.filter.enabled',
    ),
    reason:
      'the binding rocksdb-native cannot set a compaction filter; ttl.cleanup says how rows that expired are found',
    instead: 'leave it out',
  },
  {
    keys: below(
      'state.backend.rocksdb',
      'write-batch-size',
      'restore-overlap-fraction-threshold',
      'use-ingest-db-restore-mode',
      'incremental-restore-async-compact-after-rescale',
      'rescaling.use-delete-files-in-range',
    ),
    reason: 'a rescaled restore reads its own key groups out of each database, and only those',
    instead: 'leave it out',
  },
  {
    keys: below('state.backend.rocksdb', 'checkpointdir', 'manual-compaction.*', 'metrics.*'),
    reason: 'it has no counterpart here',
    instead: 'leave it out',
  },
  {
    keys: ['state.backend.forst.*'],
    reason: 'the ForSt backend does not exist here',
    instead: 'leave it out: state is kept in memory, state.backend.type=hashmap',
  },
  {
    keys: [
      ...below('state.latency-track', 'keyed-state-enabled'),
      ...below('state.size-track', 'keyed-state-enabled'),
      ...below('state.backend.latency-track', 'keyed-state-enabled'),
    ],
    reason: 'access to state is not sampled: that would slow every record',
    instead: 'leave it out; `checkpoint list` shows the size of the state',
    holds: OFF,
  },
  {
    keys: ['latency-track', 'size-track', 'backend.latency-track'].flatMap((track) =>
      below(`state.${track}`, 'sample-interval', 'history-size', 'state-name-as-variable'),
    ),
    reason: 'access to state is not sampled, so there is nothing to tune',
    instead: 'leave it out',
  },
  {
    keys: ['state.backend.async'],
    reason: 'a snapshot is always written beside the job',
    instead: 'leave it out',
    holds: ['true'],
  },
  {
    keys: ['state.ttl.*'],
    reason: 'the ttl of state is set in the job file or by table.exec.state.ttl',
    instead: '-D table.exec.state.ttl=1h, or ttl: {duration: 1 h, …} in the file',
  },
  {
    keys: ['state.changelog.enabled'],
    reason: CHANGELOG_DOES_NOT_EXIST,
    instead: 'leave it out; for short checkpoints shorten execution.checkpointing.interval',
    holds: OFF,
  },
  {
    keys: [
      ...below(
        'state.changelog',
        'storage',
        'periodic-materialize.enabled',
        'periodic-materialize.interval',
        'max-failures-allowed',
      ),
      ...below('state.backend.changelog', 'periodic-materialize.interval', 'max-failures-allowed'),
      ...below('state.changelog.dstl.dfs', 'base-path', 'preemptive-persist-threshold'),
      ...below('state.changelog.dstl.dfs.batch', 'persist-delay', 'persist-size-threshold'),
      ...below(
        'state.changelog.dstl.dfs.upload',
        'num-threads',
        'buffer-size',
        'max-in-flight',
        'timeout',
        'retry-policy',
        'max-attempts',
        'next-attempt-delay',
      ),
      ...below(
        'state.changelog.dstl.dfs',
        'compression.enabled',
        'discard.num-threads',
        'download.local-cache.idle-timeout-ms',
      ),
      'dstl.dfs.*',
    ],
    reason: CHANGELOG_DOES_NOT_EXIST,
    instead: 'leave it out',
  },
];
