// What a client asks of the running job (job-commands.ts), against what the job is doing at that moment. The desk waits
// for a deployment, asks it, and answers; how the job goes on after a stop is the master's to carry out, which finds
// the order here. Every command is answered, also when the job ends or is left at once: none waits for ever.

import {EngineError, type ErrorCode} from '../base/errors.ts';
import {abortSentence, type AbortReason} from '../checkpoint/abort-reason.ts';
import type {RefusalReason} from '../checkpoint/coordinator-protocol.ts';
import type {CompleteDecision, CompletedCheckpoint} from './checkpoint-driver.ts';
import type {CheckpointAnswer} from './deployment-run.ts';
import type {
  JobCommands,
  SavepointTarget,
  StopOutcome,
  StopRequest,
  TakenCheckpoint,
  TakenSavepoint,
} from './job-commands.ts';
import type {PrunedDirectory, PruneOrder} from './prune-checkpoints.ts';
import type {PlannedSavepoint, SavepointMaker, SavepointWriter} from './savepoint-maker.ts';

/** Who deletes checkpoints, and does not delete those that are held. */
export interface HoldKeeper {
  setHold(id: number, held: boolean): Promise<void>;
  prune(order: PruneOrder): Promise<PrunedDirectory>;
}

/** What the desk asks of a deployment. */
export interface CommandedDeployment {
  readonly ready: Promise<boolean>;
  request(purpose: 'requested' | 'stop', full?: boolean): Promise<CheckpointAnswer>;
  committed(id: number): Promise<boolean>;
  drain(): void;
  cancel(): void;
}

/** A stop that was asked for and is not over. */
export interface StopOrder {
  readonly drain: boolean;
  /** Null: no savepoint was asked for, or its place is not made yet. */
  readonly planned: PlannedSavepoint | null;
  /** The checkpoint that it ends with, from the moment at which that is published. */
  readonly checkpointId: number | null;
}

interface OpenOrder {
  drain: boolean;
  planned: PlannedSavepoint | null;
  checkpointId: number | null;
  /** Its place is made and the job was told. */
  begun: boolean;
  readonly settle: (outcome: StopOutcome) => void;
}

type Phase =
  | {readonly kind: 'starting'}
  | {
      readonly kind: 'deployed';
      readonly deployment: CommandedDeployment;
      readonly writer: SavepointWriter;
      readonly holds: HoldKeeper;
    }
  /** Until the next deployment, for as long as the restart strategy says. */
  | {readonly kind: 'restarting'}
  /** No deployment follows; what was begun is being finished. */
  | {readonly kind: 'ending'}
  | {readonly kind: 'ended'; readonly state: string};

export interface CommandDeskOptions {
  readonly jobName: string;
  readonly maker: SavepointMaker;
  /** A stop has begun. */
  readonly stopping: () => void;
  /** It came to nothing, and the job goes on. */
  readonly resumed: () => void;
  /** Ends a pause before a restart; the job was cancelled. */
  readonly cancelled: () => void;
}

export class CommandDesk implements JobCommands {
  readonly #options: CommandDeskOptions;
  #phase: Phase = {kind: 'starting'};
  /** Who waits for the phase to change. */
  readonly #waiting = new Set<() => void>();
  /** Commands that leave something behind in a user's directory, or take it away again. */
  readonly #running = new Set<Promise<unknown>>();
  #order: OpenOrder | null = null;
  #cancelled = false;
  /** Rejects when the job is left at once. */
  readonly #left: Promise<never>;
  #leave: (error: EngineError) => void = () => undefined;

  constructor(options: CommandDeskOptions) {
    this.#options = options;
    this.#left = new Promise((_, reject) => {
      this.#leave = reject;
    });
    // Whoever waits for a command hears of it.
    this.#left.catch(() => undefined);
  }

  // What a client asks.

  async takeCheckpoint({full}: {readonly full: boolean}): Promise<TakenCheckpoint> {
    return this.#orLeft(async () => {
      const {deployment} = await this.#deployed('take a checkpoint');
      return takenOf(this.#completed(await deployment.request('requested', full)));
    });
  }

  async takeSavepoint(target: SavepointTarget): Promise<TakenSavepoint> {
    return this.#orLeft(async () => this.#track(this.#takeSavepoint(target)));
  }

  async #takeSavepoint(target: SavepointTarget): Promise<TakenSavepoint> {
    const {deployment, writer} = await this.#deployed('take a savepoint');
    const {maker} = this.#options;
    const planned = await maker.plan(target, writer);
    try {
      const checkpoint = this.#completed(await deployment.request('requested'));
      const release = maker.hold(checkpoint.id);
      try {
        await this.#requireCommitted(deployment, checkpoint.id);
        return await maker.make(planned, checkpoint);
      } finally {
        release();
      }
    } catch (error) {
      await maker.discard(planned);
      throw error;
    }
  }

  async stop(request: StopRequest): Promise<StopOutcome> {
    try {
      return await this.#orLeft(async () => this.#stop(request));
    } catch (error) {
      if (error instanceof EngineError) return {kind: 'nothing-taken', error};
      throw error;
    }
  }

  async setHold(id: number, held: boolean): Promise<void> {
    return this.#orLeft(async () => {
      const {holds} = await this.#deployed(held ? 'hold a checkpoint' : 'release a checkpoint');
      await this.#track(holds.setHold(id, held));
    });
  }

  async prune(order: PruneOrder): Promise<PrunedDirectory> {
    return this.#orLeft(async () => {
      const {holds} = await this.#deployed('prune its checkpoints');
      return this.#track(holds.prune(order));
    });
  }

  async cancel(): Promise<void> {
    if (this.#phase.kind === 'ended') throw this.#hasEnded(this.#phase.state);
    this.#cancelled = true;
    if (this.#phase.kind === 'deployed') this.#phase.deployment.cancel();
    this.#options.cancelled();
    await this.#orLeft(async () => {
      while (!this.#isEnded()) await this.#change();
    });
  }

  // What the master tells, and asks.

  isCancelled(): boolean {
    return this.#cancelled;
  }

  deployed(deployment: CommandedDeployment, writer: SavepointWriter, holds: HoldKeeper): void {
    this.#enter({kind: 'deployed', deployment, writer, holds});
    if (this.#cancelled) deployment.cancel();
  }

  /** Until the next `deployed`: it failed. */
  restarting(): void {
    this.#enter({kind: 'restarting'});
  }

  /** The pause is over: the next deployment is being prepared. */
  starting(): void {
    this.#enter({kind: 'starting'});
  }

  /** No deployment follows. Resolves when savepoints that were begun are whole or gone; a stop stays open. */
  async ending(): Promise<void> {
    this.#enter({kind: 'ending'});
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** `state` as in the run's summary. An order that is still open was not carried out. */
  async ended(state: string): Promise<void> {
    this.#enter({kind: 'ended', state});
    await this.giveUpStop(
      new EngineError('JOB_FAILED', `the job ended before it could be stopped: it is ${state}`),
    );
  }

  /** The process leaves: nobody waits for anything any more. */
  abandon(error: EngineError): void {
    this.#leave(error);
  }

  /** The order that this checkpoint ends the job for, if there is one: from now on they belong together. */
  bindStop({id, purpose}: Pick<CompleteDecision, 'id' | 'purpose'>): StopOrder | null {
    const order = this.#order;
    if (order?.begun !== true) return null;
    if (purpose !== (order.drain ? 'final' : 'stop')) return null;
    order.checkpointId = id;
    return order;
  }

  get order(): StopOrder | null {
    return this.#order;
  }

  /** The answer to the order: it is over. */
  settleStop(outcome: StopOutcome): void {
    const order = this.#order;
    this.#order = null;
    order?.settle(outcome);
  }

  /** Nothing was taken, and what was prepared for a savepoint goes. */
  async giveUpStop(error: EngineError): Promise<void> {
    const order = this.#order;
    if (order === null) return;
    this.#order = null;
    if (order.planned !== null) await this.#options.maker.discard(order.planned);
    if (order.begun) this.#options.resumed();
    order.settle({kind: 'nothing-taken', error});
  }

  async #stop({drain, savepoint}: StopRequest): Promise<StopOutcome> {
    if (this.#order !== null) throw this.#refused('stop', 'it is being stopped already');
    let settle: OpenOrder['settle'] = () => undefined;
    const outcome = new Promise<StopOutcome>((resolve) => {
      settle = resolve;
    });
    const order: OpenOrder = {drain, planned: null, checkpointId: null, begun: false, settle};
    this.#order = order;
    await this.#track(this.#begin(order, savepoint));
    return outcome;
  }

  async #begin(order: OpenOrder, savepoint: SavepointTarget | null): Promise<void> {
    try {
      await this.#beginStop(order, savepoint);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // Given up meanwhile: it has its answer.
      if (this.#order === order) await this.giveUpStop(error);
      else if (order.planned !== null) await this.#options.maker.discard(order.planned);
    }
  }

  async #beginStop(order: OpenOrder, savepoint: SavepointTarget | null): Promise<void> {
    const {deployment, writer} = await this.#deployed('stop');
    if (savepoint !== null) order.planned = await this.#options.maker.plan(savepoint, writer);
    const now = this.#phase;
    if (this.#order !== order || now.kind !== 'deployed' || now.deployment !== deployment) {
      throw this.#refused('stop', 'it failed or ended meanwhile');
    }
    order.begun = true;
    this.#options.stopping();
    if (order.drain) {
      deployment.drain();
      return;
    }
    // Completed: the deployment ends with it, and the master goes on from there.
    this.#completed(await deployment.request('stop'));
  }

  async #requireCommitted(deployment: CommandedDeployment, id: number): Promise<void> {
    if (await deployment.committed(id)) return;
    throw new EngineError(
      'JOB_FAILED',
      `no savepoint was made: the job failed after checkpoint ${id} and before its output was committed`,
      {hint: 'ask again when it is running'},
    );
  }

  #completed(answer: CheckpointAnswer): CompletedCheckpoint {
    switch (answer.kind) {
      case 'completed':
        return answer.checkpoint;
      case 'aborted': {
        const {checkpointId, reason, detail} = answer;
        throw new EngineError(CODES[reason], abortSentence(checkpointId, reason, detail), {
          facts: {checkpoint_id: checkpointId, reason},
          hint: 'the job goes on, or restarts, from the checkpoint before it',
        });
      }
      case 'refused':
        throw this.#refused('take a checkpoint', REFUSALS[answer.why]);
    }
  }

  /** Waits while a deployment is being started, which ends by itself; refuses a pause, which may be long. */
  async #deployed(doing: string): Promise<Extract<Phase, {kind: 'deployed'}>> {
    for (;;) {
      const phase = this.#phase;
      if (this.#cancelled && phase.kind !== 'ended') {
        throw this.#refused(doing, 'it is being cancelled');
      }
      switch (phase.kind) {
        case 'deployed':
          if (await phase.deployment.ready) {
            if (this.#phase === phase) return phase;
          } else if (this.#phase === phase) {
            await this.#change();
          }
          break;
        case 'starting':
          await this.#change();
          break;
        case 'restarting':
          throw this.#refused(doing, 'it failed and waits for its restart');
        case 'ending':
          throw this.#refused(doing, 'it is ending');
        case 'ended':
          throw this.#hasEnded(phase.state);
      }
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  async #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
    });
  }

  #isEnded(): boolean {
    return this.#phase.kind === 'ended';
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #orLeft<T>(command: () => Promise<T>): Promise<T> {
    const work = command();
    // Left at once: how it ends after that nobody asks any more.
    work.catch(() => undefined);
    return Promise.race([work, this.#left]);
  }

  #refused(doing: string, why: string): EngineError {
    return new EngineError('REFUSED', `job ${this.#options.jobName} cannot ${doing}: ${why}`, {
      hint: 'see what it is doing: tidemark status',
    });
  }

  #hasEnded(state: string): EngineError {
    return new EngineError('NOT_FOUND', `job ${this.#options.jobName} has ended: ${state}`, {
      facts: {state},
    });
  }
}

export function takenOf({id, path, bytes, durationMillis}: CompletedCheckpoint): TakenCheckpoint {
  return {id, path, bytes, durationMillis};
}

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  'job-ended': 'it is ending',
  'coordinator-stopped': 'it failed, and its deployment is over',
  'too-many-requests': 'too many checkpoints are asked for at once',
  draining: 'it is being stopped, and its windows are being flushed',
};

const CODES: Readonly<Record<AbortReason, ErrorCode>> = {
  expired: 'TIMED_OUT',
  declined: 'JOB_FAILED',
  'async-part-failed': 'STORAGE_FAILED',
  'io-failed': 'STORAGE_FAILED',
  'publish-failed': 'STORAGE_FAILED',
  subsumed: 'JOB_FAILED',
  'declined-task-not-ready': 'REFUSED',
  'declined-task-closing': 'REFUSED',
  'declined-subsumed': 'JOB_FAILED',
  'declined-on-cancellation-barrier': 'REFUSED',
  'declined-input-end-of-stream': 'REFUSED',
  'task-failure': 'JOB_FAILED',
  'coordinator-shutdown': 'JOB_FAILED',
};
