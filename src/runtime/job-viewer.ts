// Keeps what a job's view needs beside the counters: states, failures, the history of checkpoints; and puts
// the view together.

import {assert, must} from '../base/assert.ts';
import type {EngineError} from '../base/errors.ts';
import {buildExecutionGraph, type OperatorChain} from '../graph/execution-graph.ts';
import {buildStreamGraph} from '../graph/stream-graph.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {CheckpointHistory} from '../metrics/checkpoint-history.ts';
import type {MetricsReport, TaskTimes} from '../metrics/job-metrics.ts';
import type {CompleteCheckpoint} from '../recovery/facts.ts';
import {
  LIVE_STATES,
  type AnyJobState,
  type ChainView,
  type FailureView,
  type JobConfigView,
  type JobView,
  type TaskView,
} from './job-view.ts';
import type {RunTotals, ThreadReports} from './run-totals.ts';

/** Flink's `web.exception-history-size`. */
const FAILURES_KEPT = 16;

export interface JobViewerOptions {
  readonly job: JobSpec;
  readonly totals: RunTotals;
  /** Wall clock. */
  readonly now: () => number;
  readonly stateChanged: (state: AnyJobState) => void;
}

export interface ChosenStart {
  readonly jobId: string;
  readonly generation: number;
  readonly restored: CompleteCheckpoint | null;
}

export class JobViewer {
  readonly checkpoints: CheckpointHistory;
  readonly #options: JobViewerOptions;
  readonly #chains: readonly OperatorChain[];
  readonly #started: number;
  /** Newest first. */
  readonly #failures: FailureView[] = [];
  readonly #stateTimes: Partial<Record<AnyJobState, number>> = {};
  #failureCount = 0;
  #state: AnyJobState = 'INITIALIZING';
  /** What it would be in without a stop. */
  #underneath: AnyJobState = 'INITIALIZING';
  #changed: number;
  #chosen: ChosenStart | null = null;

  constructor(options: JobViewerOptions) {
    this.#options = options;
    this.checkpoints = new CheckpointHistory(options.now);
    this.#chains = buildExecutionGraph(buildStreamGraph(options.job)).chains;
    this.#started = options.now();
    this.#changed = this.#started;
    this.#stateTimes.INITIALIZING = this.#started;
  }

  chosen(start: ChosenStart): void {
    this.#chosen = start;
    if (start.restored === null) return;
    const {id, path, metadata} = start.restored;
    this.checkpoints.restored({id, path, isSavepoint: metadata.kind === 'savepoint'});
  }

  /** A stop that is under way stays one while its deployment comes up. */
  entered(state: AnyJobState): void {
    if (rankOf(state) === 0) this.#underneath = state;
    if (this.#state === state || !mayFollow(this.#state, state)) return;
    this.#enter(state);
  }

  /** The job goes on as if nobody had asked. */
  stopGivenUp(): void {
    if (this.#state === 'STOPPING') this.#enter(this.#underneath);
  }

  #enter(state: AnyJobState): void {
    this.#state = state;
    this.#changed = this.#options.now();
    this.#stateTimes[state] ??= this.#changed;
    this.#options.stateChanged(state);
  }

  /** It was to stop, and goes on. */
  resumed(): void {
    if (this.#state !== 'STOPPING') return;
    this.#state = 'INITIALIZING';
    this.entered('RUNNING');
  }

  failed(error: EngineError): void {
    const task = error.details.facts?.['task'];
    this.#failureCount += 1;
    this.#failures.unshift({
      at: this.#options.now(),
      code: error.code,
      message: error.message,
      task: typeof task === 'string' ? task : null,
    });
    if (this.#failures.length > FAILURES_KEPT) this.#failures.pop();
  }

  view(restarts: number): JobView {
    const {job, totals, now} = this.#options;
    const chosen = must(this.#chosen, 'a start is chosen');
    const isLive = (LIVE_STATES as readonly string[]).includes(this.#state);
    return {
      jobId: chosen.jobId,
      name: job.name,
      jobFile: job.file,
      state: this.#state,
      generation: chosen.generation,
      started: this.#started,
      ended: isLive ? null : this.#changed,
      changed: this.#changed,
      now: now(),
      parallelism: job.parallelism,
      maxParallelism: job.maxParallelism,
      restarts,
      recordsIn: totals.recordsIn,
      recordsOut: totals.recordsOut,
      badRecords: totals.badRecords,
      lateRecords: totals.lateRecords,
      recordsPerSecond: totals.recordsPerSecond,
      watermark: totals.watermark,
      restoredFrom: chosen.restored?.path ?? null,
      chains: this.#chains.map(chainView),
      tasks: this.#tasks(),
      sources: totals.sources(),
      sinks: totals.sinks(),
      checkpoints: this.checkpoints.view(),
      failures: [...this.#failures],
      failuresTruncated: this.#failureCount > this.#failures.length,
      config: configView(job),
      stateTimes: {...this.#stateTimes},
    };
  }

  #tasks(): TaskView[] {
    const {totals} = this.#options;
    const times = totals.times();
    return this.#chains.flatMap((chain) =>
      Array.from({length: chain.parallelism}, (_, subtask) =>
        taskView(chain, subtask, totals.threads.get(subtask) ?? null, times),
      ),
    );
  }
}

/** What ends is never left again, and what is to end does not go back to running. */
function mayFollow(from: AnyJobState, to: AnyJobState): boolean {
  return rankOf(from) < 3 && rankOf(to) >= rankOf(from);
}

function rankOf(state: AnyJobState): number {
  switch (state) {
    case 'INITIALIZING':
    case 'RUNNING':
    case 'RESTARTING':
      return 0;
    case 'STOPPING':
      return 1;
    case 'CANCELLING':
      return 2;
    case 'FINISHED':
    case 'STOPPED':
    case 'CANCELED':
    case 'FAILED':
    case 'INTERRUPTED':
    case 'CRASHED':
      return 3;
  }
}

function chainView(chain: OperatorChain): ChainView {
  const {id, name, uids, parallelism, maxParallelism, inputs} = chain;
  return {
    id,
    name,
    uids,
    parallelism,
    maxParallelism,
    inputs: inputs.map(({sourceChain, partitioning}) => ({
      sourceChain,
      partitioning: partitioning.kind,
    })),
  };
}

function taskView(
  chain: OperatorChain,
  subtask: number,
  reports: ThreadReports | null,
  times: ReadonlyMap<string, TaskTimes>,
): TaskView {
  const id = `${chain.id}/${subtask}`;
  const all = times.get(id) ?? {busyMillis: 0, backPressuredMillis: 0, idleMillis: 0};
  const newest = reports?.newest ?? null;
  const isSource = newest?.sources[chain.id] !== undefined;
  const watermark = isSource && Number.isFinite(newest.watermark) ? newest.watermark : null;
  return {
    id,
    operator: chain.id,
    subtask,
    ...(newest === null ? NO_COUNTS : countsOf(chain, newest)),
    watermark,
    ...sharesOf(id, reports),
    ...all,
  };
}

const NO_COUNTS = {recordsIn: 0, recordsOut: 0, bytesIn: 0, bytesOut: 0};

/** Of the deployment that runs: what the head took in, and what the ends of the chain gave out. */
function countsOf(chain: OperatorChain, report: MetricsReport): typeof NO_COUNTS {
  const ends = chain.uids.filter((uid) => chain.edges.every(({source}) => source !== uid));
  const counts = {...NO_COUNTS};
  counts.recordsIn = takenIn(chain.id, report);
  counts.bytesIn = report.sources[chain.id]?.bytesIn ?? 0;
  for (const uid of ends) {
    counts.bytesOut += report.sinks[uid]?.bytesOut ?? 0;
    counts.recordsOut += givenOut(uid, report);
  }
  return counts;
}

/** An operator is a source, a step or a sink; a sink counts what it wrote, a source what it read. */
function takenIn(uid: string, {sources, operators, sinks}: MetricsReport): number {
  return sources[uid]?.recordsIn ?? operators[uid]?.recordsIn ?? sinks[uid]?.recordsOut ?? 0;
}

function givenOut(uid: string, {sources, operators, sinks}: MetricsReport): number {
  return sinks[uid]?.recordsOut ?? operators[uid]?.recordsOut ?? sources[uid]?.recordsIn ?? 0;
}

/** What the task did between its thread's last two reports. */
function sharesOf(
  id: string,
  reports: ThreadReports | null,
): {readonly busy: number; readonly backPressured: number; readonly idle: number} {
  const last = reports?.newest.times[id];
  const first = reports?.before?.report.times[id];
  if (last === undefined || first === undefined) return {busy: 0, backPressured: 0, idle: 0};
  const busy = last.busyMillis - first.busyMillis;
  const backPressured = last.backPressuredMillis - first.backPressuredMillis;
  const idle = last.idleMillis - first.idleMillis;
  const total = busy + backPressured + idle;
  assert(total >= 0, `times of ${id} go back`);
  if (total === 0) return {busy: 0, backPressured: 0, idle: 0};
  return {busy: busy / total, backPressured: backPressured / total, idle: idle / total};
}

function configView(job: JobSpec): JobConfigView {
  const {checkpointing} = job;
  return {
    mode: checkpointing.mode,
    intervalMillis: checkpointing.intervalMillis,
    timeoutMillis: checkpointing.timeoutMillis,
    minPauseMillis: checkpointing.minPauseMillis,
    maxConcurrent: checkpointing.maxConcurrent,
    tolerableFailed: checkpointing.tolerableFailed,
    retention: checkpointing.externalizedRetention,
    unaligned: checkpointing.unaligned.enabled,
    alignedTimeoutMillis: checkpointing.alignedTimeoutMillis,
    incremental: checkpointing.incremental,
    stateBackend: job.state.backend,
    checkpointsDirectory: checkpointing.directory,
    savepointDirectory: checkpointing.savepointDirectory,
    restartStrategy: job.restartStrategy.type,
  };
}
