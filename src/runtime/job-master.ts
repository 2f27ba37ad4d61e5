// Runs one job from taking the directory over to the end record: start, deployments, restarts, beats.

import {asEngineError, EngineError, messageOf} from '../base/errors.ts';
import type {Timer} from '../base/clock.ts';
import {failpoint} from '../base/failpoint.ts';
import type {StartRequest} from '../recovery/choose-start.ts';
import {
  checkpointCompleted,
  decideRestart,
  failureOf,
  startRestarts,
  type RestartState,
  type RestartStep,
} from '../recovery/restart-strategy.ts';
import type {CheckpointAttempt} from '../storage/attempt.ts';
import {takeOver, type Ownership} from '../storage/job-directory.ts';
import {jobDirectoryOf} from '../storage/paths.ts';
import type {CompleteDecision} from './checkpoint-driver.ts';
import {deployedFrom} from './claim-origin.ts';
import {CommandDesk} from './command-desk.ts';
import {fencedInstead} from './fenced-instead.ts';
import {DeploymentRun, type DeploymentOutcome} from './deployment-run.ts';
import type {JobCommands} from './job-commands.ts';
import {littleSpace} from './little-space.ts';
import type {JobView} from './job-view.ts';
import type {MasterOptions} from './master-options.ts';
import {OwnerBeat} from './owner-beat.ts';
import {RunEnding, type Next} from './run-ending.ts';
import {RunReporter} from './run-reporter.ts';
import type {RunSummary} from './run-types.ts';
import {SavepointMaker} from './savepoint-maker.ts';
import {Shift} from './shift.ts';
import {shownCommands} from './shown-commands.ts';
import {shareAmongSubtasks} from './share-among-subtasks.ts';
import {startJob, type JobStart} from './start-job.ts';

export class JobMaster {
  readonly #options: MasterOptions;
  readonly #report: RunReporter;
  readonly #maker: SavepointMaker;
  readonly #desk: CommandDesk;
  readonly #commands: JobCommands;
  readonly #ending: RunEnding;
  readonly #beat: OwnerBeat;
  #deployment: DeploymentRun<CheckpointAttempt> | null = null;
  /** What the coordinator of the last deployment had counted. */
  #before = {lastId: 0, consecutiveFailures: 0};
  #interrupted: 'SIGINT' | 'SIGTERM' | null = null;
  #abandoned = false;
  #shutdownTimer: Timer | null = null;
  /** Ends the pause before a restart. */
  #endPause: (() => void) | null = null;
  #leave: (summary: RunSummary) => void = () => undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#report = new RunReporter(options);
    const report = this.#report;
    this.#maker = new SavepointMaker({
      ...options,
      taken: (savepoint, format) => report.savepointTaken(savepoint, format),
      warning: (code, message) => report.warning(code, message),
    });
    this.#desk = new CommandDesk({
      jobName: options.job.name,
      maker: this.#maker,
      stopping: () => report.viewer.entered('STOPPING'),
      resumed: () => {
        if (!this.#wasInterrupted()) report.viewer.resumed();
      },
      cancelled: () => {
        report.viewer.entered('CANCELLING');
        this.#endPause?.();
      },
    });
    this.#commands = shownCommands(this.#desk, report.viewer);
    this.#ending = new RunEnding({
      report,
      maker: this.#maker,
      desk: this.#desk,
      jobFile: options.request.file,
      isAbandoned: () => this.#abandoned,
      signalStatus: () => (this.#interrupted === 'SIGTERM' ? 143 : 130),
    });
    // One that finds us fenced ends the deployment.
    this.#beat = new OwnerBeat(options.timers, (error) => void this.#deployment?.abandon(error));
  }

  /** What a client may ask, from now on until the run has ended and after. */
  get commands(): JobCommands {
    return this.#commands;
  }

  /** Rejects when nothing could begin; a job that began and failed resolves. */
  async run(): Promise<RunSummary> {
    const left = new Promise<RunSummary>((resolve) => {
      this.#leave = resolve;
    });
    const work = this.#runAndAnswer().finally(() => this.#close());
    // Left at once: how the work ends after that nobody asks any more.
    work.catch(() => undefined);
    return Promise.race([work, left]);
  }

  /** What the job is and does at this moment. */
  view(): JobView {
    return this.#report.view();
  }

  async #runAndAnswer(): Promise<RunSummary> {
    let state: string = 'FAILED';
    try {
      const summary = await this.#run();
      state = summary.state;
      return summary;
    } finally {
      await this.#desk.ended(state);
    }
  }

  /** The first takes a last checkpoint and stops; the second leaves at once. */
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void {
    const {timers, request} = this.#options;
    if (this.#interrupted !== null) {
      this.#abandon('interrupted a second time');
      return;
    }
    this.#interrupted = signal;
    this.#report.viewer.entered('STOPPING');
    this.#deployment?.stop();
    this.#endPause?.();
    this.#shutdownTimer = timers.after(request.shutdownTimeoutMillis, () =>
      this.#abandon(`no last checkpoint within ${request.shutdownTimeoutMillis} ms`),
    );
  }

  /** Whatever is under way is cut off: a storage that hangs must not hold the process. */
  #abandon(why: string): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    const code = this.#interrupted === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED';
    const error = new EngineError(code, `left at once: ${why}`);
    this.#desk.abandon(error);
    const ended = this.#deployment?.abandon(error) ?? Promise.resolve();
    void ended.then(() => {
      // The last word before nothing more is told.
      const summary = this.#report.summary('CRASHED', error.exitStatus, null);
      this.#close();
      this.#leave(summary);
    });
  }

  #close(): void {
    this.#beat.stop();
    this.#shutdownTimer?.cancel();
    this.#endPause?.();
    this.#report.close();
  }

  async #run(): Promise<RunSummary> {
    const {job, request, files, clock, timers, random, processes} = this.#options;
    const ownership = await takeOver({
      files,
      clock,
      timers,
      random,
      processes,
      jobDirectory: jobDirectoryOf(job.checkpointing.directory, job.name),
      kind: 'run',
      takeOver: request.takeOver,
    });
    this.#beat.begin(ownership);
    const start = await this.#start(ownership, this.#options.start, null);
    await this.#options.chosen?.({...this.#report.view(), runId: ownership.runId});
    return this.#work(this.#shift(ownership, start));
  }

  #shift(ownership: Ownership, start: JobStart): Shift {
    return new Shift({
      ...this.#options,
      ownership,
      start,
      inUse: this.#maker.inUse,
      deleted: (ids) => this.#report.viewer.checkpoints.discarded(ids),
      notDeleted: (error) =>
        this.#report.warning('RETENTION', `no old checkpoint was deleted: ${messageOf(error)}`),
      mended: (path) =>
        this.#report.warning(
          'DAMAGE_MENDED',
          `${path} was damaged: its bytes, which a checkpoint brought once more, are in its place; look at the disk`,
        ),
      claimLeft: (path, why) =>
        this.#report.warning('CLAIM', `${path} was claimed and is not removed: ${why}`),
    });
  }

  async #start(
    ownership: Ownership,
    start: StartRequest['start'],
    restartCause: string | null,
  ): Promise<JobStart> {
    const {files, random, job, request, checkCompatible} = this.#options;
    const begun = await startJob({
      files,
      random,
      job,
      ownership,
      request: {
        start,
        onDamaged: request.onDamaged,
        allowDrained: request.allowDrained,
        restartCause,
        jobFile: request.file,
      },
      outputAhead: request.outputAhead,
      call: request.call ?? null,
      checkCompatible,
    });
    await ownership.sweepDeleted();
    this.#report.chosen(ownership.generation, begun);
    const warning = await littleSpace(files, ownership.jobDirectory, begun);
    if (warning !== null) this.#report.warning('LOW_SPACE', warning);
    return begun;
  }

  /** Deploys, and deploys again as the restart strategy decides. */
  async #work(first: Shift): Promise<RunSummary> {
    let shift = first;
    let restarts = startRestarts(this.#options.job.restartStrategy);
    while (true) {
      if (shift.start.decision.kind === 'finish-only') return this.#ending.finishOnly(shift);
      if (this.#desk.isCancelled()) return this.#ending.cancel(shift);
      const before = this.#report.lastCheckpointId;
      const outcome = await this.#fencedOr(shift, await this.#deploy(shift));
      if (this.#report.lastCheckpointId !== before) restarts = checkpointCompleted(restarts);
      let next = await this.#conclude(shift, outcome);
      while (next.kind === 'again') {
        let attempt = 1;
        if (next.counted) {
          const step = this.#planRestart(restarts, next.error);
          if (step === null || step.decision.kind === 'give-up') {
            return this.#ending.fail(shift, asEngineError(next.error));
          }
          restarts = step.state;
          attempt = step.decision.attempt;
          await this.#pauseUntil(step.decision.at, next.error);
        }
        if (this.#wasInterrupted()) return this.#ending.interrupt(shift);
        if (this.#desk.isCancelled()) return this.#ending.cancel(shift);
        const started = await this.#startAgain(shift, attempt, next.error);
        shift = started.shift ?? shift;
        if (started.kind === 'started') break;
        // Only a generation of our own can be followed by one.
        if (started.final) return this.#ending.fail(shift, asEngineError(started.error));
        next = {kind: 'again', error: started.error, counted: true};
      }
      if (next.kind === 'done') return next.summary;
    }
  }

  async #conclude(shift: Shift, outcome: DeploymentOutcome): Promise<Next> {
    const desk = this.#desk;
    if (outcome.kind === 'cancelled' || (outcome.kind === 'failed' && desk.isCancelled())) {
      return {kind: 'done', summary: await this.#ending.cancel(shift)};
    }
    const {order} = desk;
    if (outcome.kind === 'failed') {
      // Drained, and its checkpoint may exist: the start that follows will tell.
      if (order?.drain !== true || order.checkpointId === null) {
        await desk.giveUpStop(asEngineError(outcome.error));
      }
      return {kind: 'again', error: outcome.error, counted: order?.drain !== true};
    }
    if (order !== null && order.checkpointId === outcome.last.id) {
      return this.#ending.stop(shift, order, outcome.last);
    }
    return {kind: 'done', summary: await this.#ending.finish(shift, outcome.kind)};
  }

  async #fencedOr({ownership}: Shift, outcome: DeploymentOutcome): Promise<DeploymentOutcome> {
    if (outcome.kind !== 'failed' || this.#abandoned) return outcome;
    return {kind: 'failed', error: await fencedInstead(ownership, outcome.error)};
  }

  /** The next generation and what it starts from. */
  async #startAgain(
    shift: Shift,
    attempt: number,
    failure: unknown,
  ): Promise<
    | {readonly kind: 'started'; readonly shift: Shift}
    | {
        readonly kind: 'failed';
        readonly error: unknown;
        readonly final: boolean;
        readonly shift: Shift | null;
      }
  > {
    const {ownership, start: before} = shift;
    this.#desk.starting();
    let next: Ownership;
    try {
      await shift.idle();
      this.#beat.stop();
      next = await ownership.nextGeneration();
    } catch (error) {
      return {kind: 'failed', error, final: true, shift: null};
    }
    this.#beat.begin(next);
    try {
      const cause = messageOf(failure);
      const start = await this.#start(next, {kind: 'auto'}, cause);
      this.#report.restarting(attempt, cause, start);
      // Drained and not published after all: it goes on, and is not stopped.
      if (start.decision.kind !== 'finish-only') {
        await this.#desk.giveUpStop(asEngineError(failure));
      }
      return {kind: 'started', shift: this.#shift(next, start)};
    } catch (error) {
      return {kind: 'failed', error, final: false, shift: this.#shift(next, before)};
    }
  }

  /** Null: nobody wants it to go on. */
  #planRestart(state: RestartState, error: unknown): RestartStep | null {
    if (this.#interrupted !== null || this.#abandoned) return null;
    const {clock, random} = this.#options;
    return decideRestart(state, failureOf(error), clock.monotonicMillis(), random.next());
  }

  /** A method of its own, because a signal changes the answer while the caller waits. */
  #wasInterrupted(): boolean {
    return this.#interrupted !== null;
  }

  async #pauseUntil(at: number, error: unknown): Promise<void> {
    this.#report.viewer.failed(asEngineError(error));
    this.#report.viewer.entered('RESTARTING');
    const {timers, clock} = this.#options;
    const seconds = Math.max(0, at - clock.monotonicMillis()) / 1000;
    this.#report.warning(
      'DEPLOYMENT_FAILED',
      `the job failed and restarts in ${seconds.toFixed(1)} s: ${messageOf(error)}`,
    );
    this.#desk.restarting();
    await new Promise<void>((resolve) => {
      const timer = timers.after(Math.max(0, at - clock.monotonicMillis()), resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#endPause = null;
  }

  async #deploy(shift: Shift): Promise<DeploymentOutcome> {
    const {job, clock, timers, startThread} = this.#options;
    const {ownership, start, retention} = shift;
    const {restored, record} = start;
    const {checkpointing} = job;
    const report = this.#report;
    const warn = (message: string): void => report.warning('WARNING', message);
    const shared = await shareAmongSubtasks(this.#options, restored, warn);
    if (shared.kind === 'failed') return shared;
    const deployment = new DeploymentRun<CheckpointAttempt>({
      startThread,
      clock,
      timers,
      deployments: Array.from({length: job.parallelism}, (_, subtask) => ({
        job,
        subtask,
        lineage: record.lineage,
        generation: ownership.generation,
        ...shared.parts,
        restored: deployedFrom(ownership, record, restored),
      })),
      heartbeatTimeoutMillis: job.heartbeatTimeoutMillis,
      driver: {
        config: {...checkpointing, unaligned: checkpointing.unaligned.enabled},
        generation: ownership.generation,
        highestId: Math.max(
          ownership.highestCheckpointId(),
          restored?.id ?? 0,
          this.#before.lastId,
        ),
        completed: retention.ownIds(),
        consecutiveFailures: this.#before.consecutiveFailures,
        clock,
        timers,
        observer: report.viewer.checkpoints,
      },
      beginAttempt: async (id) => ownership.beginAttempt(id),
      publish: async (attempt, decision) => this.#publish(shift, attempt, decision),
      committed: async (id) => shift.committed(id),
      listener: {
        started() {
          failpoint('recovery.after-restore');
          report.started(ownership.generation, start);
        },
        metrics: (subtask, metrics) => report.totals.update(subtask, metrics),
        rows: (sink, rows) => report.rows(sink, rows),
        warning: warn,
        checkpointCompleted: (checkpoint) => report.checkpointCompleted(checkpoint),
        checkpointLacks: (id, path) => report.checkpointLacks(id, path),
        checkpointFailed: (id, reason) => report.checkpointFailed(id, reason),
      },
      caughtUp: this.#options.caughtUp,
    });
    this.#deployment = deployment;
    const writer = {lineage: record.lineage, generation: ownership.generation};
    this.#desk.deployed(deployment, writer, {
      setHold: async (id, held) => retention.setHold(id, held),
      prune: async (order) => retention.prune(this.#options.files, order, clock.wallMillis()),
    });
    if (this.#wasInterrupted()) deployment.stop();
    const outcome = await deployment.outcome;
    this.#deployment = null;
    const {lastId, consecutiveFailures} = deployment;
    this.#before = {lastId, consecutiveFailures};
    report.totals.deploymentEnded();
    report.viewer.checkpoints.deploymentEnded('the deployment ended');
    return outcome;
  }

  async #publish(
    shift: Shift,
    attempt: CheckpointAttempt,
    decision: CompleteDecision,
  ): Promise<{path: string; bytes: number}> {
    const order = this.#desk.bindStop(decision);
    const stop =
      order === null ? null : {drain: order.drain, savepoint: order.planned?.record ?? null};
    return shift.publish(attempt, decision, stop);
  }
}
