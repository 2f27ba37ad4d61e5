// The rows of one state in two checkpoints, compared by key: some key groups at a time, of which the rows of the one side are
// in memory while those of the other go by; where memory may not have all of those, in several passes over both. In what form,
// at what parallelism and in what order they are stored does not matter.

import type {KeyGroupRange} from '../../base/key-groups.ts';
import {must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import {BatchBuilder} from '../../records/batch-builder.ts';
import {dataTypeText} from '../../records/data-type.ts';
import type {Field} from '../../records/schema.ts';
import {ByteSink} from '../../state/canonical/byte-sink.ts';
import {decodeKey, encodeExact, encodeKey} from '../../state/canonical/key-codec.ts';
import type {StateShape} from '../../state/rows/state-shape.ts';
import {slicesOf} from '../../state/slices.ts';
import {ALL_KEYS, KeptRows, type Kept, type KeyPart} from './kept-rows.ts';
import {TableReader, type ReadTableOptions, type StateRows} from './read-states.ts';
import {RowJson} from './row-json.ts';
import {expiry} from './scan-state.ts';
import {filesOf, type StateTable} from './state-tables.ts';

/** Of the files of both sides that are compared at once; a key group that has more is compared alone. */
const SLICE_BYTES = 16 * 1024 * 1024;
/** Of rows in memory. Compressed files, and a key group that has more than the others, are larger there than a slice. */
const KEPT_BYTES = 128 * 1024 * 1024;

/** One state in one checkpoint: its tables, one for each subtask that has it; none: it is not there. */
export interface StateSide {
  readonly tables: readonly StateTable[];
  readonly place: Omit<ReadTableOptions, 'range'>;
}

export interface StateDiff {
  keysAdded: number;
  keysRemoved: number;
  /** Of keys that are on both sides: another value. */
  keysChanged: number;
  /** The columns are others: rows are compared in those that both have, and not at all when the key is another. */
  readonly schemaChanged: boolean;
  /** Some that differ: `rowsMax`, or all. */
  readonly rows: RowDiff[];
}

/** A row that differs; its JSON as `state scan` prints it, null on the side where it is not. */
export interface RowDiff {
  readonly change: 'added' | 'removed' | 'changed';
  readonly from: string | null;
  readonly to: string | null;
}

export interface DiffStatesOptions {
  readonly from: StateSide;
  readonly to: StateSide;
  /** Of rows that differ, how many are told. */
  readonly rowsMax: number;
  /** Bytes of files that are compared at once. */
  readonly sliceBytes?: number | undefined;
  /** Bytes of rows that are in memory at once. */
  readonly keptBytes?: number | undefined;
}

/** Errors of `readTable`; INCOMPATIBLE when the keys are spread over another number of key groups. */
export async function diffStates(options: DiffStatesOptions): Promise<StateDiff> {
  const {from, to, rowsMax, sliceBytes = SLICE_BYTES, keptBytes = KEPT_BYTES} = options;
  const tables = [...from.tables, ...to.tables];
  const {shape} = must(tables[0], 'a table of a state');
  const other = tables.find((table) => table.shape.maxParallelism !== shape.maxParallelism);
  if (other !== undefined) throw otherGroups(shape, other);
  const kept = new KeptRows(keptBytes);
  const comparison = new Comparison(from.tables[0] ?? null, to.tables[0] ?? null, {kept, rowsMax});
  const bytes = tables.flatMap(filesOf).reduce((sum, {length}) => sum + length, 0);
  const whole = {start: 0, end: shape.maxParallelism - 1};
  const [before, after] = [readersOf(from), readersOf(to)];
  for (const range of slicesOf(whole, Math.ceil(bytes / sliceBytes))) {
    const parts: KeyPart[] = [ALL_KEYS];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      kept.begin(part);
      await readSide(before, range, (row) => comparison.keep(row));
      await readSide(after, range, (row) => comparison.compare(row));
      comparison.endPass();
      parts.push(...kept.takeLeft());
    }
  }
  return comparison.diff;
}

function readersOf({tables, place}: StateSide): readonly TableReader[] {
  return tables.map((table) => new TableReader(table, place));
}

/** The row that a side is at; bytes as text, one character for each. No function is made for a row. */
class RowCursor {
  key = '';
  readonly #shape: StateShape;
  readonly #sink = new ByteSink();
  #rows: StateRows | null = null;
  #row = 0;

  constructor(shape: StateShape) {
    this.#shape = shape;
  }

  moveTo(rows: StateRows, row: number): void {
    const sink = this.#sink;
    this.#rows = rows;
    this.#row = row;
    sink.clear();
    encodeKey(this.#shape.spec.key, rows.key, row, sink);
    this.key = textOf(sink);
  }

  /** Of the values with these indices, in this order. */
  value(fields: readonly number[]): string {
    const [rows, row, sink] = [must(this.#rows, 'a row'), this.#row, this.#sink];
    const {values} = this.#shape;
    sink.clear();
    for (const index of fields) {
      encodeExact([values[index]!], [rows.values[index]!], row, sink);
    }
    return textOf(sink);
  }
}

async function readSide(
  readers: readonly TableReader[],
  range: KeyGroupRange,
  take: (row: RowCursor) => void,
): Promise<void> {
  for (const reader of readers) {
    const cursor = new RowCursor(reader.table.shape);
    for await (const rows of reader.rows(range)) {
      for (let row = 0; row < rows.rowCount; row += 1) {
        cursor.moveTo(rows, row);
        take(cursor);
      }
    }
  }
}

function textOf(sink: ByteSink): string {
  const {buffer, byteOffset, byteLength} = sink.written;
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

class Comparison {
  readonly diff: StateDiff;
  readonly #from: SideView | null;
  readonly #to: SideView | null;
  readonly #rowsMax: number;
  readonly #kept: KeptRows;
  /** The key has other columns: no key of one side is one of the other. */
  readonly #apart: boolean;

  constructor(
    from: StateTable | null,
    to: StateTable | null,
    {kept, rowsMax}: {readonly kept: KeptRows; readonly rowsMax: number},
  ) {
    const both = from !== null && to !== null;
    this.#apart = both && fieldsText(from.shape.spec.key) !== fieldsText(to.shape.spec.key);
    const changed = this.#apart || (both && valuesText(from.shape) !== valuesText(to.shape));
    this.diff = {keysAdded: 0, keysRemoved: 0, keysChanged: 0, schemaChanged: changed, rows: []};
    const common = both ? commonNames(from.shape, to.shape) : [];
    this.#from = from === null ? null : new SideView(from, common);
    this.#to = to === null ? null : new SideView(to, common);
    this.#kept = kept;
    this.#rowsMax = rowsMax;
  }

  /** A row of the first side. */
  keep(row: RowCursor): void {
    const {key} = row;
    if (!this.#kept.has(key)) return;
    const {common, rest} = must(this.#from, 'the first side');
    // What is not told need not be kept.
    const other = this.#tellsMore() ? row.value(rest) : '';
    this.#kept.keep(key, {common: row.value(common), rest: other});
  }

  /** A row of the other side, once those of the first side in its key groups are kept. */
  compare(row: RowCursor): void {
    const {key} = row;
    if (!this.#kept.has(key)) return;
    const view = must(this.#to, 'the other side');
    const kept = this.#apart ? null : this.#kept.take(key);
    const own = row.value(view.common);
    if (kept === null) {
      this.diff.keysAdded += 1;
      this.#tell(() => ({change: 'added', from: null, to: view.jsonOf(row)}));
      return;
    }
    if (kept.common === own) return;
    this.diff.keysChanged += 1;
    const before = must(this.#from, 'the first side');
    this.#tell(() => ({change: 'changed', from: before.json(key, kept), to: view.jsonOf(row)}));
  }

  /** What is kept has no counterpart. */
  endPass(): void {
    this.diff.keysRemoved += this.#kept.size;
    for (const [key, kept] of this.#kept.entries()) {
      if (!this.#tellsMore()) break;
      const view = must(this.#from, 'the first side');
      this.#tell(() => ({change: 'removed', from: view.json(key, kept), to: null}));
    }
  }

  #tell(row: () => RowDiff): void {
    if (this.#tellsMore()) this.diff.rows.push(row());
  }

  #tellsMore(): boolean {
    return this.diff.rows.length < this.#rowsMax;
  }
}

/** Which values of a side are compared, and its rows as JSON. */
class SideView {
  /** Indices of values: both sides have them, in an order that is the same on both; and the others. */
  readonly common: readonly number[];
  readonly rest: readonly number[];
  readonly #table: StateTable;

  constructor(table: StateTable, commonNames: readonly string[]) {
    const names = table.shape.values.map(({name}) => name);
    this.common = commonNames.map((name) => names.indexOf(name));
    this.rest = names.flatMap((name, index) => (commonNames.includes(name) ? [] : [index]));
    this.#table = table;
  }

  jsonOf(row: RowCursor): string {
    return this.json(row.key, {common: row.value(this.common), rest: row.value(this.rest)});
  }

  json(key: string, {common, rest}: Kept): string {
    const {spec, values} = this.#table.shape;
    const order = [...this.common, ...this.rest];
    const fields = [...spec.key, ...order.map((index) => values[index]!)];
    const builder = new BatchBuilder({fields});
    const bytes = Buffer.from(key + common + rest, 'latin1');
    if (!decodeKey(fields, bytes, builder, new ByteSink())) {
      throw new EngineError('UNEXPECTED', `a row of ${this.#table.state} cannot be told`);
    }
    const batch = builder.build();
    const keys = spec.key.length;
    const columns = [
      ...batch.columns.slice(0, keys),
      ...values.map((_, index) => batch.columns[keys + order.indexOf(index)]!),
    ];
    const rows = {
      ...{rowCount: 1, keyGroups: new Uint16Array(1), table: this.#table, path: '', offset: null},
      ...{key: columns.slice(0, keys), values: columns.slice(keys)},
    };
    const lines = new RowJson(this.#table).lines({...batch, columns}, expiry(rows, null));
    return new TextDecoder().decode(lines).trimEnd();
  }
}

function commonNames(from: StateShape, to: StateShape): readonly string[] {
  const others = new Set(to.values.map(fieldText));
  return from.values.filter((field) => others.has(fieldText(field))).map(({name}) => name);
}

function valuesText({values}: StateShape): string {
  return values.map(fieldText).sort().join();
}

function fieldsText(fields: readonly Field[]): string {
  return fields.map(fieldText).join();
}

function fieldText({name, type}: Field): string {
  return `${JSON.stringify(name)} ${dataTypeText(type)}`;
}

function otherGroups(
  {maxParallelism}: StateShape,
  {operator, state, shape}: StateTable,
): EngineError {
  return new EngineError(
    'INCOMPATIBLE',
    `${operator}.${state} has ${maxParallelism} key groups in one of them and ${shape.maxParallelism} in the other`,
    {hint: 'Keys are compared by key group: both need the same max-parallelism.'},
  );
}
