import {knownJobs} from '../control/known-jobs.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';
import {resolveReference} from './resolve-reference.ts';

/** A REF beside a job file, from the working directory: jobs are looked for in its checkpoint directory, then in the registry. */
export async function resolveForJob(
  job: {readonly checkpointing: {readonly directory: string}},
  reference: string,
): Promise<string> {
  return resolveReference(
    {
      files: nodeFileSystem,
      workingDirectory: process.cwd(),
      checkpointsDirectory: job.checkpointing.directory,
      knownJobs: () => knownJobs(process.env),
    },
    reference,
  );
}
