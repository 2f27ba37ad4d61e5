// Promise: whatever is written to a table while several snapshots of it are frozen, each reads the rows as they were at
// its own freeze; and a page is copied at most once for each of them.
import fc from 'fast-check';
import {expect, it} from 'vitest';
import {FrozenReader} from '#src/state/hashmap/frozen-reader.js';
import {FREEZES_MAX, PageGuard} from '#src/state/hashmap/page-guard.js';
import type {FrozenPages} from '#src/state/snapshot-request.js';

const ROW_INTS = 4;
const PAGE_SHIFT = 1;
const PAGE_INTS = ROW_INTS << PAGE_SHIFT;
const ROWS_MAX = 24;

interface Frozen {
  readonly pages: FrozenPages;
  readonly rowCount: number;
  readonly expected: Int32Array;
  readonly found: Int32Array;
  readonly reader: FrozenReader;
  next: number;
}

type Act =
  | {readonly kind: 'write'; readonly rows: readonly number[]}
  | {readonly kind: 'add'}
  | {readonly kind: 'freeze'}
  | {readonly kind: 'read'; readonly pages: number}
  /** Of one that waits for its turn. */
  | {readonly kind: 'give-up'; readonly which: number};

const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      rows: fc.array(fc.nat({max: ROWS_MAX - 1}), {minLength: 1, maxLength: 4}),
    }),
  },
  {weight: 2, arbitrary: fc.constant({kind: 'add' as const})},
  {weight: 3, arbitrary: fc.constant({kind: 'freeze' as const})},
  {
    weight: 4,
    arbitrary: fc.record({kind: fc.constant('read' as const), pages: fc.integer({min: 1, max: 6})}),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('give-up' as const),
      which: fc.nat({max: FREEZES_MAX}),
    }),
  },
);

/** A table of nothing but rows, and its snapshots. */
class Guarded {
  readonly guard = new PageGuard('test', ROW_INTS, PAGE_SHIFT);
  readonly rows = new SharedArrayBuffer(ROWS_MAX * ROW_INTS * 4);
  readonly ints = new Int32Array(this.rows);
  frozen: Frozen[] = [];
  rowCount = 5;
  #written = 0;

  constructor() {
    this.guard.setRows(this.ints);
  }

  write(numbers: readonly number[]): void {
    const rows = Int32Array.from(numbers.filter((row) => row < this.rowCount));
    this.guard.protectAll(rows, 0, rows.length);
    for (const row of rows) this.#fill(row);
  }

  add(): void {
    if (this.rowCount === ROWS_MAX) return;
    // As a table does: nobody knows of the row yet.
    this.#fill(this.rowCount);
    this.rowCount += 1;
    this.write([this.rowCount - 1]);
  }

  freeze(): void {
    const {rowCount} = this;
    const isFull = this.frozen.length === FREEZES_MAX;
    expect(this.guard.refuses(rowCount)).toBe(isFull ? 'at most 4 are written at once' : null);
    if (isFull) return;
    const pages = this.guard.freeze(rowCount);
    const table = {pages, rows: this.rows, rowCount, arena: new SharedArrayBuffer(0)};
    this.frozen.push({
      ...{pages, rowCount, next: 0, reader: new FrozenReader(table)},
      expected: this.ints.slice(0, rowCount * ROW_INTS),
      found: new Int32Array(pages.count * PAGE_INTS),
    });
  }

  /** The oldest reads on; when it is at its end, it goes. */
  read(count: number): void {
    const [oldest] = this.frozen;
    if (oldest === undefined) return;
    for (let read = 0; read < count && oldest.next < oldest.pages.count; read += 1) {
      oldest.reader.take(oldest.next, oldest.found, oldest.next * PAGE_INTS);
      oldest.next += 1;
    }
    if (oldest.next < oldest.pages.count) return;
    expect(oldest.found.subarray(0, oldest.rowCount * ROW_INTS)).toEqual(oldest.expected);
    this.#release(oldest);
  }

  giveUp(which: number): void {
    const waiting = this.frozen.filter(({next}) => next === 0);
    const one = waiting[which % waiting.length];
    if (one !== undefined) this.#release(one);
  }

  #release(one: Frozen): void {
    this.guard.release(one.pages);
    this.frozen = this.frozen.filter((other) => other !== one);
  }

  #fill(row: number): void {
    this.#written += 1;
    this.ints.fill(this.#written, row * ROW_INTS, (row + 1) * ROW_INTS);
  }
}

it('each of several snapshots has the rows of its own freeze', () => {
  let together = 0;
  fc.assert(
    fc.property(fc.array(anAct, {minLength: 10, maxLength: 60}), (acts) => {
      const table = new Guarded();
      const pageBytes = PAGE_INTS * 4;
      for (const act of acts) {
        if (act.kind === 'write') table.write(act.rows);
        else if (act.kind === 'add') table.add();
        else if (act.kind === 'freeze') table.freeze();
        else if (act.kind === 'read') table.read(act.pages);
        else table.giveUp(act.which);
        together = Math.max(together, table.frozen.length);
        const pages = Math.ceil(table.rowCount / 2 ** PAGE_SHIFT);
        expect(table.guard.sizeBytes).toBeLessThanOrEqual(FREEZES_MAX * pages * pageBytes);
      }
      while (table.frozen.length > 0) table.read(1);
      expect(table.guard.active).toBe(false);
    }),
    {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 3000 : 300},
  );
  expect(together).toBe(FREEZES_MAX);
});

it('a page is copied once for all snapshots that have it', () => {
  const table = new Guarded();
  for (let freeze = 0; freeze < FREEZES_MAX; freeze += 1) table.freeze();
  table.write([0, 1, 0]);
  expect(table.guard.sizeBytes).toBe(PAGE_INTS * 4);
  while (table.frozen.length > 0) table.read(10);
  table.freeze();
  table.write([2]);
  expect(table.guard.sizeBytes).toBe(PAGE_INTS * 4);
});

it('no further snapshot is frozen when the copies might not fit into memory', () => {
  const large = new PageGuard('large', 1024, 0);
  const half = 2 ** 19 + 1;
  expect(large.refuses(half)).toBeNull();
  const pages = large.freeze(half);
  expect(large.refuses(half)).toBe(
    'copies of the pages of large for one more may not fit in memory',
  );
  large.release(pages);
  expect(large.refuses(half)).toBeNull();
});
