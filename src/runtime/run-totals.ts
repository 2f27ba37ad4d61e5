import type {JobSpec, OptionValues} from '../job/job-spec.ts';
import {addReports, type MetricsReport, type TaskTimes} from '../metrics/job-metrics.ts';
import type {SinkTotals, SourceTotals} from './run-types.ts';

/** A thread's last two reports: between them lies what it does at present. */
export interface ThreadReports {
  readonly newest: MetricsReport;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly before: {readonly report: MetricsReport; readonly at: number} | null;
}

/** The counters of a run: the deployments that ended, and the one that goes on. */
export class RunTotals {
  readonly #job: JobSpec;
  readonly #now: () => number;
  /** All deployments that ended, added up: a job that restarts for ever keeps no more of them. */
  #ended: MetricsReport | null = null;
  /** The reports of each thread of the deployment that runs. */
  readonly #current = new Map<number, ThreadReports>();

  /** `now`: monotonic. */
  constructor(job: JobSpec, now: () => number) {
    this.#job = job;
    this.#now = now;
  }

  update(subtask: number, report: MetricsReport): void {
    const last = this.#current.get(subtask);
    const before = last === undefined ? null : {report: last.newest, at: last.at};
    this.#current.set(subtask, {newest: report, at: this.#now(), before});
  }

  deploymentEnded(): void {
    for (const {newest} of this.#current.values()) {
      this.#ended = this.#ended === null ? newest : addReports(this.#ended, newest);
    }
    this.#current.clear();
  }

  /** By thread, of the deployment that runs. */
  get threads(): ReadonlyMap<number, ThreadReports> {
    return this.#current;
  }

  /** Records in, over the time between each thread's last two reports. */
  get recordsPerSecond(): number {
    let rate = 0;
    for (const {newest, at, before} of this.#current.values()) {
      if (before === null || at <= before.at) continue;
      const count = recordsInOf(newest) - recordsInOf(before.report);
      rate += (count * 1000) / (at - before.at);
    }
    return Math.round(rate);
  }

  /** Milliseconds since the epoch; null: none yet. */
  get watermark(): number | null {
    const least = Math.min(...[...this.#current.values()].map(({newest}) => newest.watermark));
    return Number.isFinite(least) ? least : null;
  }

  get recordsIn(): number {
    return sum(this.sources().map((source) => source.recordsIn));
  }

  get recordsOut(): number {
    return sum(this.sinks().map((sink) => sink.recordsOut));
  }

  get badRecords(): number {
    return sum(this.sources().map((source) => source.badRecords));
  }

  get lateRecords(): number {
    return this.#add((report) =>
      sum(Object.values(report.operators).map((operator) => operator.lateRecords)),
    );
  }

  sources(): SourceTotals[] {
    return this.#job.sources.map(({uid, connector}) => ({
      uid,
      connector,
      recordsIn: this.#add((report) => report.sources[uid]?.recordsIn ?? 0),
      bytesIn: this.#add((report) => report.sources[uid]?.bytesIn ?? 0),
      badRecords: this.#add((report) => report.sources[uid]?.badRecords ?? 0),
    }));
  }

  sinks(): SinkTotals[] {
    return this.#job.sinks.map(({uid, connector, options}) => ({
      uid,
      connector,
      recordsOut: this.#add((report) => report.sinks[uid]?.recordsOut ?? 0),
      bytesOut: this.#add((report) => report.sinks[uid]?.bytesOut ?? 0),
      target: targetOf(options),
    }));
  }

  /** What the tasks did with their time, over all deployments; by task id. */
  times(): ReadonlyMap<string, TaskTimes> {
    const all = new Map<string, TaskTimes>();
    for (const report of this.#reports()) {
      for (const [task, times] of Object.entries(report.times)) {
        const before = all.get(task) ?? {busyMillis: 0, backPressuredMillis: 0, idleMillis: 0};
        all.set(task, {
          busyMillis: before.busyMillis + times.busyMillis,
          backPressuredMillis: before.backPressuredMillis + times.backPressuredMillis,
          idleMillis: before.idleMillis + times.idleMillis,
        });
      }
    }
    return all;
  }

  #add(count: (report: MetricsReport) => number): number {
    return sum(this.#reports().map(count));
  }

  #reports(): MetricsReport[] {
    const current = [...this.#current.values()].map(({newest}) => newest);
    return this.#ended === null ? current : [this.#ended, ...current];
  }
}

function recordsInOf(report: MetricsReport): number {
  return sum(Object.values(report.sources).map(({recordsIn}) => recordsIn));
}

function targetOf(options: OptionValues): string | null {
  return typeof options['path'] === 'string' ? options['path'] : null;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
