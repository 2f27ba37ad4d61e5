// Rows that an eviction chose: they stay in memory, and are found there, until what was written of them is done. One that was
// used again meanwhile stays altogether.
//
// They leave in groups, each with the ticket of the newest write when it was chosen. A group's number stands with the flags of its
// rows, so that a row that was deleted meanwhile, and whose number another row has, is not taken for it.

import {CHANGED, DIRTY, USED, type RowFlags} from './row-flags.ts';
import {RowList} from '../row-list.ts';

/** Numbers are bytes, and 0 is none. */
const GROUPS_MAX = 255;

interface Group {
  readonly number: number;
  readonly rows: RowList;
  readonly ticket: number;
}

export class LeavingRows {
  /** Rows that were chosen and have not left; some of them will stay. */
  count = 0;
  readonly #flags: RowFlags;
  readonly #groups: Group[] = [];
  readonly #spare: RowList[] = [];
  readonly #gone = new RowList();
  #number = 0;

  constructor(flags: RowFlags) {
    this.#flags = flags;
  }

  /** Of the group that leaves next; null: nothing leaves. */
  get nextTicket(): number | null {
    return this.#groups[0]?.ticket ?? null;
  }

  get isFull(): boolean {
    return this.#groups.length === GROUPS_MAX;
  }

  /** A list for the rows of the next group, each of which gets `number`. */
  begin(): {readonly number: number; readonly rows: RowList} {
    this.#number = (this.#number % GROUPS_MAX) + 1;
    const rows = this.#spare.pop() ?? new RowList(1024);
    rows.clear();
    return {number: this.#number, rows};
  }

  add(number: number, rows: RowList, ticket: number): void {
    this.#groups.push({number, rows, ticket});
    this.count += rows.count;
  }

  /** The rows that leave now, their writes being done. Good until it is called again. */
  take(written: number): RowList {
    const flags = this.#flags;
    const gone = this.#gone;
    gone.clear();
    for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
      if (group.ticket > written) break;
      this.#groups.shift();
      const {number, rows} = group;
      this.count -= rows.count;
      for (let at = 0; at < rows.count; at += 1) {
        const row = rows.values[at]!;
        if (flags.groupOf(row) !== number) continue;
        if (flags.has(row, USED | DIRTY | CHANGED)) flags.setGroup(row, 0);
        else gone.push(row);
      }
      this.#spare.push(rows);
    }
    return gone;
  }
}
