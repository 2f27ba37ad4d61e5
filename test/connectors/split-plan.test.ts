// Subtasks claim splits without telling each other, and the barrier comes to each at another moment; still
// a restore at any parallelism reads every row once. A model of subtasks drives the real queues, positions
// and plans through random turns: rows that were read before a subtask's barrier count, those after it do
// not. The same model finds the mistake that the header of split-plan.ts warns of.

import {expect, test} from 'vitest';
import {SeededRandom} from '#src/base/random.js';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {SharedSplitQueue} from '#src/connectors/file/shared-split-queue.js';
import {inReadingOrder, restoredPlan} from '#src/connectors/file/split-plan.js';
import {
  planJson,
  positionState,
  type Split,
  type SplitPlan,
  type UnfinishedSplit,
} from '#src/connectors/file/split.js';
import {newCursor, SplitCursor} from '#src/connectors/shared-splits.js';
import {stored} from './support/context.ts';

const HASH = '0'.repeat(64);

/** A split whose size is its number of rows. */
function splitOf(path: string, size: number): Split {
  return {path, size, head: HASH};
}

function unfinished(path: string, size: number, offset: number | null): UnfinishedSplit {
  const position =
    offset === null ? null : {offset, tail: HASH, decoder: null, greatestTimestamp: null};
  return {split: splitOf(path, size), position};
}

function planOf(splits: readonly Split[]): SplitPlan {
  const unread = splits.map((split) => ({split, position: null}));
  return {watermark: -Infinity, finished: [], unfinished: unread};
}

/** Subtask of the model: reads one row a turn. */
class ModelSubtask {
  readonly #queue: SharedSplitQueue;
  readonly #subtask: number;
  #open: {readonly split: Split; offset: number} | null = null;
  /** `path#row`, since the deployment began. */
  readonly rows: string[] = [];

  constructor(plan: SplitPlan, cursor: SharedArrayBuffer, subtask: number) {
    this.#queue = new SharedSplitQueue({plan: planJson(plan), cursor}, subtask);
    this.#subtask = subtask;
  }

  /** False: at its end. */
  turn(): boolean {
    if (this.#open === null) {
      const next = this.#queue.take();
      if (next === null) return false;
      this.#open = {split: next.split, offset: next.position?.offset ?? 0};
      return true;
    }
    const {split, offset} = this.#open;
    if (offset === split.size) {
      this.#queue.finish(split);
      this.#open = null;
      return true;
    }
    this.rows.push(`${split.path}#${offset}`);
    this.#open.offset += 1;
    return true;
  }

  snapshot(): SubtaskMetadata {
    const {finished, shares} = this.#queue;
    const open = this.#open === null ? [] : [this.#open];
    const position = {
      watermark: -Infinity,
      finished,
      unfinished: open.map(({split, offset}) => unfinished(split.path, split.size, offset)),
      shares,
    };
    return stored([positionState(position)], this.#subtask);
  }
}

/** What is done to the checkpoint between snapshot and restore. */
type Mistake = (checkpoint: SubtaskMetadata[], claimed: ReadonlySet<string>) => SubtaskMetadata[];

interface Deployed {
  /** Rows before the barriers. */
  readonly rows: readonly string[];
  readonly checkpoint: SubtaskMetadata[];
  /** At the barrier of subtask 0. */
  readonly claimed: ReadonlySet<string>;
}

/** One deployment up to a crash after its checkpoint; the barriers come in random order among the turns. */
function deploy(plan: SplitPlan, parallelism: number, random: SeededRandom): Deployed {
  const cursor = newCursor();
  const subtasks = Array.from(
    {length: parallelism},
    (_unused, subtask) => new ModelSubtask(plan, cursor, subtask),
  );
  const patience = random.next();
  const snapshots = new Map<number, SubtaskMetadata>();
  const rows: string[] = [];
  let claimed: ReadonlySet<string> = new Set();
  while (snapshots.size < parallelism) {
    const subtask = Math.floor(random.next() * parallelism);
    if (random.next() < patience * 0.98) subtasks[subtask]!.turn();
    else if (!snapshots.has(subtask)) {
      snapshots.set(subtask, subtasks[subtask]!.snapshot());
      rows.push(...subtasks[subtask]!.rows);
      if (subtask === 0) claimed = claimedPaths(plan, cursor);
    }
  }
  return {rows, checkpoint: [...snapshots.values()], claimed};
}

function claimedPaths(plan: SplitPlan, cursor: SharedArrayBuffer): ReadonlySet<string> {
  const count = new Int32Array(cursor)[0]!;
  return new Set(plan.unfinished.slice(0, count).map(({split}) => split.path));
}

/** Deployments with checkpoints in between, the last one to its end: how often each row was read. */
function run(seed: number, mistake: Mistake = (checkpoint) => checkpoint): Map<string, number> {
  const random = new SeededRandom(seed);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const splits = Array.from({length: 1 + below(12)}, (_unused, index) =>
    splitOf(`data/${String.fromCharCode(97 + index)}`, below(9)),
  );
  const counts = new Map<string, number>();
  const count = (row: string): unknown => counts.set(row, (counts.get(row) ?? 0) + 1);
  for (const {path, size} of splits) {
    for (let row = 0; row < size; row += 1) counts.set(`${path}#${row}`, 0);
  }
  let plan = planOf(splits);
  for (let round = below(5); round >= 0; round -= 1) {
    const {rows, checkpoint, claimed} = deploy(plan, 1 + below(8), random);
    rows.forEach(count);
    const ordered = random.next() < 0.5;
    plan = restoredPlan('numbers', mistake(checkpoint, claimed), ordered)!;
  }
  const cursor = newCursor();
  const last = Array.from(
    {length: 1 + below(8)},
    (_unused, subtask) => new ModelSubtask(plan, cursor, subtask),
  );
  while (last.some((subtask) => subtask.turn()));
  last.flatMap(({rows}) => rows).forEach(count);
  return counts;
}

const SEEDS = 3000;

function seedsThatFail(mistake?: Mistake): number[] {
  const failing: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const counts = run(seed, mistake);
    if ([...counts.values()].some((times) => times !== 1)) failing.push(seed);
  }
  return failing;
}

test('every row is read once, whenever the barriers come and whatever the parallelism', () => {
  expect(seedsThatFail()).toEqual([]);
});

interface Value {
  readonly finished: {path: string}[];
  readonly splits: {path: string}[];
  readonly shares: {readonly plan: {splits: {path: string}[]} | null};
}

function valueOf(subtask: SubtaskMetadata): Value {
  const [state] = subtask.states;
  if (state?.location !== 'inline') throw new Error('no position');
  return state.value as unknown as Value;
}

test('a plan without the splits that are claimed by then loses some, and the model finds it', () => {
  const leaveOutClaimed: Mistake = (checkpoint, claimed) => {
    const values = checkpoint.map(valueOf);
    // Those that a subtask lists stay: a plan that lacks them is refused.
    const listed = new Set(
      values.flatMap(({finished, splits}) => [...finished, ...splits].map(({path}) => path)),
    );
    for (const {shares} of values) {
      if (shares.plan === null) continue;
      const {splits} = shares.plan;
      shares.plan.splits = splits.filter(({path}) => !claimed.has(path) || listed.has(path));
    }
    return checkpoint;
  };
  expect(seedsThatFail(leaveOutClaimed).length).toBeGreaterThan(SEEDS / 100);
});

test('claims of several threads are different, and end', () => {
  const cursor = newCursor();
  const cursors = [0, 1, 2].map(() => new SplitCursor(cursor, 5));
  const claims = Array.from({length: 30}, (_unused, turn) => cursors[turn % 3]!.claim());
  expect(claims.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  expect(claims.slice(5).every((claim) => claim === null)).toBe(true);
  expect(cursors[2]!.hasUnclaimed).toBe(false);
  expect(new Int32Array(cursor)[0]).toBe(5);
});

test('what was begun is read first, but not where names are in time order', () => {
  const splits = [
    unfinished('data/z', 5, 2),
    unfinished('data/é', 5, null),
    unfinished('data/b', 5, 1),
    unfinished('data/a', 5, null),
  ];
  const paths = (ordered: boolean): string[] =>
    inReadingOrder(splits, ordered).map(({split}) => split.path);
  expect(paths(false)).toEqual(['data/b', 'data/z', 'data/a', 'data/é']);
  expect(paths(true)).toEqual(['data/a', 'data/b', 'data/z', 'data/é']);
});

// Positions that no checkpoint of ours has

const A = {path: 'data/a', size: 3};
const PLAN = planJson(planOf([splitOf('data/a', 3), splitOf('data/b', 3)]));

function position(
  subtask: number,
  changes: Partial<Parameters<typeof positionState>[0]>,
): SubtaskMetadata {
  const plan = subtask === 0 ? PLAN : null;
  const base = {watermark: 7, finished: [], unfinished: [], shares: {plan}};
  return stored([positionState({...base, ...changes})], subtask);
}

test.each([
  ['no subtask has the plan', [position(1, {})]],
  ['two subtasks have a plan', [position(0, {}), position(0, {})]],
  [
    'data/a stands there twice',
    [position(0, {finished: [A]}), position(1, {unfinished: [unfinished('data/a', 3, 1)]})],
  ],
  ['data/c is not in the plan', [position(0, {unfinished: [unfinished('data/c', 3, 1)]})]],
  ['the input is at its end', [position(0, {watermark: Infinity})]],
])('%s: the checkpoint is refused', (words, checkpoint) => {
  expect(() => restoredPlan('numbers', checkpoint, false)).toThrow(words);
  expect(() => restoredPlan('numbers', checkpoint, false)).toThrow(
    expect.objectContaining({code: 'CHECKPOINT_DAMAGED'}),
  );
});

test('a subtask that has ended holds nothing back; the least watermark of the others counts', () => {
  const ended = position(1, {watermark: Infinity, finished: [A]});
  expect(restoredPlan('numbers', [position(0, {}), ended], false)).toMatchObject({
    watermark: 7,
    finished: [A],
    unfinished: [{split: {path: 'data/b'}}],
  });
});

test('a source that the checkpoint does not know has no plan', () => {
  expect(restoredPlan('numbers', [], false)).toBeNull();
});
