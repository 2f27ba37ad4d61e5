// What a sample of seeds reached: a check that never comes into play is seen here.

import {FAULT_KINDS, type FaultKind} from './faults.ts';
import type {SeedReport} from './simulation.ts';

export class Tally {
  seeds = 0;
  events = 0;
  readonly fired = new Map<FaultKind, number>(FAULT_KINDS.map((kind) => [kind, 0]));
  readonly counts = new Map<string, number>();
  /** What clients asked for, and got. */
  readonly commands = new Map<string, number>();
  readonly claims = new Map<string, number>();
  /** Of the seeds that have a neighbour. */
  readonly beside = new Map<string, number>();
  readonly endings = new Map<string, number>();
  readonly sinks = new Map<string, number>();
  readonly modes = new Map<string, number>();
  readonly parallelisms = new Map<string, number>();
  processes = 0;
  readonly #started = performance.now();

  add(report: SeedReport): void {
    this.seeds += 1;
    this.events += report.events;
    this.processes += report.processes;
    for (const [kind, count] of report.fired) increase(this.fired, kind, count);
    for (const [what, count] of Object.entries(report.counts))
      increase(this.counts, what, count as number);
    for (const [what, count] of Object.entries(report.commands))
      increase(this.commands, what, count);
    for (const [what, count] of Object.entries(report.claims)) increase(this.claims, what, count);
    for (const [what, count] of Object.entries(report.beside ?? {}))
      increase(this.beside, what, count);
    for (const ending of report.endings) increase(this.endings, ending, 1);
    increase(this.modes, report.mode, 1);
    for (const each of report.parallelisms) increase(this.parallelisms, `p=${each}`, 1);
    for (const sink of report.sinks) increase(this.sinks, sink, 1);
  }

  toString(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    return [
      `simulation: ${this.seeds} seeds, ${this.events} events, ${this.processes} processes in ${seconds.toFixed(1)} s (${(this.seeds / seconds).toFixed(1)} seeds/s)`,
      `  ${list(this.counts)}`,
      `  commands: ${list(this.commands)}`,
      `  claims: ${list(this.claims)}`,
      `  beside: ${list(this.beside)}`,
      `  endings: ${list(this.endings)}`,
      `  faults: ${list(this.fired)}`,
      `  sinks: ${list(this.sinks)}; barriers: ${list(this.modes)}; processes at ${list(this.parallelisms)}`,
    ].join('\n');
  }
}

function increase<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ');
}
