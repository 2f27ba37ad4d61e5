import {must} from '../base/assert.ts';
import type {JsonValue} from '../base/json.ts';
import {edgeKey} from '../graph/channel-key.ts';
import {buildExecutionGraph} from '../graph/execution-graph.ts';
import {buildStreamGraph} from '../graph/stream-graph.ts';
import {streamSchemas} from '../graph/stream-schemas.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {JobOperator} from '../recovery/plan-restore.ts';
import {schemaJson} from '../state/in-flight.ts';

/** The operators of a job, as a restore plan compares them with a checkpoint's. */
export function jobOperators(job: JobSpec): JobOperator[] {
  return buildStreamGraph(job).nodes.map(({uid, type, stateful}) => {
    const step = job.steps.find((candidate) => candidate.uid === uid);
    return {uid, type, stateful, compatibility: step?.stateFacets ?? null};
  });
}

/** The edges between its tasks, with the schema of what they carry. */
export function jobEdges(job: JobSpec): ReadonlyMap<string, JsonValue> {
  const schemas = streamSchemas(job);
  const edges = new Map<string, JsonValue>();
  for (const chain of buildExecutionGraph(buildStreamGraph(job)).chains) {
    for (const input of chain.inputs) {
      const schema = must(schemas.get(input.stream), `schema of ${input.stream}`);
      edges.set(edgeKey(input, chain.id), schemaJson(schema));
    }
  }
  return edges;
}
