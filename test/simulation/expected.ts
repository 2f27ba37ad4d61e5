// The rows that a sink must hold, from the rows that were read: plain loops over all of them.

import type {InputRow, JobModel, SinkKind} from './job-model.ts';

/** A row as text that is equal for equal rows. */
export function canonical(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(row).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** What each sink of a job must hold; the same rows are asked for again and again. */
export class Expectation {
  readonly #job: JobModel;
  readonly #everything = new Map<SinkKind, ReadonlySet<string>>();
  readonly #texts = new Map<InputRow, string>();
  readonly #windows = new Map<number, string>();

  constructor(job: JobModel) {
    this.#job = job;
  }

  /** In the end. */
  everything(kind: SinkKind): ReadonlySet<string> {
    let rows = this.#everything.get(kind);
    if (rows === undefined) {
      rows = new Set(
        this.of(
          kind,
          this.#job.sources.flatMap((source) => source.rows),
        ),
      );
      this.#everything.set(kind, rows);
    }
    return rows;
  }

  /** After these rows; of `on-checkpoint` the newest of each key. */
  of(kind: SinkKind, input: readonly InputRow[]): readonly string[] {
    const rows = input.filter(({v}) => v % 10 < this.#job.passBelow);
    switch (kind) {
      case 'rows':
        return rows.map((row) => this.#textOf(row));
      case 'at-end':
      case 'on-checkpoint':
        return grouped(rows, ({k}) => `["k",${String(k)}]`);
      case 'windows': {
        const length = this.#job.windowMillis;
        // Between the other columns in the order of names.
        return grouped(
          rows,
          ({k}) => `["k",${String(k)}]`,
          ({at}) => `,["start",${this.#windowText(Math.floor(at / length) * length)}]`,
        );
      }
    }
  }

  #textOf(row: InputRow): string {
    let text = this.#texts.get(row);
    if (text === undefined) {
      const {id, k, v, at} = row;
      text = canonical({id, k, v, at: timeText(at)});
      this.#texts.set(row, text);
    }
    return text;
  }

  #windowText(start: number): string {
    let text = this.#windows.get(start);
    if (text === undefined) {
      text = JSON.stringify(timeText(start));
      this.#windows.set(start, text);
    }
    return text;
  }
}

/** Count and total of each group, as canonical rows: k, n, then `after`, then the total. */
function grouped(
  rows: readonly InputRow[],
  keyOf: (row: InputRow) => string,
  after: (row: InputRow) => string = () => '',
): string[] {
  const found = new Map<string, {key: string; tail: string; n: number; total: number}>();
  for (const row of rows) {
    const key = keyOf(row);
    const tail = after(row);
    const group = found.get(key + tail);
    if (group === undefined) found.set(key + tail, {key, tail, n: 1, total: row.v});
    else {
      group.n += 1;
      group.total += row.v;
    }
  }
  return [...found.values()].map(
    ({key, tail, n, total}) => `[${key},["n",${n}]${tail},["total",${total}]]`,
  );
}

/** As the engine writes it: without milliseconds where there are none. */
function timeText(millis: number): string {
  return new Date(millis).toISOString().replace('.000Z', 'Z');
}
