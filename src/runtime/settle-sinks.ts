// Carries out what recovery planned for the files of file sinks. Every step may run again.

import {EngineError} from '../base/errors.ts';
import {
  checkFresh,
  committablesOf,
  findUnsettled,
  listParts,
  listWithdrawn,
  removeEarlierParts,
  removeTemporaries,
  settleSink,
  syncParts,
  withdrawParts,
  type CommittedPart,
  type SinkMode,
} from '../connectors/file/settle.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {SettlementStep} from '../recovery/plan-settlement.ts';
import type {FileSystem} from '../storage/file-system.ts';

/** Where a file sink of this job writes, or wrote. */
export interface SinkDirectory {
  readonly sink: string;
  /** Absolute. */
  readonly directory: string;
}

/** Commits, then removes what else the lineage left; the mark is the caller's. */
export async function settleStep(
  files: FileSystem,
  job: JobSpec,
  step: SettlementStep,
  generation: number,
): Promise<void> {
  if (step.commit !== null) {
    await settleSink({files, committables: committablesOf(step.commit)});
  }
  await removeLeftovers(files, job, step, generation);
}

/** Removes the temporaries of the step's lineage that its checkpoint did not prepare, up to our own generation. */
export async function removeLeftovers(
  files: FileSystem,
  job: JobSpec,
  step: SettlementStep,
  generation: number,
): Promise<void> {
  const prepared = step.keepPreparedBy === null ? [] : committablesOf(step.keepPreparedBy);
  const except = new Set(prepared.flatMap(({parts}) => parts.map(({temporary}) => temporary)));
  const lineages = new Set([step.lineage]);
  for (const {sink, directory} of sinkDirectories(job, step.directoriesOf)) {
    await removeTemporaries({files, directory, job: job.name, sink, lineages, except, generation});
  }
}

/** A checkpoint that was published elsewhere is not settled here: all its parts must be final, and are durable then. */
export async function requireFinal(files: FileSystem, metadata: CheckpointMetadata): Promise<void> {
  const committables = committablesOf(metadata);
  const [first] = await findUnsettled({files, committables});
  if (first === undefined) return syncParts({files, committables});
  throw new EngineError(
    'COMMIT_UNDECIDED',
    `checkpoint ${metadata.checkpointId} of ${metadata.jobName} was taken in another directory and its part ${first.part.final} in ${first.directory} is not committed`,
    {
      hint: 'Run the job where the checkpoint was taken until it is settled, or restore a savepoint.',
    },
  );
}

/** The path of a part that the checkpoint prepared and that is not final; null: all are. */
export async function notFinal(
  files: FileSystem,
  metadata: CheckpointMetadata,
): Promise<string | null> {
  const [first] = await findUnsettled({files, committables: committablesOf(metadata)});
  return first === undefined ? null : `${first.directory}/${first.part.final}`;
}

/** Parts of this job's file sinks, and where each sink writes. */
export type SinkParts = readonly (CommittedPart & SinkDirectory)[];

/** What every file sink of this job has committed. */
export async function committedParts(files: FileSystem, job: JobSpec): Promise<SinkParts> {
  return partsOfSinks(files, job, listParts);
}

/** What was committed once and then withdrawn by a restore. */
export async function withdrawnParts(files: FileSystem, job: JobSpec): Promise<SinkParts> {
  return partsOfSinks(files, job, listWithdrawn);
}

async function partsOfSinks(
  files: FileSystem,
  job: JobSpec,
  list: typeof listParts,
): Promise<SinkParts> {
  const all = [];
  for (const {sink, directory} of sinkDirectories(job, [])) {
    const parts = await list({files, directory, job: job.name, sink});
    all.push(...parts.map((part) => ({...part, sink, directory})));
  }
  return all;
}

export async function withdraw(
  files: FileSystem,
  job: JobSpec,
  generation: number,
  parts: SinkParts,
): Promise<void> {
  for (const {sink, directory} of sinkDirectories(job, [])) {
    const own = parts.filter((part) => part.sink === sink && part.directory === directory);
    const names = own.map(({name}) => name);
    await withdrawParts({files, directory, job: job.name, sink, generation, names});
  }
}

/** A start with nothing restored, and the lineages that the file sinks' modes are about. */
export interface FreshSinks {
  /** The lineage that begins. */
  readonly lineage: string;
  /** Every other one that the job directory knows of. */
  readonly earlierLineages: ReadonlySet<string>;
}

/** Whether the `mode` of each file sink allows it. Before the lineage is recorded; changes nothing. */
export async function checkSinksFresh(
  files: FileSystem,
  job: JobSpec,
  fresh: FreshSinks,
  steps: readonly SettlementStep[],
): Promise<void> {
  const toCommit = steps.flatMap(({commit}) => (commit === null ? [] : committablesOf(commit)));
  for (const sink of modesOf(job)) {
    await checkFresh({files, job: job.name, ...sink, ...fresh, toCommit});
  }
}

/** `mode: overwrite`. Only lineages that are known to be older; `requireNewest` is asked before each sink. */
export async function removeOverwritten(
  files: FileSystem,
  job: JobSpec,
  lineages: ReadonlySet<string>,
  requireNewest: () => Promise<void>,
): Promise<void> {
  for (const {sink, directory, mode} of modesOf(job)) {
    if (mode !== 'overwrite') continue;
    await requireNewest();
    await removeEarlierParts({files, directory, job: job.name, sink, lineages});
  }
}

function modesOf(job: JobSpec): readonly (SinkDirectory & {readonly mode: SinkMode})[] {
  return job.sinks
    .filter(({connector}) => connector === 'file')
    .map(({uid, options}) => ({
      sink: uid,
      directory: options['path'] as string,
      mode: options['mode'] as SinkMode,
    }));
}

/** Of the job as it is, and of checkpoints that may have written elsewhere; each once. */
function sinkDirectories(
  job: JobSpec,
  checkpoints: readonly CheckpointMetadata[],
): readonly SinkDirectory[] {
  const own = job.sinks
    .filter(({connector}) => connector === 'file')
    .map(({uid, options}) => ({sink: uid, directory: options['path'] as string}));
  const earlier = checkpoints.flatMap((metadata) =>
    committablesOf(metadata).map(({sink, directory}) => ({sink, directory})),
  );
  const unique = new Map([...own, ...earlier].map((one) => [`${one.sink}\n${one.directory}`, one]));
  return [...unique.values()];
}
