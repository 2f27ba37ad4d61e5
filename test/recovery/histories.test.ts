// Random histories of one job: runs that crash, finish or are stopped at any moment, checkpoints that are
// damaged, restores, retention, claims by a job of another directory. After each step the promises of recovery hold: a restorable checkpoint
// is never passed over silently, nor one that was claimed away, no lineage stays unsettled beside the one that works, and nothing is
// deleted that any rule keeps.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {planRetention, type RunEnd} from '#src/checkpoint/retention.js';
import {chooseStart, type StartDecision, type StartRequest} from '#src/recovery/choose-start.js';
import {chosenCheckpoint} from '#src/recovery/choose-verified-start.js';
import type {CheckpointFacts, GenerationFacts, LineageRecord} from '#src/recovery/facts.js';
import {lineageRecordOf, planSettlement, type StartsWork} from '#src/recovery/plan-settlement.js';
import {complete, damaged, facts, generation, request} from './history.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1' ? 30 : 1;
const NUM_RETAINED = 2;

/** The job directory, as runs leave it. */
class World {
  generations: GenerationFacts[] = [];
  checkpoints: CheckpointFacts[] = [];
  lineageCount = 0;
  lastId = 0;
  readonly counts = {starts: 0, resumed: 0, refused: 0, claimed: 0, removed: 0};

  #facts() {
    const last = this.#lastRun()?.lineage?.origin;
    const origin =
      last?.kind === 'checkpoint'
        ? (this.checkpoints.find(({path}) => path === last.path) ?? null)
        : null;
    return facts(this.generations, this.checkpoints, {origin});
  }

  run(asked: StartRequest, checkpointCount: number, marks: boolean, end: RunEnd | null): void {
    const world = this.#facts();
    const decision = chooseStart(world, asked);
    this.#checkStart(decision, asked);
    this.counts.starts += 1;
    if (decision.kind === 'refuse') {
      this.counts.refused += 1;
      return;
    }
    const plan = planSettlement(world, decision, asked);
    if (plan.kind === 'refuse') {
      expect(asked.onDamaged).toBe('stop');
      return;
    }
    for (const {mark} of plan.steps) if (mark !== null) this.#change(mark, {settled: true});
    const record = lineageRecordOf(decision, `L${this.lineageCount++}`, 'keep');
    this.#checkSettled(record);
    this.#work(decision, record, checkpointCount, marks, end);
  }

  /** Publishes, commits all but maybe the last, and ends. */
  #work(
    decision: StartsWork,
    record: LineageRecord,
    count: number,
    marks: boolean,
    end: RunEnd | null,
  ): void {
    const number = (this.generations.at(-1)?.generation ?? 0) + 1;
    this.generations.push(generation(number, record));
    if (decision.kind === 'finish-only') {
      this.#change(number, {
        end: {how: decision.end, savepoint: null, drained: false},
        settled: true,
      });
      return;
    }
    for (let index = 0; index < count; index++) {
      this.lastId += 1;
      const drained = end === 'finished' && index === count - 1;
      this.checkpoints.push(
        complete(this.lastId, {
          lineage: record.lineage,
          ancestors: record.ancestors,
          generation: number,
          runId: `run-${number}`,
          drained,
          purpose: drained ? 'final' : 'periodic',
        }),
      );
      // A crash between the rename and the mark.
      const crashedBefore = !marks && index === 0 && count === 1 && end === null;
      if (!crashedBefore) this.#change(number, {published: true});
    }
    const settled = end === 'finished' || end === 'stopped' || end === 'cancelled';
    if (end !== null)
      this.#change(number, {end: {how: end, savepoint: null, drained: false}, settled});
  }

  retain(): void {
    const own = this.#lastRun();
    const lineage = own?.lineage?.lineage;
    if (own === undefined || lineage === undefined) return;
    const of = (name: string) => this.generations.filter((it) => it.lineage?.lineage === name);
    const names = [...new Set(this.generations.flatMap((it) => it.lineage?.lineage ?? []))];
    const {remove} = planRetention({
      lineage,
      claimed: null,
      committedThrough: this.lastId,
      end: own.end?.how ?? null,
      savepointTaken: false,
      checkpoints: this.checkpoints.map(({id, metadata}) => ({
        id,
        lineage: metadata?.lineage ?? null,
      })),
      others: names
        .filter((name) => name !== lineage)
        .map((name) => ({
          lineage: name,
          end: of(name).at(-1)?.end?.how ?? null,
          settled: of(name).at(-1)?.settled ?? false,
        })),
      held: new Set(),
      numRetained: NUM_RETAINED,
      externalizedRetention: 'retain-on-cancellation',
    });
    this.counts.removed += remove.length;
    const gone = new Set(remove.map(({id}) => id));
    // The newest one of every lineage that may be asked for is there after retention as before.
    for (const name of names) {
      const newest = this.checkpoints.findLast(({metadata}) => metadata?.lineage === name);
      if (newest === undefined || !gone.has(newest.id)) continue;
      expect(name).not.toBe(lineage);
      expect(of(name).at(-1)).toMatchObject({end: {how: 'finished'}, settled: true});
    }
    this.checkpoints = this.checkpoints.filter(({id}) => !gone.has(id));
  }

  damage(pick: number, known: boolean): void {
    if (this.checkpoints.length === 0) return;
    const index = pick % this.checkpoints.length;
    this.checkpoints[index] = damaged(this.checkpoints[index]!, known);
  }

  /** A job of another directory claims one, and takes it away under a generation here. */
  claim(pick: number): void {
    const taken = this.checkpoints[pick % Math.max(1, this.checkpoints.length)];
    if (taken?.state !== 'complete') return;
    const number = (this.generations.at(-1)?.generation ?? 0) + 1;
    const by = {jobDirectory: '/elsewhere/delays', lineage: 'C'};
    const claimed = {checkpointId: taken.id, lineage: taken.metadata.lineage, by};
    this.generations.push(generation(number, null, {kind: 'prune', claimed, end: 'finished'}));
    this.checkpoints = this.checkpoints.filter((it) => it !== taken);
  }

  #lastRun(): GenerationFacts | undefined {
    return this.generations.findLast(({kind}) => kind === 'run');
  }

  /** The highest id of the lineage's that was claimed away; 0: none was. */
  #newestClaimed(name: string): number {
    const own = this.generations.flatMap(({claimed}) => claimed ?? []);
    return Math.max(0, ...own.filter((it) => it.lineage === name).map((it) => it.checkpointId));
  }

  /** Somebody removes the newest `count` by hand. */
  lose(count: number): void {
    this.checkpoints = this.checkpoints.slice(0, -count);
  }

  #change(number: number, change: Partial<GenerationFacts>): void {
    this.generations = this.generations.map((it) =>
      it.generation === number ? {...it, ...change} : it,
    );
  }

  #checkStart(decision: StartDecision, asked: StartRequest): void {
    const last = this.#lastRun();
    const resumable =
      last !== undefined && [undefined, 'failed', 'interrupted'].includes(last.end?.how);
    if (asked.start.kind !== 'auto' || !resumable) {
      expect(['fresh', 'restored', 'refuse']).toContain(decision.kind);
      return;
    }
    const name = last.lineage?.lineage;
    if (decision.kind === 'resumed' || decision.kind === 'finish-only') {
      this.counts.resumed += 1;
      expect(decision.lineage).toBe(name);
      this.#checkResumed(decision, decision.lineage);
    } else if (decision.kind === 'restored') {
      expect(asked.onDamaged).toBe('use-older');
      expect(decision.because).toBe('newest-damaged');
      const {id, metadata} = decision.checkpoint;
      expect(id).toBe(this.#newestGood(metadata.lineage));
      // R4
      expect(id).toBeGreaterThanOrEqual(this.#newestClaimed(metadata.lineage));
    } else this.#checkRefused(decision, last);
  }

  #checkRefused(decision: StartDecision, {lineage}: GenerationFacts): void {
    expect(decision.kind).toBe('refuse');
    const {code} = decision as Extract<StartDecision, {kind: 'refuse'}>;
    if (code === 'ALREADY_RUNNING') {
      this.counts.claimed += 1;
      const name = lineage?.lineage ?? '';
      const origin = lineage?.ancestors.at(-1);
      const isOrigin = this.generations.some(
        ({claimed}) =>
          claimed?.lineage === origin?.lineage && claimed?.checkpointId === origin?.checkpointId,
      );
      expect(
        (origin !== undefined && isOrigin) ||
          this.#newestClaimed(name) > (this.#newestGood(name) ?? 0),
      ).toBe(true);
    } else expect(code).toBe('CHECKPOINT_DAMAGED');
  }

  #checkResumed(
    decision: Extract<StartDecision, {kind: 'resumed' | 'finish-only'}>,
    name: string,
  ): void {
    const published = this.generations.some((it) => it.lineage?.lineage === name && it.published);
    // R4
    expect(chosenCheckpoint(decision)?.id ?? 0).toBeGreaterThanOrEqual(this.#newestClaimed(name));
    if (decision.kind === 'resumed' && decision.from.kind !== 'checkpoint') {
      // R1: back to the origin only where nothing was published.
      expect(published).toBe(false);
      expect(this.checkpoints.filter(({metadata}) => metadata?.lineage === name)).toEqual([]);
      return;
    }
    const {id} = chosenCheckpoint(decision)!;
    // R2: the newest, and nothing above it that may be its lineage's.
    expect(id).toBe(this.#newestGood(name));
    const hidden = this.checkpoints.filter(
      ({id: other, metadata}) =>
        other > id && (metadata === null ? published : metadata.lineage === name),
    );
    expect(hidden).toEqual([]);
  }

  #newestGood(name: string): number | undefined {
    return this.checkpoints.findLast(
      ({state, metadata}) => state === 'complete' && metadata.lineage === name,
    )?.id;
  }

  /** When work begins, every other lineage is settled. */
  #checkSettled(own: LineageRecord): void {
    const newest = new Map<string, boolean>();
    for (const {lineage, settled} of this.generations) {
      if (lineage !== null) newest.set(lineage.lineage, settled);
    }
    newest.delete(own.lineage);
    expect([...newest].filter(([, settled]) => !settled)).toEqual([]);
  }
}

type Step =
  | {
      readonly do: 'run';
      readonly how: 'auto' | 'fresh' | 'restore';
      readonly useOlder: boolean;
      readonly pick: number;
      readonly count: number;
      readonly marks: boolean;
      readonly end: RunEnd | null;
    }
  | {readonly do: 'damage'; readonly pick: number; readonly known: boolean}
  | {readonly do: 'lose'; readonly count: number}
  | {readonly do: 'claim'; readonly pick: number}
  | {readonly do: 'retain'};

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('run' as const),
      how: fc.constantFrom('auto', 'auto', 'auto', 'auto', 'fresh', 'restore'),
      useOlder: fc.boolean(),
      pick: fc.nat(),
      count: fc.nat({max: 3}),
      marks: fc.boolean(),
      end: fc.constantFrom(
        null,
        null,
        null,
        'failed',
        'interrupted',
        'finished',
        'stopped',
        'cancelled',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('damage' as const),
      pick: fc.nat(),
      known: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({do: fc.constant('lose' as const), count: fc.integer({min: 1, max: 4})}),
  },
  {weight: 1, arbitrary: fc.record({do: fc.constant('claim' as const), pick: fc.nat()})},
  {weight: 2, arbitrary: fc.constant({do: 'retain' as const})},
);

function askedFor(world: World, {how, pick, useOlder}: Extract<Step, {do: 'run'}>): StartRequest {
  const onDamaged = useOlder ? 'use-older' : 'stop';
  if (how === 'auto') return request({onDamaged});
  const checkpoint = world.checkpoints[pick % Math.max(1, world.checkpoints.length)];
  if (how === 'fresh' || checkpoint === undefined) {
    return request({onDamaged, start: {kind: 'fresh'}});
  }
  const start = {kind: 'restore', ref: String(checkpoint.id), checkpoint, claim: false} as const;
  return request({onDamaged, start, allowDrained: true});
}

test('the promises of recovery hold over random histories', () => {
  const total = {starts: 0, resumed: 0, refused: 0, claimed: 0, removed: 0};
  fc.assert(
    fc.property(fc.array(step, {minLength: 5, maxLength: 25}), (steps) => {
      const world = new World();
      for (const each of steps) {
        if (each.do === 'run') {
          world.run(askedFor(world, each), each.count, each.marks, each.end);
        } else if (each.do === 'damage') world.damage(each.pick, each.known);
        else if (each.do === 'lose') world.lose(each.count);
        else if (each.do === 'claim') world.claim(each.pick);
        else world.retain();
      }
      for (const key of ['starts', 'resumed', 'refused', 'claimed', 'removed'] as const) {
        total[key] += world.counts[key];
      }
    }),
    {numRuns: 500 * PROOF},
  );
  // The histories must reach what is promised about.
  expect(total.resumed).toBeGreaterThan(250);
  expect(total.refused).toBeGreaterThan(50);
  expect(total.claimed).toBeGreaterThan(5);
  expect(total.removed).toBeGreaterThan(50);
});
