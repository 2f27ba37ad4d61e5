// What a REF or the target of a command means, where no job file is at hand: jobs are those of the registry. Never writes.

import {resolve} from 'node:path';

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {knownJobs} from '../control/known-jobs.ts';
import {
  resolveJobDirectory,
  resolveReference,
  withoutScheme,
  type ResolveOptions,
} from '../inspection/resolve-reference.ts';
import type {Environment} from '../runtime/run-types.ts';
import {blockingFileSystem as files} from '../storage/blocking-file-system.ts';
import {jobDirectoryOf} from '../storage/paths.ts';
import {statusOrNull} from '../storage/status-or-null.ts';

/** Of a checkpoint or savepoint, by a REF. */
export async function resolveCheckpoint(
  ref: string,
  options: {readonly environment: Environment; readonly only?: 'savepoints' | undefined},
): Promise<string> {
  return resolveReference({...resolving(options.environment), only: options.only}, ref);
}

function resolving(environment: Environment): ResolveOptions {
  return {
    files,
    workingDirectory: process.cwd(),
    checkpointsDirectory: null,
    knownJobs: () => knownJobs(environment),
  };
}

/** A path beats a job's name. */
export async function listedDirectory(target: string, environment: Environment): Promise<string> {
  const path = resolve(withoutScheme(target));
  if ((await statusOrNull(files, path)) === null) {
    const directory = await resolveJobDirectory(resolving(environment), target);
    if (directory !== null) return directory;
  }
  return directoryOf(path, environment);
}

/** A job file stands for its job's checkpoint directory. */
export async function directoryOf(path: string, environment: Environment): Promise<string> {
  if ((await statusOrNull(files, path))?.kind !== 'file') return path;
  // Only now: the engine is most of what a list would otherwise load.
  const {readJob} = await import('../engine.ts');
  const loaded = await readJob(path, {flink: [], set: []}, environment);
  if (loaded.kind === 'ok') {
    return jobDirectoryOf(loaded.job.checkpointing.directory, loaded.job.name);
  }
  throw new EngineError(
    'JOB_INVALID',
    `${path} is no valid job file: ${loaded.findings[0]?.message ?? ''}`,
    {
      file: path,
      hint: `see every finding: tidemark validate ${shellWord(path)}`,
    },
  );
}
