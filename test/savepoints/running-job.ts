// Vocabulary: a job of real threads in this process, and what it left behind.

import {existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import type * as Engine from '#src/engine.js';
import type {JobCommands, RunEvent, RunRequest, RunningJob, RunSummary} from '#src/index.js';
import {resolveForJob} from '#src/inspection/resolve-for-job.js';

/** The engine as it ships, in one file: its threads begin with half of the processor time that single modules take. */
const {runJob} = (await import(
  new URL('../../dist/start/src/engine.js', import.meta.url).href
)) as typeof Engine;

/** Rows 0 … rows-1, counted by key without a window (`totals`) and in windows of 1 s of event time (`windows`). */
export const ROWS = 200_000;

export const REQUEST: Omit<RunRequest, 'file'> = {
  overrides: {flink: [], set: []},
  fresh: false,
  allowNonRestoredState: false,
  takeOver: false,
  onDamaged: 'stop',
  outputAhead: 'refuse',
  allowDrained: false,
  shutdownTimeoutMillis: 20_000,
  progressIntervalMillis: 60_000,
  environment: {},
};

export class Scratch {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-savepoints-'));
  readonly file = join(this.directory, 'job.yaml');
  readonly state = join(this.directory, 'state', 'counts');
  readonly savepoints = join(this.directory, 'savepoints');

  constructor(more = '') {
    writeFileSync(
      this.file,
      `name: counts
parallelism: 2
sources:
  ticks:
    connector: generator
    rows: ${ROWS}
    rate-limit: 20000
    fields:
      id: {kind: sequence}
      key: {kind: choice, values: [a, b, c, "a key that is longer than twelve bytes"]}
      at: {kind: timestamp, start: 2026-01-01T00:00:00Z, step: 1ms}
    watermark: {column: at}
steps:
  - {id: totals, type: aggregate, input: ticks, group-by: [key], emit: on-checkpoint, select: {n: COUNT(*), top: MAX(id)}}
  - {id: windows, type: aggregate, input: ticks, group-by: [key], window: {tumbling: 1 h}, select: {n: COUNT(*)}}
sinks:
  ids: {connector: file, input: ticks, path: ids/, format: json}
  counted: {connector: file, input: totals, path: totals/, format: json}
  windowed: {connector: file, input: windows, path: windows/, format: json}
checkpointing:
  interval: 100ms
  dir: file:./state
  savepoint-dir: file:./savepoints
${more}`,
    );
  }

  run(request: Partial<RunRequest> = {}): Running {
    const job = runJob({...REQUEST, file: this.file, ...request}, resolveForJob);
    return new Running(job);
  }

  /** Rows of a sink that are committed. */
  rows<T>(sink: string): T[] {
    const directory = join(this.directory, sink);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  ids(): number[] {
    return this.rows<{id: number}>('ids').map(({id}) => id);
  }

  /** The newest row of each key. */
  totals(): Map<string, number> {
    const totals = new Map<string, number>();
    for (const {key, n} of this.rows<{key: string; n: number}>('totals')) {
      totals.set(key, Math.max(n, totals.get(key) ?? 0));
    }
    return totals;
  }

  end(): {how: string; facts: Record<string, unknown>} {
    const owner = join(this.state, 'owner');
    const newest = readdirSync(owner)
      .filter((name) => name.endsWith('.end'))
      .sort()
      .at(-1)!;
    return JSON.parse(readFileSync(join(owner, newest), 'utf8')) as ReturnType<Scratch['end']>;
  }

  /** Nothing hidden, nothing half: the names there. */
  savepointNames(directory = this.savepoints): string[] {
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  }
}

export class Running {
  readonly commands: JobCommands;
  readonly finished: Promise<RunSummary>;
  readonly events: RunEvent[] = [];
  readonly interrupt: (signal: 'SIGINT' | 'SIGTERM') => void;
  #over = false;
  #heard: () => void = () => undefined;

  constructor(job: RunningJob) {
    this.commands = job.commands;
    this.finished = job.finished;
    this.interrupt = (signal) => job.interrupt(signal);
    job.finished.catch(() => undefined);
    void (async () => {
      for await (const event of job.events) {
        this.events.push(event);
        this.#heard();
      }
    })()
      .catch(() => undefined)
      .finally(() => {
        this.#over = true;
        this.#heard();
      });
  }

  /** The first event that fits, now or later. */
  async event(fits: (event: RunEvent) => boolean): Promise<RunEvent> {
    for (;;) {
      const found = this.events.find(fits);
      if (found !== undefined) return found;
      if (this.#over)
        throw new Error(
          `the job ended: ${JSON.stringify(this.events.at(-1) ?? (await this.finished))}`,
        );
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async checkpoint(): Promise<RunEvent> {
    return this.event(({type}) => type === 'checkpoint');
  }
}
