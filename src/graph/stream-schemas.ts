// The columns that batches of each stream really have: a source decodes only what the job uses, and steps that pass
// columns on pass on what they get.

import {must} from '../base/assert.ts';
import type {JobSpec, SourceSpec} from '../job/job-spec.ts';
import type {Schema} from '../records/schema.ts';
import {usedSourceColumns} from './used-columns.ts';

/** By stream: uids of sources and steps, names of side outputs. */
export function streamSchemas(job: JobSpec): ReadonlyMap<string, Schema> {
  const schemas = new Map<string, Schema>();
  const used = usedSourceColumns(job);
  for (const source of job.sources) {
    schemas.set(source.uid, narrowSource(source, must(used.get(source.uid), source.uid)).schema);
    for (const {name, schema} of source.sideOutputs) schemas.set(name, schema);
  }
  for (const step of job.steps) {
    const inputs = step.inputs.map((name) => must(schemas.get(name), `schema of ${name}`));
    schemas.set(step.uid, step.passesColumns ? must(inputs[0], 'an input') : step.schema);
    for (const {name, schema} of step.sideOutputs) schemas.set(name, schema);
  }
  return schemas;
}

/** The source as it is read: with the columns of `used` only. */
export function narrowSource(source: SourceSpec, used: readonly string[]): SourceSpec {
  const wanted = new Set(used);
  const columns = source.columns.filter(({name}) => wanted.has(name));
  const fields = source.schema.fields.filter(({name}) => wanted.has(name));
  return {...source, columns, schema: {fields}};
}
