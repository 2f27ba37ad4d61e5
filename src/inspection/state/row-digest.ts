import {finishHash, HASH_SEED, mixTail, mixWord} from '../../keys/key-hash.ts';
import {RowJson} from './row-json.ts';
import {expiry} from './scan-state.ts';
import type {StateRows} from './read-states.ts';
import type {StateTable} from './state-tables.ts';

const LINE_BREAK = 10;
const OTHER_SEED = 0x2545f491;
const SUM_MAX = 2 ** 52;

/** Rows of a state as text, which its subtasks and their snapshots share: it is compiled. */
export class RowTexts {
  readonly #known = new Map<string, RowJson>();

  of(table: StateTable): RowJson {
    const {operator, state, shape} = table;
    const key = JSON.stringify([operator, state, shape.spec]);
    const known = this.#known.get(key) ?? new RowJson(table);
    this.#known.set(key, known);
    return known;
  }
}

/** What a set of rows is, in whatever order they come: their number, and the sums of two hashes of each. */
export class RowDigest {
  rowCount = 0;
  #first = 0;
  #second = 0;
  readonly #texts: RowTexts;

  constructor(texts: RowTexts) {
    this.#texts = texts;
  }

  add(rows: StateRows): void {
    const {table, rowCount, key, values, keyGroups} = rows;
    const lines = this.#texts.of(table).lines(
      {
        schema: {fields: [...table.shape.spec.key, ...table.shape.values]},
        ...{rowCount, columns: [...key, ...values], selection: null, selectedCount: rowCount},
        ...{watermarks: null, origin: null},
      },
      expiry(rows, null),
    );
    const view = new DataView(lines.buffer, lines.byteOffset, lines.byteLength);
    let from = 0;
    for (let row = 0; row < rowCount; row += 1) {
      const end = lines.indexOf(LINE_BREAK, from);
      const group = keyGroups[row]!;
      this.#first = sum(this.#first, hashOf(HASH_SEED, view, from, end, group));
      this.#second = sum(this.#second, hashOf(OTHER_SEED, view, from, end, group));
      from = end + 1;
    }
    this.rowCount += rowCount;
  }

  /** Of these rows and those of `other`. */
  with(other: RowDigest): RowDigest {
    const both = new RowDigest(this.#texts);
    both.rowCount = this.rowCount + other.rowCount;
    both.#first = sum(this.#first, other.#first);
    both.#second = sum(this.#second, other.#second);
    return both;
  }

  /** Equal for equal sets of rows. */
  text(): string {
    return `${this.rowCount} rows, digest ${this.#first.toString(16)}-${this.#second.toString(16)}`;
  }
}

function hashOf(seed: number, view: DataView, start: number, end: number, group: number): number {
  // `mixTail` begins 8 bytes behind the start that it is given.
  return finishHash(mixTail(mixWord(seed, group), view, start - 8, end)) >>> 0;
}

function sum(left: number, right: number): number {
  return (left + right) % SUM_MAX;
}
