// Every metric of `/metrics`: its name, its unit, and which of Flink's metrics it is. METRICS.md is this table, and
// a test holds the two together. Units are Prometheus's base units, counters end in `_total`.

import {LIVE_STATES, type JobView, type TaskView} from '../runtime/job-view.ts';

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly unit: string;
  /** Its metric of Flink's, and that one's unit; null: Flink has none. */
  readonly flink: {readonly name: string; readonly unit: string} | null;
  /** None: not known yet. */
  readonly read: (view: JobView) => readonly MetricSample[];
}

export const METRICS: readonly MetricRow[] = [
  job(
    'tidemark_job_uptime_seconds',
    'gauge',
    'Time since the run began.',
    'seconds',
    ['uptime', 'ms'],
    (view) => ((view.ended ?? view.now) - view.started) / 1000,
  ),
  job(
    'tidemark_job_restarts_total',
    'counter',
    'Restarts inside this process.',
    'restarts',
    ['numRestarts', 'count'],
    (view) => view.restarts,
  ),
  {
    name: 'tidemark_job_state',
    type: 'gauge',
    help: '1 for the state that the job is in, 0 for the others.',
    unit: 'flag',
    flink: {name: 'initializingState, runningState, restartingState, …', unit: 'flag'},
    read: (view) =>
      LIVE_STATES.map((state) => ({labels: {state}, value: view.state === state ? 1 : 0})),
  },
  job(
    'tidemark_job_records_in_total',
    'counter',
    'Records that the sources read.',
    'records',
    ['numRecordsIn (sources)', 'count'],
    (view) => view.recordsIn,
  ),
  job(
    'tidemark_job_records_out_total',
    'counter',
    'Records that the sinks wrote.',
    'records',
    ['numRecordsOut (sinks)', 'count'],
    (view) => view.recordsOut,
  ),
  job(
    'tidemark_job_records_in_per_second',
    'gauge',
    'Records read over the last seconds.',
    'records per second',
    ['numRecordsInPerSecond (sources)', 'count per second'],
    (view) => view.recordsPerSecond,
  ),
  job(
    'tidemark_job_bad_records_total',
    'counter',
    'Records that could not be read.',
    'records',
    ['numRecordsInErrors', 'count'],
    (view) => view.badRecords,
  ),
  job(
    'tidemark_job_late_records_total',
    'counter',
    'Records that came after their window had closed.',
    'records',
    ['numLateRecordsDropped', 'count'],
    (view) => view.lateRecords,
  ),
  job(
    'tidemark_job_watermark_seconds',
    'gauge',
    'The least watermark of all sources, since the epoch.',
    'seconds',
    ['currentInputWatermark', 'ms'],
    (view) => (view.watermark === null ? null : view.watermark / 1000),
  ),
  job(
    'tidemark_job_checkpoints_total',
    'counter',
    'Checkpoints and savepoints that were triggered.',
    'checkpoints',
    ['totalNumberOfCheckpoints', 'count'],
    (view) => view.checkpoints.counts.total,
  ),
  job(
    'tidemark_job_checkpoints_in_progress',
    'gauge',
    'Checkpoints under way.',
    'checkpoints',
    ['numberOfInProgressCheckpoints', 'count'],
    (view) => view.checkpoints.counts.inProgress,
  ),
  job(
    'tidemark_job_checkpoints_completed_total',
    'counter',
    'Checkpoints that were completed.',
    'checkpoints',
    ['numberOfCompletedCheckpoints', 'count'],
    (view) => view.checkpoints.counts.completed,
  ),
  job(
    'tidemark_job_checkpoints_failed_total',
    'counter',
    'Checkpoints that failed.',
    'checkpoints',
    ['numberOfFailedCheckpoints', 'count'],
    (view) => view.checkpoints.counts.failed,
  ),
  job(
    'tidemark_job_last_checkpoint_id',
    'gauge',
    'Id of the newest completed checkpoint.',
    'id',
    ['lastCompletedCheckpointId', 'id'],
    (view) => lastOf(view)?.id ?? null,
  ),
  job(
    'tidemark_job_last_checkpoint_duration_seconds',
    'gauge',
    'From its trigger until it existed.',
    'seconds',
    ['lastCheckpointDuration', 'ms'],
    (view) => millisAsSeconds(lastOf(view)?.durationMillis),
  ),
  job(
    'tidemark_job_last_checkpoint_bytes',
    'gauge',
    'What the newest completed checkpoint wrote.',
    'bytes',
    ['lastCheckpointSize', 'bytes'],
    (view) => lastOf(view)?.bytes ?? null,
  ),
  job(
    'tidemark_job_last_checkpoint_completed_seconds',
    'gauge',
    'When the newest completed checkpoint existed, since the epoch.',
    'seconds',
    ['lastCheckpointCompletedTimestamp', 'epoch ms'],
    (view) => {
      const last = lastOf(view);
      return last === null ? null : (last.triggered + last.durationMillis) / 1000;
    },
  ),
  job(
    'tidemark_job_last_checkpoint_restored_seconds',
    'gauge',
    'When a checkpoint was last restored, since the epoch.',
    'seconds',
    ['lastCheckpointRestoreTimestamp', 'epoch ms'],
    (view) => millisAsSeconds(view.checkpoints.latest.restored?.at),
  ),
  job(
    'tidemark_job_last_checkpoint_alignment_seconds',
    'gauge',
    'The longest alignment of a task in it.',
    'seconds',
    ['checkpointAlignmentTime', 'ns'],
    (view) => millisAsSeconds(lastOf(view)?.stats?.alignmentMillisMax),
  ),
  job(
    'tidemark_job_last_checkpoint_start_delay_seconds',
    'gauge',
    'The longest wait of a task for its first barrier in it.',
    'seconds',
    ['checkpointStartDelayNanos', 'ns'],
    (view) => millisAsSeconds(lastOf(view)?.stats?.startDelayMillisMax),
  ),
  task(
    'tidemark_task_records_in',
    'Records that the task took in since it was deployed.',
    'records',
    ['numRecordsIn', 'count'],
    ({recordsIn}) => recordsIn,
  ),
  task(
    'tidemark_task_records_out',
    'Records that the task gave out since it was deployed.',
    'records',
    ['numRecordsOut', 'count'],
    ({recordsOut}) => recordsOut,
  ),
  task(
    'tidemark_task_bytes_in',
    'Bytes that a source task read since it was deployed.',
    'bytes',
    ['numBytesIn', 'bytes'],
    ({bytesIn}) => bytesIn,
  ),
  task(
    'tidemark_task_bytes_out',
    'Bytes that a sink task wrote since it was deployed.',
    'bytes',
    ['numBytesOut', 'bytes'],
    ({bytesOut}) => bytesOut,
  ),
  task(
    'tidemark_task_busy_ratio',
    'Share of the last seconds in which the task worked.',
    'ratio',
    ['busyTimeMsPerSecond', 'ms per second'],
    ({busy}) => busy,
  ),
  task(
    'tidemark_task_back_pressured_ratio',
    'Share of the last seconds in which the task had no room for its results.',
    'ratio',
    ['backPressuredTimeMsPerSecond', 'ms per second'],
    ({backPressured}) => backPressured,
  ),
  task(
    'tidemark_task_idle_ratio',
    'Share of the last seconds in which the task had nothing to do.',
    'ratio',
    ['idleTimeMsPerSecond', 'ms per second'],
    ({idle}) => idle,
  ),
];

type FlinkMetric = readonly [name: string, unit: string];

function job(
  name: string,
  type: MetricRow['type'],
  help: string,
  unit: string,
  flink: FlinkMetric,
  read: (view: JobView) => number | null,
): MetricRow {
  return {
    name,
    type,
    help,
    unit,
    flink: {name: flink[0], unit: flink[1]},
    read: (view) => {
      const value = read(view);
      return value === null ? [] : [{labels: {}, value}];
    },
  };
}

/** A gauge: a restart begins its counts again. */
function task(
  name: string,
  help: string,
  unit: string,
  flink: FlinkMetric,
  read: (task: TaskView) => number,
): MetricRow {
  return {
    name,
    type: 'gauge',
    help,
    unit,
    flink: {name: flink[0], unit: flink[1]},
    read: (view) =>
      view.tasks.map((each) => ({
        labels: {operator: each.operator, subtask: String(each.subtask)},
        value: read(each),
      })),
  };
}

function lastOf({checkpoints}: JobView): JobView['checkpoints']['latest']['completed'] {
  const {completed, savepoint} = checkpoints.latest;
  if (completed === null || savepoint === null) return completed ?? savepoint;
  return completed.id > savepoint.id ? completed : savepoint;
}

function millisAsSeconds(millis: number | undefined): number | null {
  return millis === undefined ? null : millis / 1000;
}
