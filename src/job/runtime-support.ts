import {HAS_ZSTD} from '../base/compression.ts';
import type {CheckpointingSpec, JobSpec, RestartStrategySpec} from './job-spec.ts';

/** What the engine can run. A job that asks for more is refused with the reason, never run otherwise. */
export interface RuntimeSupport {
  /** Each is a thread, with a ring to each of the others. */
  readonly parallelism: number;
  readonly backends: readonly JobSpec['state']['backend'][];
  readonly snapshotCompressions: readonly CheckpointingSpec['snapshotCompression'][];
  readonly restartStrategies: readonly RestartStrategySpec['type'][];
}

export const RUNTIME_SUPPORT: RuntimeSupport = {
  parallelism: 64,
  backends: ['hashmap', 'rocksdb'],
  snapshotCompressions: ['none', 'gzip', 'brotli', ...(HAS_ZSTD ? (['zstd'] as const) : [])],
  restartStrategies: ['none', 'fixed-delay', 'failure-rate', 'exponential-delay'],
};
