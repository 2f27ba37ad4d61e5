// The memory that the threads of one deployment share: a ring for each channel between two threads, a bell
// and a beat for each thread. Allocated by the master before the first thread starts; a deployment never
// uses the memory of another, so that a thread which was given up and wakes reaches nobody.

import type {ExecutionGraph} from '../graph/execution-graph.ts';
import {newRingBuffer} from '../channels/ring.ts';
import {newBellBuffer} from '../channels/thread-bell.ts';
import {channelKey, edgeKey} from '../graph/channel-key.ts';

export interface DeploymentMemory {
  /** By `channelKey`. */
  readonly rings: Readonly<Record<string, SharedArrayBuffer>>;
  /** By subtask. */
  readonly bells: readonly SharedArrayBuffer[];
  /** An int per subtask, counted up while its thread lives. */
  readonly beats: SharedArrayBuffer;
}

export function allocateMemory(graph: ExecutionGraph, parallelism: number): DeploymentMemory {
  const rings: Record<string, SharedArrayBuffer> = {};
  const exchanged = graph.chains.flatMap(({id, inputs}) =>
    inputs
      .filter(({partitioning}) => partitioning.kind !== 'forward')
      .map((input) => edgeKey(input, id)),
  );
  for (const edge of exchanged) {
    for (let from = 0; from < parallelism; from += 1) {
      for (let to = 0; to < parallelism; to += 1) {
        if (from !== to) rings[channelKey(edge, from, to)] = newRingBuffer();
      }
    }
  }
  return {
    rings,
    bells: Array.from({length: parallelism}, newBellBuffer),
    beats: new SharedArrayBuffer(parallelism * 4),
  };
}
