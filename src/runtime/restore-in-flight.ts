// Hands the restored in-flight data of each edge to the gates of this subtask: of an exchange by key, the rows of its
// own key groups out of every old channel; otherwise whole channels, dealt out by the old subtask that they led to.

import {must} from '../base/assert.ts';
import {EngineError} from '../base/errors.ts';
import {keyGroupRangeOf} from '../base/key-groups.ts';
import type {Partitioning} from '../graph/stream-graph.ts';
import {compileKeyGroups} from '../keys/key-groups-kernel.ts';
import {fieldIndex, type Schema} from '../records/schema.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {GateReplay, type KeyFilter, type ReplayedChannel} from './gate-replay.ts';
import {readInFlight, schemaJson, type InFlightChannel} from '../state/in-flight.ts';
import type {InputGate} from './input-gate.ts';
import type {Deployment} from './task-messages.ts';

/** One input of a gate of this subtask. */
export interface GateEdge {
  /** As `edgeKey` names it. */
  readonly key: string;
  readonly schema: Schema;
  readonly partitioning: Partitioning;
  readonly gate: InputGate;
}

export async function restoreInFlight(
  files: FileSystem,
  deployment: Deployment,
  edges: readonly GateEdge[],
): Promise<void> {
  const {restored} = deployment;
  if (restored === null) return;
  const byKey = new Map(edges.map((edge) => [edge.key, edge]));
  const channels = await readInFlight(files, restored, (key) => byKey.has(key));
  const replayed = new Map<InputGate, ReplayedChannel[]>();
  for (const channel of channels) {
    const edge = must(byKey.get(channel.edge), channel.edge);
    const own = ownShare(channel, edge, deployment);
    if (own === null) continue;
    replayed.set(edge.gate, [...(replayed.get(edge.gate) ?? []), own]);
  }
  for (const [gate, own] of replayed) gate.replayFirst(new GateReplay(own));
}

/** Null: none of it is this subtask's. */
function ownShare(
  {edge, from, to, schema: stored, messages}: InFlightChannel,
  {schema, partitioning}: GateEdge,
  {job, subtask}: Deployment,
): ReplayedChannel | null {
  if (JSON.stringify(stored) !== JSON.stringify(schemaJson(schema))) {
    throw new EngineError(
      'INCOMPATIBLE',
      `the in-flight data of ${edge} has other columns than the job`,
      {
        hint: 'Restore it into the job that wrote it, stop that with a last (aligned) checkpoint, and restore from there.',
      },
    );
  }
  const {parallelism, maxParallelism} = job;
  if (partitioning.kind !== 'hash') {
    return to % parallelism === subtask ? {edge, from, schema, messages, filter: null} : null;
  }
  const columns = partitioning.columns.map((name) => fieldIndex(schema, name));
  const fields = columns.map((index) => must(schema.fields[index], 'key field'));
  const filter: KeyFilter = {
    columns,
    kernel: compileKeyGroups(fields, maxParallelism),
    range: keyGroupRangeOf(subtask, parallelism, maxParallelism),
  };
  return {edge, from, schema, messages, filter};
}
