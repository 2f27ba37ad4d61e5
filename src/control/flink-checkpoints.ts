// Checkpoints in the shape of Flink's REST answers; flink-views.ts has the rest.

import type {
  AcknowledgedSubtask,
  CheckpointEntry,
  CheckpointHistoryView,
} from '../metrics/checkpoint-history.ts';
import type {NumberSummaryView} from '../metrics/number-summary.ts';
import type {JobView} from '../runtime/job-view.ts';
import {vertexIdOf} from './flink-views.ts';

export function checkpointConfig({config}: JobView): object {
  return {
    mode: config.mode === 'exactly-once' ? 'exactly_once' : 'at_least_once',
    // Flink's word for "never".
    interval: config.intervalMillis ?? Number.MAX_SAFE_INTEGER,
    timeout: config.timeoutMillis,
    min_pause: config.minPauseMillis,
    max_concurrent: config.maxConcurrent,
    externalization: {
      enabled: config.retention !== 'no-externalized-checkpoints',
      delete_on_cancellation: config.retention === 'delete-on-cancellation',
    },
    state_backend: config.stateBackend,
    checkpoint_storage: 'FileSystemCheckpointStorage',
    unaligned_checkpoints: config.unaligned,
    tolerable_failed_checkpoints: config.tolerableFailed,
    aligned_checkpoint_timeout: config.alignedTimeoutMillis,
    checkpoints_after_tasks_finish: true,
    state_changelog_enabled: false,
    changelog_periodic_materialization_interval: 0,
    changelog_storage: '',
  };
}

export function checkpointStatistics(history: CheckpointHistoryView): object {
  const {counts, summary, latest} = history;
  const zero = numbers({min: 0, max: 0, avg: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0});
  return {
    counts: {
      restored: counts.restored,
      total: counts.total,
      in_progress: counts.inProgress,
      completed: counts.completed,
      failed: counts.failed,
    },
    summary: {
      checkpointed_size: numbers(summary.bytes),
      state_size: numbers(summary.bytes),
      end_to_end_duration: numbers(summary.durationMillis),
      alignment_buffered: zero,
      processed_data: numbers(summary.processedBytes),
      persisted_data: numbers(summary.persistedBytes),
    },
    latest: {
      completed: latest.completed === null ? null : checkpointEntry(latest.completed, false),
      savepoint: latest.savepoint === null ? null : checkpointEntry(latest.savepoint, false),
      failed: latest.failed === null ? null : checkpointEntry(latest.failed, false),
      restored:
        latest.restored === null
          ? null
          : {
              id: latest.restored.id,
              restore_timestamp: latest.restored.at,
              is_savepoint: latest.restored.isSavepoint,
              external_path: latest.restored.path,
            },
    },
    history: history.history.map((entry) => checkpointEntry(entry, false)),
  };
}

/** Flink's `min` and its kin are whole numbers, except the mean's neighbours from the quantiles. */
function numbers(summary: NumberSummaryView): object {
  return {
    ...summary,
    min: Math.round(summary.min),
    max: Math.round(summary.max),
    avg: Math.round(summary.avg),
  };
}

const CLASS_NAMES = {
  'in-progress': 'in_progress',
  completed: 'completed',
  failed: 'failed',
} as const;

/** With `detailed`: what each vertex did. */
export function checkpointEntry(entry: CheckpointEntry, detailed: boolean): object {
  return {
    className: CLASS_NAMES[entry.status],
    id: entry.id,
    status: CLASS_NAMES[entry.status].toUpperCase(),
    is_savepoint: entry.savepoint !== null,
    savepointFormat: entry.savepoint?.toUpperCase() ?? null,
    trigger_timestamp: entry.triggered,
    latest_ack_timestamp: entry.lastAcknowledged ?? -1,
    checkpointed_size: entry.bytes,
    state_size: entry.bytes,
    end_to_end_duration: Math.round(entry.durationMillis),
    alignment_buffered: 0,
    processed_data: sumOf(entry, (subtask) => subtask.alignmentBytes),
    persisted_data: sumOf(entry, (subtask) => subtask.persistedBytes),
    num_subtasks: entry.tasks.length,
    num_acknowledged_subtasks: Object.keys(entry.subtasks).length,
    checkpoint_type: checkpointType(entry),
    tasks: detailed
      ? Object.fromEntries(
          operatorsOf(entry).map((operator) => [
            vertexIdOf(operator),
            vertexTotals(entry, operator),
          ]),
        )
      : {},
    ...(entry.status === 'completed'
      ? {external_path: entry.path ?? '', discarded: entry.discarded}
      : {}),
    ...(entry.failure === null
      ? {}
      : {failure_timestamp: entry.failure.at, failure_message: entry.failure.message}),
  };
}

function checkpointType(entry: CheckpointEntry): string {
  if (entry.savepoint !== null) return entry.stops ? 'SYNC_SAVEPOINT' : 'SAVEPOINT';
  const isUnaligned = Object.values(entry.subtasks).some(
    ({alignment}) => alignment === 'unaligned',
  );
  return isUnaligned ? 'UNALIGNED_CHECKPOINT' : 'CHECKPOINT';
}

function operatorsOf(entry: CheckpointEntry): string[] {
  return [...new Set(entry.tasks.map(operatorOf))];
}

function operatorOf(task: string): string {
  return task.slice(0, task.lastIndexOf('/'));
}

function sumOf(entry: CheckpointEntry, read: (subtask: AcknowledgedSubtask) => number): number {
  return Object.values(entry.subtasks).reduce((sum, subtask) => sum + read(subtask), 0);
}

function vertexTotals(entry: CheckpointEntry, operator: string): object {
  const tasks = entry.tasks.filter((task) => operatorOf(task) === operator);
  const subtasks = tasks.flatMap((task) => entry.subtasks[task] ?? []);
  const sum = (read: (subtask: AcknowledgedSubtask) => number): number =>
    subtasks.reduce((total, subtask) => total + read(subtask), 0);
  const most = (read: (subtask: AcknowledgedSubtask) => number): number =>
    subtasks.reduce((greatest, subtask) => Math.max(greatest, read(subtask)), -1);
  return {
    id: entry.id,
    status: CLASS_NAMES[entry.status].toUpperCase(),
    latest_ack_timestamp: most(({acknowledged}) => acknowledged),
    checkpointed_size: sum(({bytes}) => bytes),
    state_size: sum(({bytes}) => bytes),
    end_to_end_duration: Math.round(most(({durationMillis}) => durationMillis)),
    alignment_buffered: 0,
    processed_data: sum(({alignmentBytes}) => alignmentBytes),
    persisted_data: sum(({persistedBytes}) => persistedBytes),
    num_subtasks: tasks.length,
    num_acknowledged_subtasks: subtasks.length,
  };
}

/** The detail of one vertex in one checkpoint; null: it has no such vertex. */
export function checkpointSubtasks(entry: CheckpointEntry, vertexId: string): object | null {
  const operator = operatorsOf(entry).find((candidate) => vertexIdOf(candidate) === vertexId);
  if (operator === undefined) return null;
  const tasks = entry.tasks.filter((task) => operatorOf(task) === operator);
  const acknowledged = tasks.flatMap((task) => entry.subtasks[task] ?? []);
  return {
    ...vertexTotals(entry, operator),
    summary: {
      checkpointed_size: extremes(acknowledged, ({bytes}) => bytes),
      state_size: extremes(acknowledged, ({bytes}) => bytes),
      end_to_end_duration: extremes(acknowledged, ({durationMillis}) => durationMillis),
      checkpoint_duration: {
        sync: extremes(acknowledged, ({syncMillis}) => syncMillis),
        async: extremes(acknowledged, ({asyncMillis}) => asyncMillis),
      },
      alignment: {
        buffered: extremes([], () => 0),
        processed: extremes(acknowledged, ({alignmentBytes}) => alignmentBytes),
        persisted: extremes(acknowledged, ({persistedBytes}) => persistedBytes),
        duration: extremes(acknowledged, ({alignmentMillis}) => alignmentMillis),
      },
      start_delay: extremes(acknowledged, ({startDelayMillis}) => startDelayMillis),
    },
    subtasks: tasks.map((task) => subtaskEntry(task, entry.subtasks[task] ?? null, entry)),
  };
}

function extremes(
  subtasks: readonly AcknowledgedSubtask[],
  read: (subtask: AcknowledgedSubtask) => number,
): object {
  const values = subtasks.map((subtask) => Math.round(read(subtask)));
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  const sum = values.reduce((total, value) => total + value, 0);
  return {
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    avg: values.length === 0 ? 0 : Math.round(sum / values.length),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
  };
}

function subtaskEntry(
  task: string,
  subtask: AcknowledgedSubtask | null,
  entry: CheckpointEntry,
): object {
  const index = Number(task.slice(task.lastIndexOf('/') + 1));
  if (subtask === null) return {className: 'pending', index, status: 'pending_or_failed'};
  return {
    className: 'completed',
    index,
    status: 'completed',
    ack_timestamp: subtask.acknowledged,
    end_to_end_duration: Math.round(subtask.durationMillis),
    checkpointed_size: subtask.bytes,
    state_size: subtask.bytes,
    checkpoint: {sync: Math.round(subtask.syncMillis), async: Math.round(subtask.asyncMillis)},
    alignment: {
      buffered: 0,
      processed: subtask.alignmentBytes,
      persisted: subtask.persistedBytes,
      duration: Math.round(subtask.alignmentMillis),
    },
    start_delay: Math.round(subtask.startDelayMillis),
    unaligned_checkpoint: subtask.alignment === 'unaligned',
    aborted: entry.status === 'failed',
  };
}
