// The inside of a detached run: signals, log, and the one answer to whoever started it.

import {existsSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';

import {systemTimers} from '../base/clock.ts';
import {serializeError} from '../base/errors.ts';
import type {RunEvent, RunningJob, RunRequest} from '../runtime/run-types.ts';
import type {StartedJob} from './client-types.ts';
import type {DetachedAnswer, DetachedOrder} from './detached-messages.ts';
import {eventLines} from './log-lines.ts';
import {RotatingLog} from './rotating-log.ts';
import {STDERR_NAME} from './stderr-name.ts';
import type {TcpListening} from './tcp-listener.ts';

/** Lines from before the job is known; there are a few warnings at most. */
const EARLY_LINES_MAX = 1_000;

export interface DetachedRunOptions {
  readonly order: DetachedOrder;
  readonly run: (
    request: RunRequest,
    registered: (run: {
      readonly jobId: string;
      readonly logs: string;
      readonly tcp: TcpListening | null;
    }) => void,
  ) => RunningJob;
  readonly answer: (answer: DetachedAnswer) => void;
}

/** Resolves with the exit status of the process. */
export async function runDetached({order, run, answer}: DetachedRunOptions): Promise<number> {
  const log = new DetachedLog(order.starting);
  let tcp: TcpListening | null = null;
  let logs = '';
  const job = run({...order.request, environment: process.env}, (registered) => {
    ({tcp, logs} = registered);
    log.open(logs);
  });
  takeSignals(job);
  const answerOnce = once(answer);
  const watching = (async () => {
    for await (const event of job.events) {
      log.write(event);
      if (event.type === 'started') {
        answerOnce({kind: 'running', started: startedOf(event, logs, tcp, log.warnings)});
      }
      if (event.type === 'summary' && event.summary.error !== null) {
        answerOnce({kind: 'failed', error: serializeError(event.summary.error)});
      }
    }
  })();
  try {
    const [summary] = await Promise.all([job.finished, watching]);
    log.flush();
    return summary.exitStatus;
  } catch (error) {
    log.flush();
    answerOnce({kind: 'failed', error: serializeError(error)});
    return 1;
  } finally {
    rmSync(order.starting, {recursive: true, force: true});
  }
}

/** First: a last checkpoint, then stop. Second: at once. Third: leave. A shell that closes is none of ours. */
function takeSignals(job: RunningJob): void {
  process.on('SIGHUP', () => undefined);
  let count = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      count += 1;
      if (count > 2) process.exit(signal === 'SIGINT' ? 130 : 143);
      job.interrupt(signal);
    });
  }
}

function startedOf(
  event: Extract<RunEvent, {type: 'started'}>,
  logs: string,
  tcp: TcpListening | null,
  warnings: readonly string[],
): StartedJob {
  return {
    jobId: event.jobId,
    name: event.jobName,
    generation: event.generation,
    pid: process.pid,
    decision: event.decision,
    reason: event.reason,
    restoredFrom: event.restoredFrom,
    logs,
    listens: tcp?.url ?? null,
    tokenFile: tcp?.tokenFile ?? null,
    warnings,
  };
}

/** Lines of one turn of the event loop are written together. */
class DetachedLog {
  readonly #starting: string;
  /** Until the job runs; whoever started it shows them. */
  readonly warnings: string[] = [];
  #log: RotatingLog | null = null;
  #waiting: string[] = [];
  #scheduled = false;

  constructor(starting: string) {
    this.#starting = starting;
  }

  open(directory: string): void {
    const stderr = join(directory, STDERR_NAME);
    if (existsSync(stderr)) renameSync(stderr, `${stderr}.1`);
    const early = join(this.#starting, STDERR_NAME);
    if (existsSync(early)) renameSync(early, stderr);
    this.#log = new RotatingLog({directory});
  }

  write(event: RunEvent): void {
    if (event.type === 'warning') this.warnings.push(event.message);
    this.#waiting.push(...eventLines(event));
    if (this.#log === null && this.#waiting.length > EARLY_LINES_MAX) this.#waiting.shift();
    if (this.#scheduled || this.#log === null) return;
    this.#scheduled = true;
    void systemTimers.yield().then(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#log === null) return;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#log.write(lines);
  }
}

function once<Value>(action: (value: Value) => void): (value: Value) => void {
  let isDone = false;
  return (value) => {
    if (isDone) return;
    isDone = true;
    action(value);
  };
}
