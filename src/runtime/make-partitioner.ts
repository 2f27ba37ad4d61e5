import {unreachable} from '../base/assert.ts';
import {HashPartitioner} from '../channels/hash-partitioner.ts';
import {broadcast, forward} from '../channels/partition-whole.ts';
import type {Partitioner} from '../channels/partitioner.ts';
import {RebalancePartitioner} from '../channels/rebalance-partitioner.ts';
import type {Partitioning} from '../graph/stream-graph.ts';
import type {Schema} from '../records/schema.ts';

export interface PartitionerPlace {
  readonly schema: Schema;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** The sender. */
  readonly subtask: number;
}

export function makePartitioner(partitioning: Partitioning, place: PartitionerPlace): Partitioner {
  const {schema, parallelism, maxParallelism, subtask} = place;
  switch (partitioning.kind) {
    case 'forward':
      return forward();
    case 'hash': {
      const key = partitioning.columns;
      return new HashPartitioner({schema, key, targetCount: parallelism, maxParallelism});
    }
    case 'rebalance':
      return new RebalancePartitioner(parallelism, subtask);
    case 'broadcast':
      return broadcast(parallelism);
    default:
      return unreachable(partitioning);
  }
}
