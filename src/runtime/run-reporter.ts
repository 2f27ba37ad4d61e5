// Everything that a run tells: its events, its totals, its summary. After `close` nothing is told.

import {resolve} from 'node:path';

import {EngineError, type ExitStatus} from '../base/errors.ts';
import type {Clock, Timer, Timers} from '../base/clock.ts';
import {must} from '../base/assert.ts';
import {shellWord} from '../base/shell-word.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {Schema} from '../records/schema.ts';
import type {SavepointFormat} from '../checkpoint/checkpoint-metadata.ts';
import type {CompletedCheckpoint} from './checkpoint-driver.ts';
import {jobIdOf} from './job-id.ts';
import {parseRow} from './parse-row.ts';
import {JobViewer} from './job-viewer.ts';
import type {AnyJobState, JobView} from './job-view.ts';
import {RunTotals} from './run-totals.ts';
import type {JobState, RunEvent, RunRequest, RunSummary} from './run-types.ts';
import type {JobStart} from './start-job.ts';

/** An alignment of more than a minute, or a tenth of the checkpoint's timeout, is worth a hint. */
const ALIGNMENT_LONG_MILLIS = 60_000;
const ALIGNMENT_LONG_SHARE = 0.1;

export interface RunReporterOptions {
  readonly job: JobSpec;
  readonly request: RunRequest;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly emit: (event: RunEvent) => void;
  /** Whoever shows the job to others; absent: nobody does. */
  readonly stateChanged?: ((state: AnyJobState) => void) | undefined;
}

export class RunReporter {
  readonly totals: RunTotals;
  /** What is told to whoever asks, beside the events. */
  readonly viewer: JobViewer;
  readonly #options: RunReporterOptions;
  readonly #startedAt: number;
  /** What each sink is given. */
  readonly #schemas: ReadonlyMap<string, Schema>;
  #announced = false;
  #checkpoints = 0;
  #restarts = 0;
  #last: CompletedCheckpoint | null = null;
  #progressTimer: Timer | null = null;
  #progress = {at: 0, recordsIn: 0};
  #closed = false;
  #hinted = false;

  constructor(options: RunReporterOptions) {
    this.#options = options;
    const {job, clock} = options;
    this.totals = new RunTotals(job, () => clock.monotonicMillis());
    this.viewer = new JobViewer({
      job,
      totals: this.totals,
      now: () => clock.wallMillis(),
      stateChanged: (state) => options.stateChanged?.(state),
    });
    this.#startedAt = options.clock.monotonicMillis();
    this.#schemas = new Map(options.job.sinks.map(({uid, schema}) => [uid, schema]));
  }

  get lastCheckpoint(): CompletedCheckpoint | null {
    return this.#last;
  }

  get lastCheckpointId(): number | null {
    return this.#last?.id ?? null;
  }

  /** Before anything is deployed: who this run is, and what it begins with. */
  chosen(generation: number, {record, restored}: JobStart): void {
    const jobId = jobIdOf(this.#options.job.name, record.lineage);
    this.viewer.chosen({jobId, generation, restored});
  }

  /** What `/jobs/:id` shows; before `chosen` there is nothing to show. */
  view(): JobView {
    return this.viewer.view(this.#restarts);
  }

  /** When every operator is restored; the event comes once, a restart has its own. */
  started(generation: number, {decision, record, restored}: JobStart): void {
    this.viewer.entered('RUNNING');
    if (this.#announced) return;
    this.#announced = true;
    const {kind} = decision;
    const {name} = this.#options.job;
    this.#emit({
      type: 'started',
      at: this.#now(),
      jobName: name,
      jobId: jobIdOf(name, record.lineage),
      generation,
      decision: kind === 'finish-only' ? 'resumed' : kind,
      reason: decision.sentence,
      restoredFrom: restored?.path ?? null,
    });
    this.#scheduleProgress();
  }

  restarting(attempt: number, cause: string, {restored}: JobStart): void {
    this.#restarts += 1;
    const restoredFrom = restored?.path ?? null;
    this.#emit({type: 'restarting', at: this.#now(), attempt, cause, restoredFrom});
  }

  checkpointCompleted(checkpoint: CompletedCheckpoint): void {
    const {id, path, bytes, stats, subtasks} = checkpoint;
    this.#checkpoints += 1;
    this.#last = checkpoint;
    const durationMillis = Math.round(checkpoint.durationMillis * 10) / 10;
    this.viewer.checkpoints.completed({id, savepoint: null, path, bytes, durationMillis, stats});
    const kind = 'checkpoint';
    const facts = {id, kind, path, bytes, durationMillis, stats, subtasks} as const;
    this.#emit({type: 'checkpoint', at: this.#now(), ...facts});
    this.#hintAtUnaligned(checkpoint);
  }

  /** Made from `checkpoint`; `path` and `bytes` are its own. */
  savepointTaken(checkpoint: CompletedCheckpoint, format: SavepointFormat): void {
    const {id, path, bytes, stats, subtasks} = checkpoint;
    const durationMillis = Math.round(checkpoint.durationMillis * 10) / 10;
    this.viewer.checkpoints.savepointTaken({
      id,
      savepoint: format,
      path,
      bytes,
      durationMillis,
      stats,
    });
    const facts = {id, kind: 'savepoint', path, bytes, durationMillis, stats, subtasks} as const;
    this.#emit({type: 'checkpoint', at: this.#now(), ...facts});
  }

  checkpointFailed(id: number, reason: string): void {
    this.viewer.checkpoints.failed(id, reason);
    this.#emit({type: 'checkpoint_failed', at: this.#now(), id, reason});
  }

  /** Checkpoint `id` has all state: what it would have referred to at `path` is not there. */
  checkpointLacks(id: number, path: string): void {
    const verify = `tidemark checkpoint verify ${shellWord(this.#options.job.name)}`;
    this.warning(
      'SHARED_MISSING',
      `${path} is missing or cut: checkpoint ${id} has all state and does not need it; look at the disk, and at the earlier ones: ${verify}`,
    );
  }

  rows(sink: string, rows: readonly string[]): void {
    const at = this.#now();
    const schema = must(this.#schemas.get(sink), `schema of ${sink}`);
    for (const row of rows) this.#emit({type: 'row', at, sink, row: parseRow(row, schema)});
  }

  warning(code: string, message: string): void {
    this.#emit({type: 'warning', at: this.#now(), code, message});
  }

  /** The last event. */
  summary(state: JobState, exitStatus: ExitStatus, error: EngineError | null): RunSummary {
    const {job, request, clock} = this.#options;
    const {totals} = this;
    if (error !== null) this.viewer.failed(error);
    this.viewer.entered(state);
    const summary: RunSummary = {
      jobName: job.name,
      jobFile: request.file,
      state,
      exitStatus,
      error: error === null ? null : withAbsoluteFile(error, job.directory),
      recordsIn: totals.recordsIn,
      recordsOut: totals.recordsOut,
      badRecords: totals.badRecords,
      lateRecords: totals.lateRecords,
      checkpoints: this.#checkpoints,
      restarts: this.#restarts,
      durationMillis: Math.round(clock.monotonicMillis() - this.#startedAt),
      lastCheckpoint:
        this.#last === null
          ? null
          : {id: this.#last.id, path: this.#last.path, bytes: this.#last.bytes},
      sources: totals.sources(),
      sinks: totals.sinks(),
      tasks: Object.fromEntries(totals.times()),
    };
    this.#emit({type: 'summary', at: this.#now(), summary});
    this.close();
    return summary;
  }

  /** Once: barriers that queue behind records for long are what unaligned checkpoints are for. */
  #hintAtUnaligned({id, stats}: CompletedCheckpoint): void {
    const {mode, unaligned, timeoutMillis} = this.#options.job.checkpointing;
    const long = Math.min(ALIGNMENT_LONG_MILLIS, timeoutMillis * ALIGNMENT_LONG_SHARE);
    if (this.#hinted || unaligned.enabled || mode === 'at-least-once') return;
    if (stats.alignmentMillisMax <= long) return;
    this.#hinted = true;
    const seconds = (stats.alignmentMillisMax / 1000).toFixed(1);
    this.warning(
      'ALIGNMENT_SLOW',
      `the barriers of checkpoint ${id} took ${seconds} s to align: records queue up before a task; consider checkpointing.unaligned: {enabled: true}`,
    );
  }

  close(): void {
    this.#closed = true;
    this.#progressTimer?.cancel();
  }

  #scheduleProgress(): void {
    const {timers, clock, request} = this.#options;
    this.#progress = {at: clock.monotonicMillis(), recordsIn: this.totals.recordsIn};
    this.#progressTimer = timers.after(request.progressIntervalMillis, () => {
      const {at, recordsIn} = this.#progress;
      const seconds = (clock.monotonicMillis() - at) / 1000;
      const {recordsIn: total, recordsOut, watermark} = this.totals;
      this.#emit({
        type: 'progress',
        at: this.#now(),
        recordsIn: total,
        recordsOut,
        recordsPerSecond: Math.round((total - recordsIn) / seconds),
        watermark,
        lastCheckpointId: this.lastCheckpointId,
      });
      if (!this.#closed) this.#scheduleProgress();
    });
  }

  #now(): number {
    return this.#options.clock.wallMillis();
  }

  #emit(event: RunEvent): void {
    if (!this.#closed) this.#options.emit(event);
  }
}

/** Sources name their files as their checkpoints do, from the job file; a user may stand elsewhere. */
function withAbsoluteFile(error: EngineError, directory: string): EngineError {
  const {file} = error.details;
  if (file === undefined) return error;
  const details = {...error.details, file: resolve(directory, file), cause: error.cause};
  const told = new EngineError(error.code, error.message, details);
  told.stack = error.stack ?? '';
  return told;
}
