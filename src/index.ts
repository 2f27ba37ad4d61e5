// The door: the only module of src/ that commands/ may import. Types that the commands print, and one
// function per thing that a command does. What is heavy is imported inside the function that needs it,
// so that `--help` and `validate` do not pay for the engine.

import {resolve} from 'node:path';

import {systemClock} from './base/clock.ts';
import {parseLocalPath, type LocalPath} from './job/local-path.ts';
import type {
  AlreadyEnded,
  CheckpointOrder,
  ClientOptions,
  JobCancelled,
  JobList,
  JobStatus,
  LogOptions,
  SavepointOrder,
  StartedJob,
  StopOrder,
  TriggerAccepted,
  TriggerResult,
  WaitCondition,
  WaitResult,
} from './control/client-types.ts';
import type {ConfigReport} from './reports/config-report.ts';
import type {DoctorReport} from './reports/doctor-report.ts';
import type {Explanation, PageSearch} from './explain/find-page.ts';
import type {HeldCheckpoint} from './control/hold-checkpoint.ts';
import type {ResolveReference} from './engine.ts';
import type {
  GraphFormat,
  JobDescription,
  RestorePlan,
  ValidateOptions,
  ValidationReport,
} from './reports/job-reports.ts';
import type {JsonValue} from './base/json.ts';
import type {TemplateName} from './templates/template.ts';
import type {TemplateRequest, WrittenTemplate} from './templates/write-template.ts';
import type {Environment, JobOverrides, RunRequest, RunningJob} from './runtime/run-types.ts';

export {
  ERROR_CODES,
  EXIT_STATUSES,
  EngineError,
  refusedUser,
  systemErrorCode,
} from './base/errors.ts';
export type {ErrorCode, ErrorDetails, ExitStatus} from './base/errors.ts';
export {shellWord} from './base/shell-word.ts';
export type {JsonValue} from './base/json.ts';

/** Milliseconds since the epoch. */
export function wallMillis(): number {
  return systemClock.wallMillis();
}

// ---------------------------------------------------------------------------------------- run

export type {
  Environment,
  JobOverrides,
  DamagePolicy,
  OutputAheadPolicy,
  RunRequest,
  RunningJob,
  StartDecision,
  RunEvent,
  OutputRow,
  JobState,
  SourceTotals,
  SinkTotals,
  RunSummary,
} from './runtime/run-types.ts';
export type {
  JobCommands,
  SavepointFormat,
  SavepointTarget,
  StopOutcome,
  StopRequest,
  TakenCheckpoint,
  TakenSavepoint,
} from './runtime/job-commands.ts';
export type {SubtaskCheckpointStats} from './metrics/checkpoint-stats.ts';

/** Runs a job in this process. Returns at once; nothing of the job has begun then. */
export function runJob(request: RunRequest): RunningJob {
  const running = import('./engine.ts').then((engine) => engine.runJob(request, resolveForJob));
  return {
    events: {
      async *[Symbol.asyncIterator]() {
        yield* (await running).events;
      },
    },
    finished: running.then(async ({finished}) => finished),
    interrupt: (signal) => void running.then((job) => job.interrupt(signal)),
    commands: {
      takeCheckpoint: async (options) => (await running).commands.takeCheckpoint(options),
      takeSavepoint: async (target) => (await running).commands.takeSavepoint(target),
      setHold: async (id, held) => (await running).commands.setHold(id, held),
      stop: async (request) => (await running).commands.stop(request),
      prune: async (order) => (await running).commands.prune(order),
      cancel: async () => (await running).commands.cancel(),
    },
  };
}

// ---------------------------------------------------------------------------------------- jobs of other processes

export type {
  AlreadyEnded,
  CheckpointOrder,
  ClientOptions,
  JobCancelled,
  JobList,
  JobStatus,
  ListedJob,
  LogOptions,
  SavepointOrder,
  StartedJob,
  StopOrder,
  TriggerAccepted,
  TriggerResult,
  WaitCondition,
  WaitResult,
} from './control/client-types.ts';
export type {TriggerFailure, TriggerKind, TriggerOutcome} from './control/trigger-journal.ts';
export type {
  AnyJobState,
  ChainView,
  FailureView,
  JobConfigView,
  JobView,
  LiveJobState,
  TaskView,
} from './runtime/job-view.ts';
export type {CheckpointEntry, CheckpointHistoryView} from './metrics/checkpoint-history.ts';

/** A time limit; null: wait for ever. */
export interface Patient extends ClientOptions {
  readonly timeoutMillis: number | null;
}

// A job's REF below is its id, four or more digits that only its id begins with, or its name. Unknown: NOT_FOUND
// with the nearest name; two live jobs of one name: USAGE with the candidates.

/** All jobs of this user that live, and the last ones that have ended; newest first. */
export async function listJobs(options: ClientOptions): Promise<JobList> {
  const client = await import('./control/job-client.ts');
  return client.listJobs(options);
}

/** With the job's own view of itself, when it lives. */
export async function jobStatus(ref: string, options: ClientOptions): Promise<JobStatus> {
  const client = await import('./control/job-client.ts');
  return client.jobStatus(ref, options);
}

/** Returns when the job has taken the order; `awaitTrigger` waits for what comes of it. */
export async function triggerSavepoint(
  ref: string,
  order: SavepointOrder,
  options: ClientOptions,
): Promise<TriggerAccepted> {
  const client = await import('./control/job-client.ts');
  return client.triggerSavepoint(ref, order, options);
}

export async function triggerCheckpoint(
  ref: string,
  order: CheckpointOrder,
  options: ClientOptions,
): Promise<TriggerAccepted> {
  const client = await import('./control/job-client.ts');
  return client.triggerCheckpoint(ref, order, options);
}

/** Ends the job after a savepoint or a last checkpoint; `awaitTrigger` says which of the three ends it was. */
export async function stopJob(
  ref: string,
  order: StopOrder,
  options: ClientOptions,
): Promise<TriggerAccepted | AlreadyEnded> {
  const client = await import('./control/job-client.ts');
  return client.stopJob(ref, order, options);
}

/** Ends the job where it is; returns when it has ended. */
export async function cancelJob(
  ref: string,
  options: Patient,
): Promise<JobCancelled | AlreadyEnded> {
  const client = await import('./control/await-job.ts');
  return client.cancelJob(ref, options);
}

/** TIMED_OUT has `trigger_id` among its facts: the operation goes on, and can be asked for again. */
export async function awaitTrigger(
  ref: string,
  triggerId: string,
  options: Patient,
): Promise<TriggerResult> {
  const client = await import('./control/await-job.ts');
  return client.awaitTrigger(ref, triggerId, options);
}

/** `running`, `finished`, …, `ended`, `checkpoint>=3`, `trigger=<id>`. */
export type ParsedCondition =
  | {readonly kind: 'ok'; readonly value: WaitCondition}
  | {readonly kind: 'invalid'; readonly message: string; readonly suggestion: string};

export async function parseWaitCondition(text: string): Promise<ParsedCondition> {
  const {parseCondition} = await import('./control/await-job.ts');
  return parseCondition(text);
}

/** Answers at once with `impossible` when it can no longer happen. TIMED_OUT when it takes too long. */
export async function waitForJob(
  ref: string,
  condition: WaitCondition,
  options: Patient,
): Promise<WaitResult> {
  const client = await import('./control/await-job.ts');
  return client.waitForJob(ref, condition, options);
}

/**
 * The absolute path of a checkpoint's directory, by a REF: a path, or a job of the registry, `JOB@latest`, `JOB@12`.
 * `only`: what else it could be is passed over.
 */
export async function resolveCheckpoint(
  ref: string,
  options: ClientOptions & {readonly only?: 'savepoints' | undefined},
): Promise<string> {
  const reports = await import('./reports/resolve-report.ts');
  return reports.resolveCheckpoint(ref, options);
}

/** The log of a detached run, line by line; `follow`: until the job has ended. */
export async function* jobLogs(ref: string, options: LogOptions): AsyncGenerator<string> {
  const logs = await import('./control/job-logs.ts');
  yield* logs.jobLogs(ref, options);
}

/**
 * Runs a job in a process of its own, which outlives this one and its shell. Resolves when the job is RUNNING;
 * rejects with the reason when it does not get so far.
 */
export async function startDetached(request: RunRequest): Promise<StartedJob> {
  const {startDetached: start} = await import('./control/start-detached.ts');
  return start(request);
}

/** Deletes a savepoint; `path` as typed. REFUSED when it is something else, or a live job needs it. */
export async function disposeSavepoint(path: string, options: ClientOptions): Promise<void> {
  const engine = await import('./engine.ts');
  await engine.dispose(resolve(path), options.environment);
}

export type {HeldCheckpoint} from './control/hold-checkpoint.ts';

/** `path`: absolute. Retention and prune keep it from now on, or not any more. */
export async function setHold(
  path: string,
  held: boolean,
  options: ClientOptions & {readonly takeOver: boolean},
): Promise<HeldCheckpoint> {
  const {setHold: set} = await import('./control/hold-checkpoint.ts');
  return set(path, held, options);
}

// ---------------------------------------------------------------------------------------- job files

export type {
  OperatorPlan,
  RestorePlan,
  FileFinding,
  ValidatedFile,
  ValidationReport,
  GraphFormat,
  JobDescription,
} from './reports/job-reports.ts';

export const GRAPH_FORMATS = ['text', 'json', 'dot', 'mermaid'] as const satisfies GraphFormat[];

/** `run --dry-run`, `restore --dry-run`. Writes nothing and takes no generation. */
export async function planRestore(request: RunRequest): Promise<RestorePlan> {
  const {planStart} = await import('./reports/job-reports.ts');
  return planStart(request, resolveForJob);
}

/** Every finding of every file; a file that is not there is a finding too. */
export async function validateFiles(
  files: readonly string[],
  options: ValidateOptions,
): Promise<ValidationReport> {
  const reports = await import('./reports/job-reports.ts');
  return reports.validateFiles(files, options);
}

export type {Explanation, PageSearch} from './explain/find-page.ts';

/** Every rule, error code and exit status that `explain` knows. */
export async function explainAll(): Promise<readonly Explanation[]> {
  const {allPages} = await import('./explain/find-page.ts');
  return allPages();
}

export async function explainCode(code: string): Promise<PageSearch> {
  const {findPage} = await import('./explain/find-page.ts');
  return findPage(code);
}

/** The execution graph of a job. */
export async function describeJob(
  file: string,
  options: {
    readonly format: GraphFormat;
    readonly overrides: JobOverrides;
    readonly environment: Environment;
  },
): Promise<JobDescription> {
  const reports = await import('./reports/job-reports.ts');
  return reports.describeJob(file, options);
}

/** The JSON Schema of a job file, made of the declarations that validate it. */
export async function jobFileSchema(): Promise<Readonly<Record<string, JsonValue>>> {
  const [{jobCatalog}, {jobSchema}] = await Promise.all([
    import('./catalog.ts'),
    import('./job/job-schema.ts'),
  ]);
  return jobSchema(jobCatalog);
}

export type {ConfigOrigin, ConfigReport, ConfigValue} from './reports/config-report.ts';

/** The values that hold for a job, or, without a file, for every job; each with its origin. */
export async function configOf(
  file: string | null,
  request: {readonly overrides: JobOverrides; readonly environment: Environment},
): Promise<ConfigReport> {
  const reports = await import('./reports/config-report.ts');
  return reports.configOf(file, request);
}

/** Keys that -D takes. */
export async function flinkOptionKeys(): Promise<readonly string[]> {
  const {flinkKeys} = await import('./job/flink-options.ts');
  return flinkKeys();
}

/** A schema of what a command prints with --json, out of the package in `root`. */
export async function outputSchema(
  root: string,
  name: string,
): Promise<Readonly<Record<string, JsonValue>>> {
  const {readOutputSchema} = await import('./reports/output-schema.ts');
  return readOutputSchema(root, name);
}

export type {TemplateRequest, WrittenTemplate} from './templates/write-template.ts';

export const TEMPLATE_NAMES = [
  'filter-to-file',
  'windowed-aggregate',
  'two-sources-union',
] as const satisfies TemplateName[];

/** What `init` can write. */
export async function initTemplates(): Promise<readonly {name: string; summary: string}[]> {
  const {TEMPLATES} = await import('./templates/write-template.ts');
  return TEMPLATES.map(({name, summary}) => ({name, summary}));
}

/** REFUSED, before anything is written, when one of its files is there. */
export async function writeTemplate(request: TemplateRequest): Promise<WrittenTemplate> {
  const templates = await import('./templates/write-template.ts');
  return templates.writeTemplate(request);
}

// ---------------------------------------------------------------------------------------- checkpoints on disk

export * from './checkpoint-door.ts';

// ---------------------------------------------------------------------------------------- the machine

export type {Check as DoctorCheck, DoctorReport} from './reports/doctor-report.ts';

/** Looks at this machine, the state directory, and `targets`: directories, and job files for theirs. */
export async function examine(
  targets: readonly string[],
  environment: Environment,
): Promise<DoctorReport> {
  const reports = await import('./reports/doctor-report.ts');
  return reports.examine(targets, environment);
}

// ---------------------------------------------------------------------------------------- texts

export type {LocalPath} from './job/local-path.ts';

export type ParsedText =
  | {readonly kind: 'ok'; readonly value: number}
  | {readonly kind: 'invalid'; readonly message: string; readonly suggestion: string | null};

/** A directory as typed: a path, relative to `base`, or the same behind `file:`. */
export function parseLocalDirectory(text: string, base: string): LocalPath {
  return parseLocalPath(text, base, '/absolute/path or ./relative/path');
}

/** `500ms`, `20s`, `5 min` → milliseconds. */
export function parseDuration(text: string): ParsedText {
  const match = /^(\d{1,9}) {0,4}(ms|s|min|h|d)$/.exec(text);
  if (match === null) {
    return {
      kind: 'invalid',
      message: 'is not a duration',
      suggestion: 'write it like 500ms, 20s, 5 min, 7d',
    };
  }
  const factors = {ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000};
  const factor = factors[match[2] as keyof typeof factors];
  return {kind: 'ok', value: Number(match[1]) * factor};
}

/** Writes a report beside its target and renames it there: a reader never sees half of it. */
export async function writeReport(file: string, text: string): Promise<void> {
  const {writeReportFile} = await import('./inspection/write-report.ts');
  await writeReportFile(resolve(file), text);
}

/** A REF beside a job file: jobs are looked for in its checkpoint directory. */
const resolveForJob: ResolveReference = async (job, reference) => {
  const inspection = await import('./inspection/resolve-for-job.ts');
  return inspection.resolveForJob(job, reference);
};
