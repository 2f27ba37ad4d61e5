// Counters of one task thread, read by the main thread through messages. Plain numbers: one task
// thread writes them.

export interface SourceMetrics {
  recordsIn: number;
  bytesIn: number;
  badRecords: number;
}

export interface SinkMetrics {
  recordsOut: number;
  bytesOut: number;
}

export interface OperatorMetrics {
  recordsIn: number;
  recordsOut: number;
  lateRecords: number;
}

/** What a task did with its time, in milliseconds since its start. */
export interface TaskTimes {
  readonly busyMillis: number;
  /** It had work and no room for the results. */
  readonly backPressuredMillis: number;
  readonly idleMillis: number;
}

/** By operator uid; a record is made on first use. */
export class JobMetrics {
  readonly sources = new Map<string, SourceMetrics>();
  readonly sinks = new Map<string, SinkMetrics>();
  readonly operators = new Map<string, OperatorMetrics>();

  source(uid: string): SourceMetrics {
    return getOrMake(this.sources, uid, () => ({recordsIn: 0, bytesIn: 0, badRecords: 0}));
  }

  sink(uid: string): SinkMetrics {
    return getOrMake(this.sinks, uid, () => ({recordsOut: 0, bytesOut: 0}));
  }

  operator(uid: string): OperatorMetrics {
    return getOrMake(this.operators, uid, () => ({recordsIn: 0, recordsOut: 0, lateRecords: 0}));
  }
}

function getOrMake<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** The same counters as plain data, as they cross threads. */
export interface MetricsReport {
  readonly sources: Readonly<Record<string, SourceMetrics>>;
  readonly sinks: Readonly<Record<string, SinkMetrics>>;
  readonly operators: Readonly<Record<string, OperatorMetrics>>;
  /** The least watermark over all sources of the thread: ms since the epoch, -Infinity before the first, +Infinity at the end. */
  readonly watermark: number;
  /** By task id. */
  readonly times: Readonly<Record<string, TaskTimes>>;
}

export function reportMetrics(
  metrics: JobMetrics,
  watermark: number,
  times: MetricsReport['times'],
): MetricsReport {
  return {
    sources: Object.fromEntries(metrics.sources),
    sinks: Object.fromEntries(metrics.sinks),
    operators: Object.fromEntries(metrics.operators),
    watermark,
    times,
  };
}

/** The counters of both; the watermark of the second. */
export function addReports(first: MetricsReport, second: MetricsReport): MetricsReport {
  return {
    sources: addCounts(first.sources, second.sources),
    sinks: addCounts(first.sinks, second.sinks),
    operators: addCounts(first.operators, second.operators),
    watermark: second.watermark,
    times: addCounts(first.times, second.times),
  };
}

/** Every field of a counter record is a number. */
function addCounts<Counts extends {readonly [Field in keyof Counts]: number}>(
  first: Readonly<Record<string, Counts>>,
  second: Readonly<Record<string, Counts>>,
): Record<string, Counts> {
  const sums: Record<string, Counts> = {...first};
  for (const [name, counts] of Object.entries(second)) {
    const before = first[name];
    sums[name] = before === undefined ? counts : addFields(before, counts);
  }
  return sums;
}

function addFields<Counts extends {readonly [Field in keyof Counts]: number}>(
  first: Counts,
  second: Counts,
): Counts {
  const fields = Object.keys(first) as (keyof Counts)[];
  return Object.fromEntries(
    fields.map((field) => [field, first[field] + second[field]]),
  ) as unknown as Counts;
}
