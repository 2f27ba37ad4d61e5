// The lines of `run --json`: each event as JSON.md names its fields.

import {errorJson, reportOf} from './error-report.ts';
import {toJson} from './text.ts';
import {formatInstant} from './units.ts';
import type {
  ExitStatus,
  RestorePlan,
  RunEvent,
  RunSummary,
  SubtaskCheckpointStats,
} from '../../src/index.ts';

/** One line for each event; a failed run has its error in a line before the summary. */
export function runEventLines(event: RunEvent): string[] {
  const line = (fields: object): string =>
    toJson({type: event.type, ts: formatInstant(event.at), ...fields});
  switch (event.type) {
    case 'started':
      return [
        line({
          job_name: event.jobName,
          job_id: event.jobId,
          generation: event.generation,
          decision: event.decision,
          reason: event.reason,
          restored_from: event.restoredFrom,
        }),
      ];
    case 'listening':
      return [line({url: event.url, token_file: event.tokenFile})];
    case 'progress':
      return [
        line({
          records_in: event.recordsIn,
          records_out: event.recordsOut,
          records_per_s: event.recordsPerSecond,
          watermark: event.watermark === null ? null : formatInstant(event.watermark),
          last_checkpoint_id: event.lastCheckpointId,
        }),
      ];
    case 'checkpoint':
      return [
        line({
          id: event.id,
          kind: event.kind,
          bytes: event.bytes,
          duration_ms: event.durationMillis,
          path: event.path,
          unaligned: event.stats.unaligned,
          start_delay_ms: millis(event.stats.startDelayMillisMax),
          alignment: {
            duration_ms: millis(event.stats.alignmentMillisMax),
            processed_bytes: event.stats.alignmentBytes,
            persisted_bytes: event.stats.persistedBytes,
          },
          sync_ms: millis(event.stats.syncMillisMax),
          async_ms: millis(event.stats.asyncMillisMax),
          subtasks: Object.entries(event.subtasks).map(([task, stats]) =>
            subtaskFields(task, stats),
          ),
        }),
      ];
    case 'checkpoint_failed':
      return [line({id: event.id, reason: event.reason})];
    case 'restarting':
      return [
        line({attempt: event.attempt, cause: event.cause, restored_from: event.restoredFrom}),
      ];
    case 'row':
      return [line({sink: event.sink, row: event.row})];
    case 'warning':
      return [line({code: event.code, message: event.message})];
    case 'summary':
      return [...errorLine(event.at, event.summary), line(summaryFields(event.summary))];
  }
}

/** As Flink's REST detail of one subtask. */
function subtaskFields(task: string, stats: SubtaskCheckpointStats): object {
  return {
    ...taskFields(task),
    kind: stats.alignment,
    start_delay_ms: millis(stats.startDelayMillis),
    alignment: {
      duration_ms: millis(stats.alignmentMillis),
      processed_bytes: stats.alignmentBytes,
      persisted_bytes: stats.persistedBytes,
    },
    sync_ms: millis(stats.syncMillis),
    async_ms: millis(stats.asyncMillis),
  };
}

/** `<head uid>/<subtask>` */
function taskFields(task: string): {readonly operator: string; readonly subtask: number} {
  const slash = task.lastIndexOf('/');
  return {operator: task.slice(0, slash), subtask: Number(task.slice(slash + 1))};
}

/** To a thousandth. */
function millis(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function errorLine(at: number, summary: RunSummary): string[] {
  if (summary.error === null) return [];
  const {error} = JSON.parse(errorJson(reportOf(summary.error, 'run'))) as {error: unknown};
  return [toJson({type: 'error', ts: formatInstant(at), error})];
}

type SummaryCounts = Omit<RunSummary, 'jobName' | 'jobFile' | 'error'> & {
  readonly jobName: string | null;
};

function summaryFields(summary: SummaryCounts): object {
  const last = summary.lastCheckpoint;
  return {
    job_name: summary.jobName,
    state: summary.state,
    exit_code: summary.exitStatus,
    records_in: summary.recordsIn,
    records_out: summary.recordsOut,
    bad_records: summary.badRecords,
    late_records: summary.lateRecords,
    checkpoints: summary.checkpoints,
    restarts: summary.restarts,
    duration_ms: summary.durationMillis,
    last_checkpoint: last === null ? null : {id: last.id, path: last.path, bytes: last.bytes},
    sources: summary.sources.map((source) => ({
      operator: source.uid,
      connector: source.connector,
      records_in: source.recordsIn,
      bytes_in: source.bytesIn,
      bad_records: source.badRecords,
    })),
    sinks: summary.sinks.map((sink) => ({
      operator: sink.uid,
      connector: sink.connector,
      records_out: sink.recordsOut,
      bytes_out: sink.bytesOut,
      target: sink.target,
    })),
    tasks: Object.entries(summary.tasks).map(([task, times]) => ({
      ...taskFields(task),
      busy_ms: millis(times.busyMillis),
      back_pressured_ms: millis(times.backPressuredMillis),
      idle_ms: millis(times.idleMillis),
    })),
  };
}

/** The summary of a run that ended before there was anything to count. */
export function summaryOfNoRun(status: ExitStatus): object {
  return summaryFields({
    jobName: null,
    state: status === 130 || status === 143 ? 'INTERRUPTED' : 'FAILED',
    exitStatus: status,
    recordsIn: 0,
    recordsOut: 0,
    badRecords: 0,
    lateRecords: 0,
    checkpoints: 0,
    restarts: 0,
    durationMillis: 0,
    lastCheckpoint: null,
    sources: [],
    sinks: [],
    tasks: {},
  });
}

/** Fields of `RestorePlan`, the object of `--dry-run`. */
export function planFields(plan: RestorePlan): Readonly<Record<string, unknown>> {
  return {
    restorable: plan.restorable,
    refusals: plan.refusals,
    refused_as: plan.refusedAs?.code ?? null,
    hint: plan.refusedAs?.hint ?? null,
    decision: plan.decision,
    reason: plan.reason,
    from: plan.from,
    operators: plan.operators.map((operator) => ({
      uid: operator.uid,
      action: operator.action,
      reason: operator.reason,
      parallelism_from: operator.parallelismFrom,
      parallelism_to: operator.parallelismTo,
    })),
    sources: plan.sources,
    positions: plan.positions,
    claim_mode: plan.claimMode,
  };
}
