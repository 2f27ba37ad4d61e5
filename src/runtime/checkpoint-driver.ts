// Carries out what the pure coordinator decides: directories, triggers, publication, notifications,
// timers; and reports back what happened. One per deployment.

import {must, unreachable} from '../base/assert.ts';
import type {Clock, Timer, Timers} from '../base/clock.ts';
import {EngineError, messageOf} from '../base/errors.ts';
import {abortSentence} from '../checkpoint/abort-reason.ts';
import type {CheckpointPurpose, OperatorSnapshot} from '../checkpoint/checkpoint-metadata.ts';
import {coordinate, startCoordinator} from '../checkpoint/coordinator.ts';
import type {
  CoordinatorConfig,
  CoordinatorDecision,
  CoordinatorEvent,
  CoordinatorState,
  RequestedPurpose,
  RequestOutcome,
} from '../checkpoint/coordinator-protocol.ts';
import type {CheckpointObserver} from '../metrics/checkpoint-history.ts';
import {
  summarize,
  type CheckpointStats,
  type SubtaskCheckpointStats,
} from '../metrics/checkpoint-stats.ts';
import type {FromTask, ToTask} from './task-messages.ts';

/** The attempt's directory, and its two ends. */
export interface AttemptHandle {
  readonly directory: string;
  /** A file, absolute, that it may not refer to: it has to have all state. Null: none. */
  readonly lacking: string | null;
  abort(): Promise<void>;
}

export type CompleteDecision = Extract<CoordinatorDecision, {kind: 'complete'}>;
type TriggerDecision = Extract<CoordinatorDecision, {kind: 'trigger'}>;

/** A published checkpoint. */
export interface CompletedCheckpoint {
  readonly id: number;
  readonly purpose: CheckpointPurpose;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** From trigger to published. */
  readonly durationMillis: number;
  readonly stats: CheckpointStats;
  /** By task, in the order of the acknowledgements. */
  readonly subtasks: Readonly<Record<string, SubtaskCheckpointStats>>;
}

/** What the driver needs of its surroundings. */
export interface DriverPorts<Attempt extends AttemptHandle> {
  beginAttempt(id: number): Promise<Attempt>;
  /** Writes the metadata and renames the attempt into place; resolves once it exists durably. */
  publish(attempt: Attempt, decision: CompleteDecision): Promise<{path: string; bytes: number}>;
  post(message: ToTask): void;
  completed(checkpoint: CompletedCheckpoint): void;
  /** Checkpoint `id` has all state because the file at `path`, which it would have referred to, is not there. */
  lacking(id: number, path: string): void;
  failed(id: number, reason: string): void;
  /** Everything of checkpoint `id` and before is committed: retention may look. */
  committed(id: number): Promise<void>;
  /** The deployment cannot go on. */
  fail(error: unknown): void;
}

export interface DriverOptions<Attempt extends AttemptHandle> {
  readonly config: CoordinatorConfig;
  readonly generation: number;
  readonly tasks: readonly string[];
  /** Each answers `notify-aborted` with `released`. */
  readonly threads: readonly number[];
  readonly highestId: number;
  /** Published checkpoints of this lineage, oldest first. */
  readonly completed: readonly number[];
  readonly consecutiveFailures: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Hears what becomes of one that is under way; absent: nobody asks. */
  readonly observer?: CheckpointObserver | undefined;
  readonly ports: DriverPorts<Attempt>;
}

export class CheckpointDriver<Attempt extends AttemptHandle> {
  readonly #options: DriverOptions<Attempt>;
  readonly #attempts = new Map<number, Promise<Attempt>>();
  /** Of the pending checkpoints, by task. */
  readonly #stats = new Map<number, Map<string, SubtaskCheckpointStats>>();
  readonly #answers = new Map<string, (outcome: RequestOutcome) => void>();
  /** Requests that want all state. */
  readonly #fullRequests = new Set<string>();
  /** Ids that `subsume` named and whose commit is awaited. */
  readonly #subsumed: number[] = [];
  /** Of checkpoints that were given up: the threads that may still write for them. */
  readonly #unreleased = new Map<
    number,
    {readonly threads: Set<number>; readonly end: () => void}
  >();
  /** Background work that a shutdown waits for. */
  readonly #running = new Set<Promise<void>>();
  #state: CoordinatorState;
  #timer: Timer | null = null;
  #closed = false;
  #lastRequest = 0;

  constructor(options: DriverOptions<Attempt>) {
    this.#options = options;
    const {config, generation, tasks, highestId, completed, consecutiveFailures, clock} = options;
    const step = startCoordinator({
      config,
      generation,
      tasks,
      highestId,
      completed,
      consecutiveFailures,
      now: clock.monotonicMillis(),
    });
    this.#state = step.state;
    this.#carryOutAll(step.decisions);
  }

  /** For the coordinator of the next deployment. */
  get consecutiveFailures(): number {
    return this.#state.consecutiveFailures;
  }

  /** The highest id that was given. */
  get lastId(): number {
    return this.#state.lastId;
  }

  /** Asks for a checkpoint, `full`: with all state; resolves when it is published, given up or refused. */
  async request(purpose: RequestedPurpose, full = false): Promise<RequestOutcome> {
    this.#lastRequest += 1;
    const requestId = `request-${this.#lastRequest}`;
    const answer = new Promise<RequestOutcome>((resolve) => {
      this.#answers.set(requestId, resolve);
    });
    if (full) this.#fullRequests.add(requestId);
    this.#apply({kind: 'trigger-requested', purpose, requestId, now: this.#now()});
    return answer;
  }

  /** The sources end early; the final checkpoint follows when every task has ended. */
  drain(): void {
    this.#apply({kind: 'drain-requested', now: this.#now()});
  }

  /** These are at the end of their input. */
  tasksEnded(tasks: readonly string[]): void {
    for (const task of tasks) this.#apply({kind: 'task-ended', task, now: this.#now()});
  }

  /** Everything prepared for this checkpoint or earlier is visible. */
  committed(checkpointId: number): void {
    this.#run(this.#committed(checkpointId));
  }

  /** A task's answer to a trigger. */
  handle(message: Extract<FromTask, {kind: 'acknowledge' | 'decline'}>): void {
    const now = this.#now();
    const {generation} = this.#options;
    switch (message.kind) {
      case 'acknowledge': {
        const {checkpointId, task, snapshots, stats} = message;
        this.#stats.get(checkpointId)?.set(task, stats);
        const pending = this.#state.pending.find(({id}) => id === checkpointId);
        const durationMillis = now - (pending?.triggeredAt ?? now);
        const bytes = bytesOf(snapshots);
        this.#options.observer?.acknowledged(checkpointId, task, {...stats, durationMillis, bytes});
        this.#apply({
          kind: 'acknowledge',
          checkpointId,
          generation,
          task,
          snapshot: snapshots,
          now,
        });
        return;
      }
      case 'decline': {
        const {checkpointId, task, error, reason} = message;
        const detail = error.message;
        this.#apply({kind: 'decline', checkpointId, generation, task, reason, detail, now});
      }
    }
  }

  /** This thread writes nothing for that checkpoint any more. */
  released(thread: number, checkpointId: number): void {
    const unreleased = this.#unreleased.get(checkpointId);
    unreleased?.threads.delete(thread);
    if (unreleased?.threads.size === 0) unreleased.end();
  }

  /** Nothing is triggered any more; resolves when what is being published has ended. */
  async close(): Promise<void> {
    this.#apply({kind: 'shutdown', now: this.#now()});
    this.#closed = true;
    this.#timer?.cancel();
    // The threads are gone: nobody writes, and nobody answers.
    for (const {end} of this.#unreleased.values()) end();
    while (this.#running.size > 0) await Promise.all(this.#running);
    // Whose checkpoint may exist and was not told of: the coordinator knows no outcome, and somebody waits.
    for (const id of [...this.#answers.keys()]) {
      this.#answer(id, {kind: 'refused', why: 'coordinator-stopped'});
    }
  }

  #answer(requestId: string, outcome: RequestOutcome): void {
    this.#fullRequests.delete(requestId);
    this.#answers.get(requestId)?.(outcome);
    this.#answers.delete(requestId);
  }

  #now(): number {
    return this.#options.clock.monotonicMillis();
  }

  #apply(event: CoordinatorEvent): void {
    const step = coordinate(this.#state, event);
    this.#state = step.state;
    this.#carryOutAll(step.decisions);
  }

  #carryOutAll(decisions: readonly CoordinatorDecision[]): void {
    for (const decision of decisions) this.#carryOut(decision);
  }

  #carryOut(decision: CoordinatorDecision): void {
    const {ports} = this.#options;
    switch (decision.kind) {
      case 'trigger':
        return this.#run(this.#trigger(decision));
      case 'complete':
        return this.#run(this.#publish(decision));
      case 'abort':
        ports.failed(decision.id, abortSentence(decision.id, decision.reason, decision.detail));
        return this.#run(this.#abort(decision.id));
      case 'discard':
        // Its files went with the attempt's directory; nothing else is touched.
        return;
      case 'notify-complete':
        return ports.post({kind: 'notify-complete', checkpointId: decision.id});
      case 'notify-aborted':
        return ports.post({kind: 'notify-aborted', checkpointId: decision.id});
      case 'drain':
        return ports.post({kind: 'drain'});
      case 'subsume':
        this.#subsumed.push(...decision.ids);
        return;
      case 'answer':
        for (const id of decision.requestIds) {
          this.#answer(id, decision.outcome);
        }
        return;
      case 'fail-job':
        return ports.fail(
          new EngineError('STORAGE_FAILED', decision.reason, {
            hint: 'Nothing is lost: the newest checkpoint is kept. checkpointing.timeout says how long one may take, tolerable-failed-checkpoints how many may fail in a row.',
          }),
        );
      case 'next-wake':
        return this.#wakeAt(decision.at);
      default:
        unreachable(decision);
    }
  }

  async #trigger({id, purpose, alignment, triggeredAt}: TriggerDecision): Promise<void> {
    const {ports} = this.#options;
    this.#stats.set(id, new Map());
    this.#options.observer?.triggered({
      id,
      savepoint: null,
      stops: purpose === 'stop',
      tasks: this.#options.tasks,
    });
    const attempt = ports.beginAttempt(id);
    this.#attempts.set(id, attempt);
    try {
      const {directory, lacking} = await attempt;
      // It may have been given up while its directory was made.
      if (!this.#state.pending.some((pending) => pending.id === id)) return;
      if (lacking !== null) ports.lacking(id, lacking);
      const full = lacking !== null || this.#isFull(id);
      const order = {checkpointId: id, purpose, directory, alignment, full, triggeredAt};
      ports.post({kind: 'trigger', ...order});
    } catch (error) {
      this.#attempts.delete(id);
      if (isFatal(error)) {
        ports.fail(error);
        return;
      }
      this.#apply({kind: 'trigger-failed', id, detail: messageOf(error), now: this.#now()});
    }
  }

  /** Somebody who waits for it wants all state. */
  #isFull(id: number): boolean {
    const requestIds = this.#state.pending.find((pending) => pending.id === id)?.requestIds ?? [];
    return requestIds.some((request) => this.#fullRequests.has(request));
  }

  async #publish(decision: CompleteDecision): Promise<void> {
    const {ports} = this.#options;
    const {id, purpose, triggeredAt} = decision;
    const attempt = await must(this.#attempts.get(id), `attempt ${id}`);
    let published: {readonly path: string; readonly bytes: number};
    try {
      published = await ports.publish(attempt, decision);
    } catch (error) {
      // Unknown whether it exists, or another process is the owner: nothing may follow.
      if (isFatal(error)) {
        ports.fail(error);
        return;
      }
      this.#apply({kind: 'publish-failed', id, detail: messageOf(error), now: this.#now()});
      return;
    }
    // It exists from here on: whatever fails below ends the deployment, and does not call it failed.
    this.#attempts.delete(id);
    const now = this.#now();
    const subtasks = Object.fromEntries(this.#stats.get(id) ?? []);
    this.#stats.delete(id);
    const stats = summarize(Object.values(subtasks));
    const durationMillis = now - triggeredAt;
    ports.completed({id, purpose, ...published, durationMillis, stats, subtasks});
    this.#apply({kind: 'published', id, now});
  }

  async #abort(id: number): Promise<void> {
    const attempt = this.#attempts.get(id);
    this.#attempts.delete(id);
    this.#stats.delete(id);
    const released = this.#allReleased(id);
    try {
      await (await attempt)?.abort();
    } catch (error) {
      if (isFatal(error)) this.#options.ports.fail(error);
      // What is left is an orphan, which the next take-over removes.
    }
    await released;
    this.#apply({kind: 'cleaned', ids: [id], now: this.#now()});
  }

  /**
   * Resolves when every thread has answered; at the latest after the time that a checkpoint may take: a write that
   * never ends must show by checkpoints that fail, and not by none at all.
   */
  async #allReleased(id: number): Promise<void> {
    const {threads, timers, config} = this.#options;
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = timers.after(config.timeoutMillis, resolve);
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      this.#unreleased.set(id, {threads: new Set(threads), end});
    });
    this.#unreleased.delete(id);
  }

  async #committed(id: number): Promise<void> {
    try {
      await this.#options.ports.committed(id);
    } catch (error) {
      this.#options.ports.fail(error);
      return;
    }
    const ids = this.#subsumed.splice(0);
    if (ids.length > 0) this.#apply({kind: 'cleaned', ids, now: this.#now()});
  }

  #wakeAt(at: number | null): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (at === null || this.#closed) return;
    this.#timer = this.#options.timers.after(Math.max(0, at - this.#now()), () => {
      this.#apply({kind: 'tick', now: this.#now()});
    });
  }

  #run(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => this.#options.ports.fail(error))
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }
}

/** Of the files that were written; what is inline is small. */
function bytesOf(snapshots: readonly OperatorSnapshot[]): number {
  return snapshots
    .flatMap(({subtask}) => subtask.states)
    .reduce((sum, state) => sum + (state.location === 'file' ? state.length : 0), 0);
}

/** Errors after which this process may not act for the job any more. */
function isFatal(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  return error.code === 'FENCED' || error.details.facts?.['outcome'] === 'undecided';
}
