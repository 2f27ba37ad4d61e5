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

/** A path beats a job's name. NOT_FOUND when it is neither, USAGE when it is one checkpoint of a job. */
export async function listedDirectory(target: string, environment: Environment): Promise<string> {
  const path = resolve(withoutScheme(target));
  if ((await statusOrNull(files, path)) !== null) return directoryOf(path, environment);
  const jobs = resolving(environment);
  const directory = await resolveJobDirectory(jobs, target);
  if (directory !== null) return directory;
  const [, job = null] = /^(.+)@(?:latest|\d+)$/u.exec(target) ?? [];
  const ofJob = job === null ? null : await resolveJobDirectory(jobs, job);
  if (ofJob !== null) {
    throw new EngineError(
      'USAGE',
      `${target} is one checkpoint; here those of a job are asked for`,
      {
        hint: `see all of the job: tidemark checkpoint list ${shellWord(ofJob)}`,
      },
    );
  }
  throw new EngineError('NOT_FOUND', `${path} is not there, and no job is called ${target}`, {
    file: path,
    hint: 'see the jobs that are known here: tidemark list --all',
  });
}

/** A job file stands for its job's checkpoint directory: NOT_FOUND while that is not there. */
export async function directoryOf(path: string, environment: Environment): Promise<string> {
  if ((await statusOrNull(files, path))?.kind !== 'file') return path;
  // Only now: the engine is most of what a list would otherwise load.
  const {readJob} = await import('../engine.ts');
  const loaded = await readJob(path, {flink: [], set: []}, environment);
  if (loaded.kind === 'ok') {
    const {checkpointing, name} = loaded.job;
    const directory = jobDirectoryOf(checkpointing.directory, name);
    if ((await statusOrNull(files, directory)) !== null) return directory;
    throw new EngineError(
      'NOT_FOUND',
      `${name} has no checkpoints yet: ${directory} is not there`,
      {
        file: directory,
        hint: `tidemark run ${shellWord(path)}`,
      },
    );
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
