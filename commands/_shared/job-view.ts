// Jobs as text and as JSON, for every command that shows some.

import {escapeText} from './text.ts';
import {formatBytes, formatCount, formatDuration, formatInstant} from './units.ts';
import {shortId} from './job-argument.ts';
import type {JobStatus, JobView, ListedJob} from '../../src/index.ts';
import type {Column, Style} from './style.ts';

/** Fields of one item of `JobList`. */
export function jobFields(job: ListedJob): Readonly<Record<string, unknown>> {
  return {
    job_id: job.jobId,
    name: job.name,
    state: job.state,
    generation: job.generation,
    pid: job.pid,
    started: formatInstant(job.started),
    ended: instantOrNull(job.ended),
    last_checkpoint_id: job.lastCheckpointId,
    job_file: job.jobFile,
    checkpoints_dir: job.jobDirectory,
    restored_from: job.restoredFrom,
    detached: job.detached,
    listens: job.listens,
    logs: job.logs,
    exit_code: job.end?.exitStatus ?? null,
  };
}

const COLUMNS: readonly Column[] = [
  {name: 'NAME'},
  {name: 'STATE'},
  {name: 'JOB ID'},
  {name: 'PID', align: 'right'},
  {name: 'STARTED'},
  {name: 'CHECKPOINT', align: 'right'},
];
/** Where there is room for them, and with ended jobs. */
const ENDED: Column = {name: 'ENDED'};
const FILE: Column = {name: 'FILE'};

/** On a terminal short enough for 80 columns; in a pipe everything. */
export function jobTable(
  jobs: readonly ListedJob[],
  how: {readonly style: Style; readonly all: boolean; readonly now: number},
): string {
  const {style, all, now} = how;
  const columns = [...COLUMNS, ...(all ? [ENDED] : []), ...(style.live ? [] : [FILE])];
  const instant = (at: number | null): string => {
    if (at === null) return '-';
    return style.live ? `${formatDuration(Math.max(0, now - at))} ago` : formatInstant(at);
  };
  const rows = jobs.map((job) => [
    job.name,
    job.state,
    style.live ? shortId(job.jobId) : job.jobId,
    job.live ? String(job.pid) : '-',
    instant(job.started),
    job.lastCheckpointId === null ? '-' : String(job.lastCheckpointId),
    ...(all ? [instant(job.ended)] : []),
    ...(style.live ? [] : [job.jobFile]),
  ]);
  return style.table(columns, rows);
}

/** Fields of `JobStatus`; of a job that has ended, what its last run left behind. */
export function statusFields({job, view}: JobStatus, now: number): Record<string, unknown> {
  const {end} = job;
  const counted = view ?? end;
  return {
    ...jobFields(job),
    uptime_ms: uptimeMillis(job, now),
    restarts: counted?.restarts ?? null,
    records_in: counted?.recordsIn ?? null,
    records_out: counted?.recordsOut ?? null,
    ...runningFields(view),
    checkpoints: checkpointFields(job, view),
    error: end?.error ?? null,
  };
}

/** What only a job that lives can tell. */
function runningFields(view: JobView | null): Record<string, unknown> {
  if (view === null) {
    const unknown = {parallelism: null, records_per_s: null, watermark: null};
    return {...unknown, tasks: [], failures: []};
  }
  return {
    parallelism: view.parallelism,
    records_per_s: Math.round(view.recordsPerSecond),
    watermark: instantOrNull(view.watermark),
    tasks: view.tasks.map((task) => ({
      operator: task.operator,
      subtask: task.subtask,
      state: view.state,
      busy: share(task.busy),
      back_pressured: share(task.backPressured),
      idle: share(task.idle),
      records_in: task.recordsIn,
      records_out: task.recordsOut,
      watermark: instantOrNull(task.watermark),
    })),
    failures: view.failures.map(({at, code, message, task}) => ({
      at: formatInstant(at),
      code,
      message,
      task,
    })),
  };
}

function checkpointFields(job: ListedJob, view: JobView | null): object {
  const last = lastCheckpoint(job, view);
  return {
    completed: view?.checkpoints.counts.completed ?? job.end?.checkpoints ?? null,
    failed: view?.checkpoints.counts.failed ?? null,
    in_progress: view?.checkpoints.counts.inProgress ?? 0,
    last:
      last === null
        ? null
        : {
            id: last.id,
            bytes: last.bytes,
            duration_ms: last.durationMillis,
            completed: instantOrNull(last.completed),
            path: last.path,
          },
  };
}

interface LastCheckpoint {
  readonly id: number;
  readonly path: string | null;
  readonly bytes: number;
  /** Null: of a run that has ended. */
  readonly durationMillis: number | null;
  readonly completed: number | null;
}

function lastCheckpoint({end}: ListedJob, view: JobView | null): LastCheckpoint | null {
  const last = view?.checkpoints.latest.completed ?? null;
  if (last !== null) {
    const {id, path, bytes, triggered} = last;
    const durationMillis = Math.round(last.durationMillis);
    return {id, path, bytes, durationMillis, completed: Math.round(triggered + durationMillis)};
  }
  const left = end?.lastCheckpoint ?? null;
  return left === null ? null : {...left, durationMillis: null, completed: null};
}

/** Up to now, or to its end; null: it crashed, and nobody knows when. */
function uptimeMillis(job: ListedJob, now: number): number | null {
  if (job.live) return Math.max(0, now - job.started);
  return job.ended === null ? null : Math.max(0, job.ended - job.started);
}

/** What `status` shows to a person. */
export function statusLines(status: JobStatus, style: Style, now: number): string[] {
  const {job, view} = status;
  const uptime = uptimeMillis(job, now);
  const since = uptime === null ? '' : ` ${job.live ? 'for' : 'after'} ${formatDuration(uptime)}`;
  const lines = [
    `${style.bold(escapeText(job.name))} ${stateText(job, style)}${since}`,
    `  id           ${job.jobId}`,
    `  file         ${escapeText(job.jobFile)}`,
    ...(job.live ? [`  process      ${job.pid}`] : []),
    `  generation   ${job.generation}`,
  ];
  if (job.restoredFrom !== null) lines.push(`  restored     ${escapeText(job.restoredFrom)}`);
  if (job.listens !== null) lines.push(`  listens      ${job.listens}`);
  lines.push(...countLines(status));
  const last = lastCheckpoint(job, view);
  lines.push(last === null ? '  checkpoint   none yet' : checkpointLine(last, now));
  if (view !== null && view.checkpoints.counts.failed > 0) {
    lines.push(`  failed       ${formatCount(view.checkpoints.counts.failed)} checkpoints`);
  }
  const failure = job.end?.error ?? view?.failures[0] ?? null;
  if (failure !== null) lines.push(`  failure      ${escapeText(failure.message)}`);
  if (view !== null && view.tasks.length > 0) lines.push(taskTable(view, style));
  return lines;
}

export function stateText({state, live}: ListedJob, style: Style): string {
  const text = state.toLowerCase();
  if (state === 'RUNNING' || state === 'FINISHED') return style.good(text);
  return state === 'FAILED' || state === 'CRASHED'
    ? style.bad(text)
    : live
      ? style.warn(text)
      : text;
}

function countLines({job, view}: JobStatus): string[] {
  const counted = view ?? job.end;
  if (counted === null) return [];
  const rate = view === null ? '' : `, ${formatCount(view.recordsPerSecond)} records/s`;
  const restarts = counted.restarts === 0 ? [] : [`  restarts     ${counted.restarts}`];
  const lines = [
    `  records      ${formatCount(counted.recordsIn)} in, ${formatCount(counted.recordsOut)} out${rate}`,
    ...restarts,
  ];
  if (view === null) return lines;
  const watermark = view.watermark === null ? 'none yet' : formatInstant(view.watermark);
  return [...lines, `  watermark    ${watermark}`, `  parallelism  ${view.parallelism}`];
}

function checkpointLine(last: LastCheckpoint, now: number): string {
  const facts = [formatBytes(last.bytes)];
  if (last.durationMillis !== null) facts.push(`in ${formatDuration(last.durationMillis)}`);
  if (last.completed !== null) {
    facts.push(`${formatDuration(Math.max(0, now - last.completed))} ago`);
  }
  const path = last.path === null ? '' : `: ${escapeText(last.path)}`;
  return `  checkpoint   ${last.id} (${facts.join(', ')})${path}`;
}

const TASK_COLUMNS: readonly Column[] = [
  {name: 'TASK'},
  {name: 'BUSY', align: 'right'},
  {name: 'BACK-PRESSURED', align: 'right'},
  {name: 'IDLE', align: 'right'},
  {name: 'IN', align: 'right'},
  {name: 'OUT', align: 'right'},
];

function taskTable({tasks}: JobView, style: Style): string {
  const rows = tasks.map((task) => [
    task.id,
    percent(task.busy),
    percent(task.backPressured),
    percent(task.idle),
    formatCount(task.recordsIn),
    formatCount(task.recordsOut),
  ]);
  return style.table(TASK_COLUMNS, rows);
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** Three digits are what a measurement of a few seconds is worth. */
function share(part: number): number {
  return Math.round(part * 1000) / 1000;
}

function instantOrNull(at: number | null): string | null {
  return at === null ? null : formatInstant(at);
}
