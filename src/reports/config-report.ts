// What `config show` tells: the values that hold for a job. Nothing here runs it.

import {resolve} from 'node:path';

import {jobCatalog} from '../catalog.ts';
import {readJobFile, requireJob} from '../engine.ts';
import {effectiveConfig, type ConfigValue} from '../job/effective-config.ts';
import type {Environment, JobOverrides} from '../runtime/run-types.ts';

export type {ConfigOrigin, ConfigValue} from '../job/effective-config.ts';

export interface ConfigReport {
  /** Absolute; null: of no job. */
  readonly file: string | null;
  readonly jobName: string | null;
  readonly values: readonly ConfigValue[];
}

export interface ConfigRequest {
  readonly overrides: JobOverrides;
  readonly environment: Environment;
}

/** JOB_INVALID when the file, with the overrides, is no job. */
export async function configOf(
  file: string | null,
  {overrides, environment}: ConfigRequest,
): Promise<ConfigReport> {
  const common = {catalog: jobCatalog, environment, overrides};
  if (file === null) {
    return {file, jobName: null, values: effectiveConfig({bytes: null, ...common})};
  }
  const path = resolve(file);
  const {job} = await requireJob({file: path, overrides, environment});
  const bytes = await readJobFile(path);
  return {file: path, jobName: job.name, values: effectiveConfig({bytes, ...common})};
}
