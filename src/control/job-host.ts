// A run as others see it: it registers itself, serves its socket, beats, writes what becomes of it, and leaves the
// registry as it is: the end record stays, the socket goes. One per run; the engine's composition root holds it.

import type {Server} from 'node:http';

import {EngineError, messageOf} from '../base/errors.ts';
import {sleep, type Clock, type Timer, type Timers} from '../base/clock.ts';
import type {Random} from '../base/random.ts';
import {
  LIVE_STATES,
  type AnyJobState,
  type JobView,
  type LiveJobState,
} from '../runtime/job-view.ts';
import type {RunSummary} from '../runtime/run-types.ts';
import type {ProcessTable} from '../storage/process-table.ts';
import {refuseOrigin, serveControl, type ControlListener} from './http-shell.ts';
import {JobApi} from './job-api.ts';
import type {JobCommands} from '../runtime/job-commands.ts';
import type {JobEnd, JobRecord} from './job-record.ts';
import {BEAT_MILLIS, livenessOf} from './judge-job.ts';
import {readRegistry, sweepRegistry} from './job-registry.ts';
import {Operations} from './operations.ts';
import {
  JobEntryPaths,
  prepareEntry,
  readEntry,
  removeSocket,
  touchBeat,
  writeJobEnd,
  writeJobRecord,
} from './registry-files.ts';
import {chooseSocketPath, socketDirectories} from './socket-path.ts';
import {
  openStateDirectory,
  stateDirectoryError,
  statePathsOf,
  type StatePaths,
} from './state-directory.ts';
import {openTcp, type TcpListening} from './tcp-listener.ts';
import {failureOf} from './trigger-journal.ts';

/** A client of the TCP port that has not heard how its operation ended: Flink's asks every two seconds. */
const LINGER_MILLIS_MAX = 3_000;
const CLOSE_MILLIS_MAX = 1_000;

export interface HostOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly detached: boolean;
  /** `HOST:PORT` of `--listen`; null: no TCP port. */
  readonly listen: string | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly processes: ProcessTable;
  readonly version: string;
  readonly warn: (message: string) => void;
}

/** The run, once it is known which job it is. */
export interface HostedRun {
  readonly runId: string;
  readonly jobDirectory: string;
  readonly view: () => JobView;
  readonly commands: JobCommands;
  readonly dispose: (path: string) => Promise<void>;
}

export interface HostedAt {
  /** `logs/` of the entry; null: it is not registered. */
  readonly logs: string | null;
  readonly tcp: TcpListening | null;
}

export class JobHost {
  readonly #options: HostOptions;
  readonly #paths: StatePaths;
  /** Why there is no registry; null: there is one. */
  #unusable: EngineError | null = null;
  #run: HostedRun | null = null;
  #entry: JobEntryPaths | null = null;
  #record: JobRecord | null = null;
  #operations: Operations | null = null;
  #listeners: ControlListener[] = [];
  #beat: Timer | null = null;
  #hasTcp = false;
  #warnedWrite = false;

  /** A detached run without a registry could not be found again: it is refused. An attached one is warned. */
  constructor(options: HostOptions) {
    this.#options = options;
    this.#paths = statePathsOf(options.environment);
    try {
      openStateDirectory(this.#paths, options.random);
    } catch (error) {
      const cause = stateDirectoryError(this.#paths.root, error);
      if (options.detached || options.listen !== null) throw cause;
      this.#unusable = cause;
      options.warn(`this run cannot be listed or controlled: ${cause.message}`);
    }
  }

  /** Registers and serves. Before the job's first record; a detached run that fails here does not begin. */
  async open(run: HostedRun): Promise<HostedAt> {
    this.#run = run;
    if (this.#unusable !== null) return {logs: null, tcp: null};
    try {
      return await this.#open(run);
    } catch (error) {
      await this.#shut();
      const cause = stateDirectoryError(this.#paths.root, error);
      if (this.#options.detached || this.#options.listen !== null) throw cause;
      this.#unusable = cause;
      this.#options.warn(`this run cannot be listed or controlled: ${cause.message}`);
      return {logs: null, tcp: null};
    }
  }

  /** The record follows the state, so that a list need not ask. */
  stateChanged(state: AnyJobState): void {
    if (!(LIVE_STATES as readonly string[]).includes(state)) return;
    this.#update(state as LiveJobState);
  }

  /** How it ended. Who still waits for an answer gets it; then the socket goes. */
  async ended(summary: RunSummary): Promise<void> {
    const view = this.#run?.view() ?? null;
    if (view !== null && this.#record !== null) {
      this.#writeEnd(endOf(this.#record.runId, view.generation, summary, this.#now()));
    }
    await this.#leave();
  }

  /** It could not begin after all. */
  async failed(error: EngineError): Promise<void> {
    const view = this.#run?.view() ?? null;
    if (view !== null && this.#record !== null) {
      this.#writeEnd(failedEnd(this.#record.runId, view, error, this.#now()));
    }
    await this.#leave();
  }

  async #open(run: HostedRun): Promise<HostedAt> {
    const {environment, random, processes, warn, clock} = this.#options;
    const view = run.view();
    const registry = readRegistry(this.#paths.jobs, {processes, now: this.#now()});
    sweepRegistry(
      this.#paths.jobs,
      registry.filter(({jobId}) => jobId !== view.jobId),
    );
    const entry = new JobEntryPaths(this.#paths.jobs, view.jobId);
    this.#refuseTwin(entry, run);
    prepareEntry(entry);
    const operations = new Operations({
      journal: entry.triggers,
      runId: run.runId,
      now: () => clock.wallMillis(),
      random,
      warn,
    });
    const {commands, dispose} = run;
    const {version} = this.#options;
    const api = new JobApi({view: run.view, commands, operations, dispose, version});
    const socket = await this.#listenOnSocket(
      api,
      socketDirectories(environment, this.#paths),
      run.runId,
    );
    const tcp = await this.#listenOnTcp(api);
    this.#entry = entry;
    this.#operations = operations;
    touchBeat(entry, this.#now());
    this.#record = this.#recordOf(run, view, socket, tcp?.url ?? null);
    writeJobRecord(entry, this.#record);
    this.#scheduleBeat();
    return {logs: entry.logs, tcp};
  }

  /** The same lineage in a copy of the checkpoint directory: two jobs of one id could not be told apart. */
  #refuseTwin(entry: JobEntryPaths, run: HostedRun): void {
    const before = readEntry(entry);
    if (before === null || before.end !== null) return;
    const {record} = before;
    const {processes} = this.#options;
    const liveness = livenessOf(record.process, processes.self(), (pid) => processes.look(pid));
    if (liveness !== 'alive' || record.jobDirectory === run.jobDirectory) return;
    throw new EngineError(
      'ALREADY_RUNNING',
      `process ${record.process.pid} runs the same job id from ${record.jobDirectory}: one of the two directories is a copy`,
      {hint: 'start this one with --fresh, or stop the other one'},
    );
  }

  async #listenOnSocket(
    api: JobApi,
    directories: readonly string[],
    runId: string,
  ): Promise<string> {
    const path = chooseSocketPath(directories, `${runId}.sock`);
    removeSocket(path);
    const listener = serveControl(async (request) => api.handle(request), refuseOrigin);
    await listening(listener.server, path);
    this.#listeners.push(listener);
    return path;
  }

  async #listenOnTcp(api: JobApi): Promise<TcpListening | null> {
    const {listen, random} = this.#options;
    if (listen === null) return null;
    const opened = await openTcp({
      address: listen,
      tokenFile: this.#paths.token,
      random,
      handler: async (request) => api.handle(request),
    });
    this.#listeners.push(opened.listener);
    this.#hasTcp = true;
    return opened.listening;
  }

  #recordOf(run: HostedRun, view: JobView, socket: string, listens: string | null): JobRecord {
    return {
      jobId: view.jobId,
      runId: run.runId,
      name: view.name,
      jobFile: view.jobFile,
      generation: view.generation,
      state: liveStateOf(view.state),
      started: view.started,
      process: this.#options.processes.self(),
      socket,
      listens,
      detached: this.#options.detached,
      jobDirectory: run.jobDirectory,
      savepointDirectory: view.config.savepointDirectory,
      restoredFrom: view.restoredFrom,
    };
  }

  #update(state: LiveJobState): void {
    if (this.#record === null || this.#entry === null || this.#run === null) return;
    const {generation} = this.#run.view();
    this.#record = {...this.#record, state, generation};
    this.#attempt(() => writeJobRecord(this.#entry!, this.#record!));
  }

  #writeEnd(end: JobEnd): void {
    const entry = this.#entry;
    if (entry === null) return;
    this.#attempt(() => writeJobEnd(entry, end));
  }

  #scheduleBeat(): void {
    this.#beat = this.#options.timers.after(BEAT_MILLIS, () => {
      if (this.#entry === null) return;
      this.#attempt(() => touchBeat(this.#entry!, this.#now()));
      this.#scheduleBeat();
    });
  }

  /** A state directory that fills up takes nothing from the job. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#warnedWrite) return;
      this.#warnedWrite = true;
      this.#options.warn(`the job registry cannot be written any more: ${messageOf(error)}`);
    }
  }

  async #leave(): Promise<void> {
    const {timers, clock} = this.#options;
    const until = clock.monotonicMillis() + LINGER_MILLIS_MAX;
    // One that hangs must not hold the process.
    await within(timers, LINGER_MILLIS_MAX, this.#operations?.idle());
    // A client on this machine reads the journal; one that asks over TCP cannot.
    while (this.#operations?.isOwed(!this.#hasTcp)) {
      if (clock.monotonicMillis() >= until) break;
      await sleep(timers, 50);
    }
    await this.#shut();
  }

  async #shut(): Promise<void> {
    this.#beat?.cancel();
    const listeners = this.#listeners;
    this.#listeners = [];
    const closing = Promise.all(listeners.map(async (listener) => listener.close()));
    const timer = this.#options.timers.after(CLOSE_MILLIS_MAX, () => {
      for (const {server} of listeners) server.closeAllConnections();
    });
    await closing;
    timer.cancel();
    const socket = this.#record?.socket;
    if (typeof socket === 'string') this.#attempt(() => removeSocket(socket));
    this.#entry = null;
  }

  #now(): number {
    return this.#options.clock.wallMillis();
  }
}

/** Resolves with the work, or when the time is over. */
async function within(
  timers: Timers,
  millis: number,
  work: Promise<void> = Promise.resolve(),
): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = timers.after(millis, resolve);
    void work.finally(() => {
      timer.cancel();
      resolve();
    });
  });
}

async function listening(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function liveStateOf(state: AnyJobState): LiveJobState {
  const live = LIVE_STATES.find((candidate) => candidate === state);
  // One that has ended already writes its end at once.
  return live ?? 'STOPPING';
}

function endOf(runId: string, generation: number, summary: RunSummary, ended: number): JobEnd {
  const {state, exitStatus, error, recordsIn, recordsOut, checkpoints, restarts} = summary;
  const {durationMillis, lastCheckpoint} = summary;
  return {
    runId,
    state,
    exitStatus,
    ended,
    generation,
    error: error === null ? null : failureOf(error),
    recordsIn,
    recordsOut,
    checkpoints,
    restarts,
    durationMillis,
    lastCheckpoint,
  };
}

function failedEnd(runId: string, view: JobView, error: EngineError, ended: number): JobEnd {
  const {generation, recordsIn, recordsOut, restarts, checkpoints, started} = view;
  return {
    runId,
    state: 'FAILED',
    exitStatus: error.exitStatus,
    ended,
    generation,
    error: failureOf(error),
    recordsIn,
    recordsOut,
    checkpoints: checkpoints.counts.completed,
    restarts,
    durationMillis: ended - started,
    lastCheckpoint: null,
  };
}
