// Which columns of each source the job really reads, found from the sinks backwards: a column is used
// when a step reads it itself, or lets it through to someone who uses it.

import {must} from '../base/assert.ts';
import type {OperatorUid} from '../base/ids.ts';
import type {JobSpec, StepSpec} from '../job/job-spec.ts';
import type {Schema} from '../records/schema.ts';

/** Source uid → its used columns in the order of its schema. The watermark's column always counts. */
export function usedSourceColumns(job: JobSpec): ReadonlyMap<OperatorUid, readonly string[]> {
  const used = new Map<string, Set<string>>();
  const use = (stream: string, columns: Iterable<string>): void => {
    const set = used.get(stream) ?? new Set<string>();
    for (const column of columns) set.add(column);
    used.set(stream, set);
  };
  const schemas = schemasOf(job);
  for (const sink of job.sinks) use(sink.input, namesOf(sink.schema));
  // Steps come after their inputs, so backwards every consumer comes before its producer.
  for (const step of job.steps.toReversed()) {
    const passed = passedColumns(step, used);
    for (const [input, stream] of step.inputs.entries()) {
      const own = step.usedColumns[input] ?? null;
      const names = namesOf(must(schemas.get(stream), `schema of ${stream}`));
      use(stream, own === null ? names : own);
      use(
        stream,
        names.filter((name) => passed.has(name)),
      );
    }
  }
  return new Map(
    job.sources.map((source) => {
      const columns = used.get(source.uid) ?? new Set<string>();
      if (source.watermark !== null) columns.add(source.watermark.column);
      return [source.uid, namesOf(source.schema).filter((name) => columns.has(name))];
    }),
  );
}

/** Names of columns that consumers use of what goes through the step unchanged. */
function passedColumns(
  step: StepSpec,
  used: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlySet<string> {
  const passed = new Set<string>();
  // A side output carries records of the input as they came.
  const streams = step.sideOutputs.map((output) => output.name);
  if (step.passesColumns) streams.push(step.uid);
  for (const stream of streams) for (const column of used.get(stream) ?? []) passed.add(column);
  return passed;
}

function schemasOf(job: JobSpec): ReadonlyMap<string, Schema> {
  const schemas = new Map<string, Schema>();
  for (const {uid, schema, sideOutputs} of [...job.sources, ...job.steps]) {
    schemas.set(uid, schema);
    for (const output of sideOutputs) schemas.set(output.name, output.schema);
  }
  return schemas;
}

function namesOf(schema: Schema): string[] {
  return schema.fields.map((field) => field.name);
}
