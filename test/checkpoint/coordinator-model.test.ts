// The invariants C1 to C9 and C11 of PROTOCOL.md over random sequences of events, good and bad ones mixed. What
// holds is checked from the outside: from what the coordinator was told and what it said.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ABORT_REASONS} from '#src/checkpoint/abort-reason.js';
import type {CoordinatorConfig, CoordinatorDecision} from '#src/checkpoint/coordinator-protocol.js';
import {Coordination, GENERATION, TASKS} from './coordination.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1' ? 5 : 1;

/** What a driver would know, kept apart from the coordinator's own state. */
class Observer {
  readonly job: Coordination;
  readonly config: CoordinatorConfig;
  readonly triggered: number[] = [];
  readonly live = new Map<number, {purpose: string; publishing: boolean}>();
  readonly published: number[] = [];
  readonly aborted = new Set<number>();
  readonly uncleaned = new Set<number>();
  readonly asked = new Map<string, boolean>();
  failuresInRow = 0;
  drainAsked = false;
  over: 'failed' | 'ended' | 'stopped' | null = null;
  requestCount = 0;
  /** Decisions watched so far. */
  #seen = 0;

  constructor(config: Partial<CoordinatorConfig>) {
    this.job = new Coordination(config);
    this.config = this.job.state.config;
  }

  /** The id that is being published; null: none. */
  get publishing(): number | null {
    return [...this.live].find(([, {publishing}]) => publishing)?.[0] ?? null;
  }

  watch(): void {
    for (; this.#seen < this.job.all.length; this.#seen++)
      this.#watchOne(this.job.all[this.#seen]!);
    const {live, config} = this;
    const purposes = [...live.values()].map(({purpose}) => purpose);
    if (purposes.some((purpose) => purpose !== 'periodic')) expect(live.size).toBe(1);
    expect(live.size).toBeLessThanOrEqual(config.maxConcurrent);
    expect([...live.keys()]).toEqual(this.job.state.pending.map(({id}) => id));
    if (this.job.wakeAt !== null) expect(this.job.wakeAt).toBeGreaterThan(this.job.now);
  }

  #watchOne(decision: CoordinatorDecision): void {
    switch (decision.kind) {
      case 'trigger':
        expect(decision.id).toBeGreaterThan(Math.max(10, ...this.triggered));
        expect(this.over).toBeNull();
        if (this.drainAsked) expect(decision.purpose).not.toBe('periodic');
        this.triggered.push(decision.id);
        this.live.set(decision.id, {purpose: decision.purpose, publishing: false});
        return;
      case 'drain':
        expect(this.drainAsked).toBe(true);
        expect(this.live.size).toBe(0);
        expect(this.over).toBeNull();
        return;
      case 'complete':
        expect(this.publishing).toBeNull();
        expect(decision.id).toBeGreaterThan(Math.max(10, ...this.published));
        expect(decision.acknowledgements.map(({task}) => task)).toEqual([...TASKS]);
        expect(decision.parent).toBe(this.published.at(-1) ?? null);
        this.live.get(decision.id)!.publishing = true;
        return;
      case 'abort': {
        this.#aborted(decision);
        return;
      }
      case 'notify-complete':
        expect(this.published).toContain(decision.id);
        return;
      case 'notify-aborted':
      case 'discard':
        expect(this.aborted.has(decision.id)).toBe(true);
        return;
      case 'subsume':
        decision.ids.forEach((id) => this.uncleaned.add(id));
        return;
      case 'answer':
        decision.requestIds.forEach((id) => this.#answered(id));
        return;
      case 'fail-job':
        expect(this.over).toBeNull();
        expect(this.failuresInRow).toBeGreaterThan(this.config.tolerableFailed);
        this.over = 'failed';
        return;
      case 'next-wake':
    }
  }

  #answered(id: string): void {
    expect(this.asked.get(id)).toBe(false);
    this.asked.set(id, true);
  }

  #aborted({id, reason}: Extract<CoordinatorDecision, {kind: 'abort'}>): void {
    const {purpose} = this.live.get(id)!;
    expect(this.live.delete(id)).toBe(true);
    this.aborted.add(id);
    this.uncleaned.add(id);
    const counts = ABORT_REASONS[reason].counted && purpose !== 'stop' && purpose !== 'final';
    if (counts) this.failuresInRow += 1;
  }
}

type Action = (observer: Observer, pick: number) => void;

const nth = (ids: readonly number[], pick: number): number =>
  ids[pick % Math.max(ids.length, 1)] ?? 0;

const ACTIONS: Readonly<Record<string, Action>> = {
  wait: ({job}, pick) => job.at(job.now + (pick % 2500)),
  wake: ({job}) => job.at(Math.max(job.now, job.wakeAt ?? job.now)),
  acknowledge: ({job, live}, pick) =>
    job.acknowledge(nth([...live.keys()], pick), ...(pick % 3 === 0 ? ['b'] : [])),
  late: ({job, triggered}, pick) => job.acknowledge(nth(triggered, pick), 'a'),
  foreign: ({job}, pick) => {
    const before = job.state;
    const foreign = {checkpointId: pick % 20, task: 'a', generation: GENERATION - 1};
    job.tell({kind: 'acknowledge', snapshot: [], ...foreign});
    expect(job.said.filter(({kind}) => kind === 'discard')).toEqual([]);
    expect(job.state.pending).toEqual(before.pending);
  },
  decline: ({job, live}, pick) =>
    job.decline(
      nth([...live.keys()], pick),
      'a',
      pick % 2 === 0 ? 'declined' : 'declined-subsumed',
    ),
  publish: (observer) => {
    const id = observer.publishing;
    if (id === null) return;
    const last = observer.live.get(id)!.purpose;
    observer.live.delete(id);
    observer.published.push(id);
    observer.failuresInRow = 0;
    observer.job.published(id);
    if ((last === 'final' || last === 'stop') && observer.over === null) observer.over = 'ended';
  },
  failPublish: ({job, publishing}) => {
    if (publishing !== null) job.publishFailed(publishing);
  },
  request: (observer, pick) => {
    const id = `r${observer.requestCount++}`;
    observer.asked.set(id, false);
    observer.job.request(pick % 12 === 0 ? 'stop' : 'requested', id);
  },
  drain: (observer, pick) => {
    if (pick % 8 !== 0) return;
    observer.drainAsked = true;
    observer.job.tell({kind: 'drain-requested'});
  },
  clean: ({job, uncleaned}) => {
    const ids = [...uncleaned];
    uncleaned.clear();
    job.cleaned(...ids);
  },
};

test('the invariants hold over random events, and nothing that was asked stays unanswered', () => {
  // More of what brings checkpoints on, so that most runs complete several.
  const usual = ['wake', 'wake', 'acknowledge', 'acknowledge', 'publish', 'publish', 'clean'];
  const step = fc.tuple(fc.constantFrom(...Object.keys(ACTIONS), ...usual, ...usual), fc.nat());
  const config = fc.record({
    intervalMillis: fc.constantFrom(null, 500, 1000),
    minPauseMillis: fc.constantFrom(0, 700),
    timeoutMillis: fc.constantFrom(900, 5000),
    maxConcurrent: fc.constantFrom(1, 2, 3),
    tolerableFailed: fc.constantFrom(0, 2, 50),
    numRetained: fc.constantFrom(1, 3),
  });
  let completed = 0;
  fc.assert(
    fc.property(config, fc.array(step, {minLength: 60, maxLength: 160}), (settings, steps) => {
      const observer = new Observer(settings);
      for (const [name, pick] of steps) {
        ACTIONS[name]!(observer, pick);
        observer.watch();
        if (observer.over === null) {
          expect(observer.failuresInRow).toBeLessThanOrEqual(observer.config.tolerableFailed);
        }
      }
      completed += observer.published.length;
      observer.job.tell({kind: 'shutdown'});
      observer.over ??= 'stopped';
      observer.watch();
      ACTIONS['publish']!(observer, 0);
      observer.watch();
      expect([...observer.asked.values()].every(Boolean)).toBe(true);
      expect(observer.live.size).toBe(0);
      const ends = observer.published.length + observer.aborted.size;
      expect(ends).toBe(observer.triggered.length);
    }),
    {numRuns: 300 * PROOF},
  );
  expect(completed).toBeGreaterThan(300);
});

test('if tasks answer and storage works, checkpoints go on for ever', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('wait', 'decline', 'late', 'request'), fc.nat()), {
        maxLength: 40,
      }),
      (steps) => {
        const observer = new Observer({tolerableFailed: 1000, maxConcurrent: 2});
        for (const [name, pick] of steps) {
          ACTIONS[name]!(observer, name === 'request' ? 1 : pick);
          observer.watch();
        }
        const before = observer.published.length;
        for (let round = 0; round < 60; round++) {
          for (const name of ['clean', 'wake', 'acknowledge', 'publish']) {
            ACTIONS[name]!(observer, 1);
            observer.watch();
          }
        }
        expect(observer.published.length).toBeGreaterThan(before + 20);
        expect([...observer.asked.values()].every(Boolean)).toBe(true);
      },
    ),
    {numRuns: 30 * PROOF},
  );
});
