// The vocabulary of the coordinator's tests: one coordinator, told what happens, remembering what it said.

import {coordinate, startCoordinator} from '#src/checkpoint/coordinator.js';
import type {
  CoordinatorConfig,
  CoordinatorDecision,
  CoordinatorEvent,
  CoordinatorStart,
  CoordinatorState,
  RequestedPurpose,
} from '#src/checkpoint/coordinator-protocol.js';
import type {DeclineReason} from '#src/checkpoint/abort-reason.js';

export const CONFIG: CoordinatorConfig = {
  mode: 'exactly-once',
  unaligned: false,
  alignedTimeoutMillis: 0,
  intervalMillis: 1000,
  minPauseMillis: 0,
  timeoutMillis: 5000,
  maxConcurrent: 1,
  tolerableFailed: 0,
  numRetained: 3,
};

export const GENERATION = 7;
export const TASKS = ['a', 'b'] as const;

type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;

export class Coordination {
  state: CoordinatorState;
  now = 0;
  /** Of the last event, without `next-wake`. */
  said: readonly CoordinatorDecision[] = [];
  readonly all: CoordinatorDecision[] = [];
  wakeAt: number | null = null;

  constructor(
    config: Partial<CoordinatorConfig> = {},
    start: Partial<Omit<CoordinatorStart, 'config'>> = {},
  ) {
    const step = startCoordinator({
      config: {...CONFIG, ...config},
      generation: GENERATION,
      tasks: TASKS,
      highestId: 10,
      completed: [],
      now: 0,
      ...start,
    });
    this.state = step.state;
    this.#hear(step.decisions);
  }

  tell(event: DistributiveOmit<CoordinatorEvent, 'now'>): this {
    const step = coordinate(this.state, {...event, now: this.now});
    this.state = step.state;
    this.#hear(step.decisions);
    return this;
  }

  at(now: number): this {
    this.now = now;
    return this.tell({kind: 'tick'});
  }

  request(purpose: RequestedPurpose, requestId: string): this {
    return this.tell({kind: 'trigger-requested', purpose, requestId});
  }

  acknowledge(checkpointId: number, ...tasks: string[]): this {
    for (const task of tasks.length === 0 ? this.state.tasks : tasks) {
      this.tell({kind: 'acknowledge', checkpointId, generation: GENERATION, task, snapshot: []});
    }
    return this;
  }

  decline(checkpointId: number, task = 'a', reason: DeclineReason = 'declined'): this {
    const generation = GENERATION;
    return this.tell({kind: 'decline', checkpointId, generation, task, reason, detail: 'why'});
  }

  published(id: number): this {
    return this.tell({kind: 'published', id});
  }

  publishFailed(id: number): this {
    return this.tell({kind: 'publish-failed', id, detail: 'disk full'});
  }

  cleaned(...ids: number[]): this {
    return this.tell({kind: 'cleaned', ids});
  }

  taskEnded(task: string): this {
    return this.tell({kind: 'task-ended', task});
  }

  /** `trigger 11 periodic`, `abort 11 expired`, `complete 11`, …: what the last event brought about. */
  get words(): readonly string[] {
    return this.said.map(decisionWords);
  }

  #hear(decisions: readonly CoordinatorDecision[]): void {
    const wake = decisions.at(-1);
    if (wake?.kind !== 'next-wake') throw new Error('the last decision is not next-wake');
    this.wakeAt = wake.at;
    this.said = decisions.slice(0, -1);
    this.all.push(...this.said);
  }
}

export function decisionWords(decision: CoordinatorDecision): string {
  switch (decision.kind) {
    case 'trigger':
      return `trigger ${decision.id} ${decision.purpose}`;
    case 'abort':
      return `abort ${decision.id} ${decision.reason}`;
    case 'subsume':
      return `subsume ${decision.ids.join(' ')}`;
    case 'answer': {
      const {outcome} = decision;
      const what = outcome.kind === 'refused' ? outcome.why : outcome.checkpointId;
      return `answer ${decision.requestIds.join(' ')} ${outcome.kind} ${what}`;
    }
    case 'drain':
      return 'drain';
    case 'fail-job':
      return 'fail-job';
    case 'next-wake':
      return `wake ${decision.at}`;
    case 'discard':
      return `discard ${decision.id} ${decision.task}`;
    case 'complete':
    case 'notify-complete':
    case 'notify-aborted':
      return `${decision.kind} ${decision.id}`;
  }
}
