// A job's view in the shape of Flink's REST answers: its field names, its units, its words. Times are milliseconds,
// sizes bytes, -1 is unknown. Every number and flag that Flink documents is there, because its client refuses an
// answer that lacks one.

import {createHash} from 'node:crypto';

import {LIVE_STATES, type AnyJobState, type ChainView, type JobView} from '../runtime/job-view.ts';

/** Flink has fewer words for how a job ended. */
export function flinkStateOf(state: AnyJobState): string {
  switch (state) {
    case 'STOPPED':
      return 'FINISHED';
    case 'INTERRUPTED':
      return 'SUSPENDED';
    case 'CRASHED':
      return 'FAILED';
    case 'STOPPING':
      // Flink goes on calling it running until it has stopped.
      return 'RUNNING';
    default:
      return state;
  }
}

/** 32 hexadecimal digits from a chain's head uid, as the endpoints want them. */
export function vertexIdOf(chainId: string): string {
  return createHash('sha256').update(chainId).digest('hex').slice(0, 32);
}

const TASK_STATES = [
  'running',
  'canceling',
  'canceled',
  'created',
  'scheduled',
  'deploying',
  'reconciling',
  'finished',
  'initializing',
  'failed',
] as const;

function taskStateOf(state: AnyJobState): (typeof TASK_STATES)[number] {
  switch (state) {
    case 'INITIALIZING':
      return 'initializing';
    case 'RUNNING':
    case 'STOPPING':
      return 'running';
    case 'RESTARTING':
      return 'scheduled';
    case 'CANCELLING':
      return 'canceling';
    case 'FINISHED':
    case 'STOPPED':
      return 'finished';
    case 'CANCELED':
    case 'INTERRUPTED':
      return 'canceled';
    case 'FAILED':
    case 'CRASHED':
      return 'failed';
  }
}

function taskCounts(state: AnyJobState, count: number): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(TASK_STATES.map((name) => [name, 0]));
  counts[taskStateOf(state)] = count;
  return counts;
}

function isLive(state: AnyJobState): boolean {
  return (LIVE_STATES as readonly string[]).includes(state);
}

function durationOf(view: JobView): number {
  return (view.ended ?? view.now) - view.started;
}

function taskCountOf(view: JobView): number {
  return view.chains.reduce((sum, {parallelism}) => sum + parallelism, 0);
}

export function jobOverview(view: JobView): object {
  const total = taskCountOf(view);
  return {
    jid: view.jobId,
    name: view.name,
    jobType: 'STREAMING',
    schedulerType: 'Default',
    'start-time': view.started,
    'end-time': view.ended ?? -1,
    duration: durationOf(view),
    state: flinkStateOf(view.state),
    'last-modification': view.changed,
    tasks: {...taskCounts(view.state, total), total},
    'pending-operators': 0,
  };
}

export function clusterOverview(view: JobView, version: string): object {
  const state = flinkStateOf(view.state);
  const running = isLive(view.state);
  return {
    taskmanagers: 1,
    'slots-total': view.parallelism,
    'slots-available': running ? 0 : view.parallelism,
    'jobs-running': running ? 1 : 0,
    'jobs-finished': state === 'FINISHED' ? 1 : 0,
    'jobs-cancelled': state === 'CANCELED' || state === 'SUSPENDED' ? 1 : 0,
    'jobs-failed': state === 'FAILED' ? 1 : 0,
    'flink-version': `tidemark ${version}`,
    'flink-commit': '',
  };
}

export function clusterConfig(version: string): object {
  return {
    'refresh-interval': 3000,
    'timezone-name': 'UTC',
    'timezone-offset': 0,
    'flink-version': `tidemark ${version}`,
    'flink-revision': '',
    features: {
      'web-submit': false,
      'web-cancel': true,
      'web-rescale': false,
      'web-history': false,
    },
  };
}

/** The states of a job that Flink counts, each with the time it was entered; 0: never. */
const FLINK_STATES = [
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'FAILING',
  'FAILED',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'RESTARTING',
  'SUSPENDED',
  'RECONCILING',
] as const;

export function jobDetails(view: JobView): object {
  const timestamps: Record<string, number> = Object.fromEntries(
    FLINK_STATES.map((name) => [name, 0]),
  );
  for (const [state, at] of Object.entries(view.stateTimes)) {
    const name = flinkStateOf(state as AnyJobState);
    timestamps[name] = Math.max(timestamps[name] ?? 0, state === 'STOPPING' ? 0 : at);
  }
  return {
    jid: view.jobId,
    name: view.name,
    isStoppable: false,
    state: flinkStateOf(view.state),
    'job-type': 'STREAMING',
    'start-time': view.started,
    'end-time': view.ended ?? -1,
    duration: durationOf(view),
    maxParallelism: view.maxParallelism,
    now: view.now,
    timestamps,
    vertices: view.chains.map((chain) => vertex(view, chain)),
    'status-counts': upperCase(taskCounts(view.state, view.chains.length)),
    'pending-operators': 0,
    plan: jobPlan(view),
  };
}

function upperCase(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name.toUpperCase(), count]),
  );
}

function vertex(view: JobView, chain: ChainView): object {
  const tasks = view.tasks.filter(({operator}) => operator === chain.id);
  const sum = (read: (task: (typeof tasks)[number]) => number): number =>
    Math.round(tasks.reduce((total, task) => total + read(task), 0));
  return {
    id: vertexIdOf(chain.id),
    name: chain.name,
    maxParallelism: chain.maxParallelism,
    parallelism: chain.parallelism,
    status: taskStateOf(view.state).toUpperCase(),
    'start-time': view.stateTimes.RUNNING ?? -1,
    'end-time': view.ended ?? -1,
    duration: durationOf(view),
    tasks: upperCase(taskCounts(view.state, chain.parallelism)),
    slotSharingGroupId: vertexIdOf('default'),
    metrics: {
      'read-bytes': sum((task) => task.bytesIn),
      'read-bytes-complete': true,
      'write-bytes': sum((task) => task.bytesOut),
      'write-bytes-complete': true,
      'read-records': sum((task) => task.recordsIn),
      'read-records-complete': true,
      'write-records': sum((task) => task.recordsOut),
      'write-records-complete': true,
      'accumulated-backpressured-time': sum((task) => task.backPressuredMillis),
      'accumulated-idle-time': sum((task) => task.idleMillis),
      'accumulated-busy-time': sum((task) => task.busyMillis),
    },
  };
}

export function jobPlan(view: JobView): object {
  return {
    jid: view.jobId,
    name: view.name,
    type: 'STREAMING',
    nodes: view.chains.map((chain) => ({
      id: vertexIdOf(chain.id),
      parallelism: chain.parallelism,
      operator: '',
      operator_strategy: '',
      description: chain.name,
      inputs: chain.inputs.map((input, num) => ({
        num,
        id: vertexIdOf(input.sourceChain),
        ship_strategy: input.partitioning.toUpperCase(),
        exchange: 'pipelined_bounded',
      })),
      optimizer_properties: {},
    })),
  };
}

export function jobConfig(view: JobView): object {
  return {
    jid: view.jobId,
    name: view.name,
    'execution-config': {
      'restart-strategy': view.config.restartStrategy,
      'job-parallelism': view.parallelism,
      'object-reuse-mode': true,
      'user-config': {},
    },
  };
}

export function jobExceptions(view: JobView, entriesMax: number): object {
  const entries = view.failures.slice(0, entriesMax).map((failure) => ({
    exceptionName: failure.code,
    stacktrace: failure.message,
    timestamp: failure.at,
    taskName: failure.task,
    endpoint: null,
    taskManagerId: null,
    failureLabels: {},
    concurrentExceptions: [],
  }));
  const truncated = view.failuresTruncated || entries.length < view.failures.length;
  return {exceptionHistory: {entries, truncated}};
}
