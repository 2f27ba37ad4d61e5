import {ALIGNER_MUTANTS} from './aligner-mutants.ts';
import {CHANNEL_MUTANTS} from './channel-mutants.ts';
import {CLAIM_MUTANTS} from './claim-mutants.ts';
import {COORDINATOR_MUTANTS} from './coordinator-mutants.ts';
import {DECODER_MUTANTS} from './decoder-mutants.ts';
import {DELTA_MUTANTS} from './delta-mutants.ts';
import {DEPLOYMENT_MUTANTS} from './deployment-mutants.ts';
import {DISPOSSESSION_MUTANTS} from './dispossession-mutants.ts';
import {FLINK_MUTANTS} from './flink-mutants.ts';
import {INSPECTION_MUTANTS} from './inspection-mutants.ts';
import {LARGE_STATE_MUTANTS} from './large-state-mutants.ts';
import {LINK_MUTANTS} from './link-mutants.ts';
import type {Mutant} from './mutant.ts';
import {PRUNE_MUTANTS} from './prune-mutants.ts';
import {USE_MARK_MUTANTS} from './use-mark-mutants.ts';
import {RACE_MUTANTS} from './race-mutants.ts';
import {RECOVERY_MUTANTS} from './recovery-mutants.ts';
import {ROCKSDB_MUTANTS} from './rocksdb-mutants.ts';
import {RUNTIME_MUTANTS} from './runtime-mutants.ts';
import {SAVEPOINT_MUTANTS} from './savepoint-mutants.ts';
import {SHARED_MUTANTS} from './shared-mutants.ts';
import {SINK_MUTANTS} from './sink-mutants.ts';
import {SST_MUTANTS} from './sst-mutants.ts';
import {STATE_MUTANTS} from './state-mutants.ts';
import {STORAGE_MUTANTS} from './storage-mutants.ts';
import {TTL_MUTANTS} from './ttl-mutants.ts';
import {VERIFY_MUTANTS} from './verify-mutants.ts';

export const ALL_MUTANTS: readonly Mutant[] = [
  ...COORDINATOR_MUTANTS,
  ...ALIGNER_MUTANTS,
  ...CHANNEL_MUTANTS,
  ...RACE_MUTANTS,
  ...STORAGE_MUTANTS,
  ...SHARED_MUTANTS,
  ...RECOVERY_MUTANTS,
  ...SINK_MUTANTS,
  ...DECODER_MUTANTS,
  ...STATE_MUTANTS,
  ...ROCKSDB_MUTANTS,
  ...LARGE_STATE_MUTANTS,
  ...SST_MUTANTS,
  ...DELTA_MUTANTS,
  ...RUNTIME_MUTANTS,
  ...DEPLOYMENT_MUTANTS,
  ...SAVEPOINT_MUTANTS,
  ...TTL_MUTANTS,
  ...CLAIM_MUTANTS,
  ...DISPOSSESSION_MUTANTS,
  ...FLINK_MUTANTS,
  ...INSPECTION_MUTANTS,
  ...VERIFY_MUTANTS,
  ...PRUNE_MUTANTS,
  ...USE_MARK_MUTANTS,
  ...LINK_MUTANTS,
];
