// The main thread's composition root: a job file and the real world make a running job.

import {resolve} from 'node:path';

import {must} from './base/assert.ts';
import {systemClock, systemTimers} from './base/clock.ts';
import {asEngineError, EngineError, systemErrorCode} from './base/errors.ts';
import {systemRandom} from './base/random.ts';
import {shellWord} from './base/shell-word.ts';
import {jobCatalog, runtimeCatalog} from './catalog.ts';
import {disposeSavepoint} from './control/dispose-savepoint.ts';
import {JobHost} from './control/job-host.ts';
import {readRegistry, type RegisteredJob} from './control/job-registry.ts';
import {statePathsOf} from './control/state-directory.ts';
import type {TcpListening} from './control/tcp-listener.ts';
import {MAX_JOB_FILE_BYTES} from './job/decode-job-file.ts';
import type {JobSpec} from './job/job-spec.ts';
import {takeRecoveryKeys} from './job/flink/recovery-keys.ts';
import {loadJob, type LoadResult} from './job/load-job.ts';
import {jobEdges, jobOperators} from './runtime/job-operators.ts';
import type {CheckpointMetadata, FileState} from './checkpoint/checkpoint-metadata.ts';
import type {CompleteCheckpoint} from './recovery/facts.ts';
import {shareSplits} from './connectors/share-splits.ts';
import {leftBehind, planRestore, type RestorePlan} from './recovery/plan-restore.ts';
import {ENGINE_VERSION} from './runtime/assemble-metadata.ts';
import {EventStream} from './runtime/event-stream.ts';
import {JobMaster} from './runtime/job-master.ts';
import type {MasterOptions} from './runtime/master-options.ts';
import type {
  Environment,
  JobOverrides,
  RunEvent,
  RunningJob,
  RunRequest,
  RunSummary,
} from './runtime/run-types.ts';
import {commandsOnce} from './runtime/job-commands.ts';
import {asOwnPath, readCheckpoint} from './runtime/start-job.ts';
import {storeThreads} from './runtime/store-thread.ts';
import {workerThreads} from './runtime/task-thread.ts';
import {ThreadClient} from './runtime/worker-client.ts';
import type {ConvertState} from './savepoints/write-savepoint.ts';
import {plainLengthOf} from './state/snapshot-format.ts';
import {convertSnapshot, type ConversionRequest} from './state/canonical/convert-snapshot.ts';
import type {DatabaseConversion} from './state/canonical/convert-database.ts';
import {loadBinding} from './state/rocksdb/database.ts';
import {MailboxStore} from './state/rocksdb/mailbox-store.ts';
import type {OpenStore} from './state/rocksdb/row-store.ts';
import type {CheckFile, FileCheckRequest, FileCheckResult} from './storage/check-file.ts';
import type {FileSystem} from './storage/file-system.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';
import {judgeOpenToAll} from './storage/open-to-all.ts';
import {jobDirectoryOf} from './storage/paths.ts';
import {systemProcessTable} from './storage/process-table.ts';
import {storageFailed} from './storage/storage-error.ts';

/** Reads and checks a job file. NOT_FOUND or STORAGE_FAILED when it cannot be read. */
export async function readJob(
  file: string,
  overrides: JobOverrides,
  environment: Environment,
): Promise<LoadResult> {
  const path = resolve(file);
  const bytes = await readJobFile(path);
  return loadJob({
    file: path,
    bytes,
    catalog: jobCatalog,
    environment,
    overrides,
  });
}

/** At most one byte more than a job file may have; the job room says that it is too long. */
export async function readJobFile(path: string): Promise<Uint8Array> {
  const files = nodeFileSystem;
  try {
    const handle = await files.openForRead(path);
    try {
      const bytes = new Uint8Array(MAX_JOB_FILE_BYTES + 1);
      let length = 0;
      while (length < bytes.length) {
        const count = await handle.read(bytes, length, bytes.length - length, length);
        if (count === 0) break;
        length += count;
      }
      return bytes.subarray(0, length);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') {
      throw new EngineError('NOT_FOUND', `no such job file: ${path}`, {
        file: path,
        cause: error,
        hint: 'look at the path; `tidemark init` writes a job to begin with',
      });
    }
    const code = systemErrorCode(error);
    if (code === null) throw error;
    if (code === 'EISDIR') {
      throw new EngineError('NOT_FOUND', `${path} is a directory, not a job file`, {
        file: path,
        hint: 'name a job file in it',
        cause: error,
      });
    }
    throw storageFailed('reading the job file', path, error);
  }
}

/** Loads the job, or throws JOB_INVALID with the first finding's place and all of them as facts. */
export async function requireJob(
  request: Pick<RunRequest, 'file' | 'overrides' | 'environment'>,
): Promise<{job: JobSpec; warnings: string[]}> {
  const loaded = await readJob(request.file, request.overrides, request.environment);
  const warnings = loaded.findings
    .filter(({severity}) => severity === 'warning')
    // One of a `--set` or of the whole job stands in no line.
    .map(({message, line}) => `${request.file}${line === null ? '' : `:${line}`}: ${message}`);
  if (loaded.kind === 'ok') return {job: loaded.job, warnings};
  const errors = loaded.findings.filter(({severity}) => severity === 'error');
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new EngineError('JOB_INVALID', `${first?.message ?? 'the job is invalid'}${more}`, {
    file: resolve(request.file),
    line: first?.line ?? undefined,
    column: first?.column ?? undefined,
    hint: hintOf(first?.suggestion ?? null, more !== '', request.file),
  });
}

function hintOf(suggestion: string | null, hasMore: boolean, file: string): string {
  const all = `see every finding: tidemark validate ${shellWord(file)}`;
  if (suggestion === null) return all;
  return hasMore ? `${suggestion}; ${all}` : suggestion;
}

/** Turns a REF into the absolute path of a checkpoint's directory, for a job. */
export type ResolveReference = (job: JobSpec, reference: string) => Promise<string>;

/** What the registry gave a run. */
export interface RegisteredRun {
  readonly jobId: string;
  /** Directory of its logs. */
  readonly logs: string;
  readonly tcp: TcpListening | null;
}

interface RunWatcher {
  readonly begun: (master: JobMaster) => void;
  readonly registered: (run: RegisteredRun) => void;
}

/** Runs a job in this process. Returns at once; nothing of the job has begun then. */
export function runJob(
  request: RunRequest,
  resolveReference: ResolveReference,
  registered: (run: RegisteredRun) => void = () => undefined,
): RunningJob {
  const events = new EventStream<RunEvent>();
  const running: {master: JobMaster | null; signals: ('SIGINT' | 'SIGTERM')[]} = {
    master: null,
    signals: [],
  };
  let begun: (master: JobMaster) => void = () => undefined;
  const master = new Promise<JobMaster>((resolve) => {
    begun = resolve;
  });
  const watcher = {
    begun: (started: JobMaster): void => {
      running.master = started;
      for (const signal of running.signals) started.interrupt(signal);
      begun(started);
    },
    registered,
  };
  const finished = execute(request, resolveReference, events, watcher).finally(() => events.end());
  return {
    events,
    finished,
    // Before the job is read there is nobody to ask; if it cannot be read there never is.
    commands: commandsOnce(
      Promise.race([master, finished.then(async () => master)]).then(({commands}) => commands),
    ),
    interrupt(signal) {
      running.signals.push(signal);
      running.master?.interrupt(signal);
    },
  };
}

async function execute(
  asked: RunRequest,
  resolveReference: ResolveReference,
  events: EventStream<RunEvent>,
  {begun, registered}: RunWatcher,
): Promise<RunSummary> {
  const request = withRecoveryKeys(asked);
  const {job, warnings} = await requireJob(request);
  // Before anything is begun: without the package no restart would help.
  if (job.state.backend === 'rocksdb') await loadBinding();
  const files = nodeFileSystem;
  const emit = emitterOf(events);
  const warn = (code: string, message: string): void =>
    emit({type: 'warning', at: systemClock.wallMillis(), code, message});
  for (const message of warnings) warn('JOB_FILE', message);
  const start = await startOf(request, job, resolveReference);
  await judgeOpenToAll(files, directoriesOf(job, start), {
    strict: request.strict === true,
    warn: (message) => warn('OPEN_TO_ALL', message),
  });
  const host = new JobHost({
    environment: request.environment,
    detached: request.detached === true,
    listen: request.listen ?? null,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    version: ENGINE_VERSION,
    warn: (message) => warn('CONTROL', message),
  });
  const master: JobMaster = new JobMaster({
    job,
    request,
    start,
    files,
    sources: runtimeCatalog.sources,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    startThread: workerThreads(new URL('./task-entry.js', import.meta.url)),
    emit,
    caughtUp: async () => {
      await events.caughtUp();
      // Signals, timers and checkpoints have their turn before more rows are asked for.
      await systemTimers.yield();
    },
    stateChanged: (state) => host.stateChanged(state),
    chosen: async ({jobId, runId}) => {
      const {logs, tcp} = await host.open({
        runId,
        jobDirectory: jobDirectoryOf(job.checkpointing.directory, job.name),
        view: () => master.view(),
        commands: master.commands,
        dispose: async (path) => dispose(path, request.environment),
      });
      if (logs !== null) registered({jobId, logs, tcp});
      if (tcp !== null) emit({type: 'listening', at: systemClock.wallMillis(), ...tcp});
    },
    convert: stateConverter(files),
    checkCompatible: (metadata) => {
      const dropped = leftBehind(requireCompatible(request, job, metadata));
      const from = `left behind from checkpoint ${metadata.checkpointId}, as -n says`;
      if (dropped.length > 0) warn('STATE_DROPPED', `${from}: ${dropped.join('; ')}`);
    },
  });
  begun(master);
  return hosted(host, master);
}

function requireCompatible(
  request: RunRequest,
  job: JobSpec,
  metadata: CheckpointMetadata,
): RestorePlan {
  const plan = compareWithJob(request, job, metadata);
  if (plan.kind !== 'refuse') return plan;
  const {code, message, hint, reasons} = plan;
  throw new EngineError(code, message, {hint, facts: {reasons}});
}

export interface FileCheckers {
  readonly checkFile: CheckFile;
  readonly close: () => Promise<void>;
}

/** Threads that read files against their checksums, each one file at a time. */
export function fileCheckers(count: number): FileCheckers {
  const entry = new URL('./check-entry.js', import.meta.url);
  const idle = Array.from(
    {length: count},
    () => new ThreadClient<FileCheckRequest, FileCheckResult, number>(entry, 'file checker'),
  );
  const all = [...idle];
  return {
    async checkFile(request, onRead) {
      const thread = must(idle.pop(), 'a thread for each file at once');
      try {
        let told = 0;
        const result = await thread.call(request, [], (bytes) => {
          told += bytes;
          onRead?.(bytes);
        });
        if (result.bytes > told) onRead?.(result.bytes - told);
        return result;
      } finally {
        idle.push(thread);
      }
    },
    async close() {
      await Promise.all(all.map(async (thread) => thread.close()));
    },
  };
}

/** Opens a database of RocksDB in a thread of its own. */
export const openStoreInThread: OpenStore = async (request) =>
  MailboxStore.open(request, storeThreads(new URL('./store-entry.js', import.meta.url)));

/** However the run ends, the registry says so before anybody else hears of it. */
async function hosted(host: JobHost, master: JobMaster): Promise<RunSummary> {
  try {
    const summary = await master.run();
    await host.ended(summary);
    return summary;
  } catch (error) {
    await host.failed(asEngineError(error));
    throw error;
  }
}

/** Deletes a savepoint's directory, unless a job needs it. */
export async function dispose(path: string, environment: Environment): Promise<void> {
  const jobs = (): readonly RegisteredJob[] =>
    readRegistry(statePathsOf(environment).jobs, {
      processes: systemProcessTable,
      now: systemClock.wallMillis(),
    });
  await disposeSavepoint({files: nodeFileSystem, random: systemRandom, jobs}, path);
}

/** State of more bytes is converted in a thread: the main one has beats to send and questions to answer. */
const CONVERTED_HERE_BYTES_MAX = 1024 * 1024;

function stateConverter(files: FileSystem): ConvertState {
  return async (request) => {
    if ('states' in request) {
      const bytes = request.states.reduce((sum, state) => sum + plainLengthOf(state), 0);
      if (bytes <= CONVERTED_HERE_BYTES_MAX) return convertSnapshot(files, request);
    }
    const entry = new URL('./writer-entry.js', import.meta.url);
    const thread = new ThreadClient<ConversionRequest | DatabaseConversion, FileState>(
      entry,
      'savepoint writer',
    );
    try {
      return await thread.call(request);
    } finally {
      await thread.close();
    }
  };
}

/** A reader that is behind gets one `progress`, not one for each interval. */
function emitterOf(events: EventStream<RunEvent>): (event: RunEvent) => void {
  let progressUnread = false;
  return (event) => {
    if (event.type !== 'progress') {
      events.push(event);
    } else if (!progressUnread) {
      progressUnread = true;
      events.push(event);
      void events.caughtUp().then(() => {
        progressUnread = false;
      });
    }
  };
}

/** Which start the flags ask for; a REF is read. */
export async function startOf(
  request: RunRequest,
  job: JobSpec,
  resolveReference: ResolveReference,
): Promise<MasterOptions['start']> {
  const claim = request.claimMode === 'claim';
  if (claim && (request.fresh || request.restoreFrom === undefined)) {
    throw new EngineError('USAGE', 'claim mode claim: nothing is named that could be claimed', {
      hint: 'name the checkpoint or savepoint: tidemark restore REF JOB.yaml --claim-mode claim',
    });
  }
  if (request.fresh) return {kind: 'fresh'};
  if (request.restoreFrom === undefined) return {kind: 'auto'};
  const directory = jobDirectoryOf(job.checkpointing.directory, job.name);
  const found = await resolveReference(job, request.restoreFrom);
  const path = await asOwnPath(nodeFileSystem, directory, found);
  const checkpoint = await readCheckpoint(nodeFileSystem, path);
  return {kind: 'restore', ref: request.restoreFrom, checkpoint, claim};
}

/** Where the checkpoints are that a start reads and makes. */
export function directoriesOf(job: JobSpec, start: MasterOptions['start']): readonly string[] {
  const own = jobDirectoryOf(job.checkpointing.directory, job.name);
  return start.kind === 'restore' && start.checkpoint !== null
    ? [own, start.checkpoint.path]
    : [own];
}

/** Flink's keys that say something to the command become what its flags are. USAGE when the two contradict. */
export function withRecoveryKeys(request: RunRequest): RunRequest {
  const {flink} = request.overrides;
  const {claimMode, allowNonRestoredState, others} = takeRecoveryKeys(flink);
  const flag = request.claimMode;
  if (flag !== undefined && claimMode !== null && flag !== claimMode) {
    throw new EngineError('USAGE', `--claim-mode ${flag} and -D contradict each other`, {
      hint: 'give one of them',
    });
  }
  return {
    ...request,
    overrides: {...request.overrides, flink: others},
    claimMode: flag ?? claimMode ?? 'no-claim',
    allowNonRestoredState: request.allowNonRestoredState || allowNonRestoredState === true,
  };
}

/** Looks for what the sources would read, as a start does: rejects as that would, and changes nothing. */
export async function lookAtSources(
  job: JobSpec,
  checkpoint: CompleteCheckpoint | null,
): Promise<void> {
  await shareSplits({
    job,
    connectors: runtimeCatalog.sources,
    files: nodeFileSystem,
    restored: checkpoint?.metadata.operators ?? [],
    warn: () => undefined,
  });
}

/** What a restore of `metadata` would do to each operator of the job. */
export function compareWithJob(
  request: Pick<RunRequest, 'allowNonRestoredState'>,
  job: JobSpec,
  metadata: CheckpointMetadata,
): RestorePlan {
  return planRestore({
    metadata,
    operators: jobOperators(job),
    maxParallelism: job.maxParallelism,
    allowNonRestoredState: request.allowNonRestoredState,
    edges: jobEdges(job),
  });
}
