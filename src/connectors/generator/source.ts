// Rows are numbered 0, 1, 2, … over the whole source; split s of n has the rows s, s + n, s + 2n, …, and
// a subtask makes the rows of its splits in the order of their numbers. All values of a row follow from
// its number (random-stream.ts), so the position of a split is how many rows it has made.

import {must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {JsonValue} from '../../base/json.ts';
import type {StateHandle, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import type {SourceSpec} from '../../job/job-spec.ts';
import type {BatchOrigin} from '../../records/record-batch.ts';
import {fieldIndex} from '../../records/schema.ts';
import type {
  ConnectorContext,
  DeadLetter,
  SourceConnector,
  SourceReader,
  SourceStep,
} from '../connector.ts';
import {SplitWatermarks} from '../split-watermarks.ts';
import {numberOrNull, readStoredPosition} from '../stored-value.ts';
import {columnFiller, type ColumnFiller} from './column-filler.ts';
import {planFields} from './field-plan.ts';
import {RowOrder} from './row-order.ts';
import {generatorSpec} from './spec.ts';

/** Version of what `snapshot` writes. */
const POSITION_VERSION = 1;

export const generatorSource: SourceConnector = {
  spec: generatorSpec,
  create: (source, context) => new GeneratorReader(source, context),
  enumerate: async (source, {restored}) => {
    for (const stored of storedPositions(source.uid, restored)) requireSame(source, stored);
    return Promise.resolve(null);
  },
  describePosition(uid, subtasks) {
    const positions = storedPositions(uid, subtasks).flatMap((stored) => stored.positions);
    const rows = positions.reduce((sum, position) => sum + position.rows, 0);
    return positions.length === 0 ? [] : [`after ${rows} rows, from ${positions.length} splits`];
  },
};

class GeneratorReader implements SourceReader {
  readonly #source: SourceSpec;
  readonly #context: ConnectorContext;
  readonly #splitCount: number;
  readonly #seed: number;
  readonly #fillers: readonly ColumnFiller[];
  readonly #order: RowOrder;
  readonly #watermarks: SplitWatermarks;
  /** Column of the event time; -1: none. */
  readonly #timeColumn: number;
  readonly #origin: BatchOrigin;
  /** Slot in the watermarks by split; -1: not ours. */
  readonly #slotOfSplit: Int32Array;
  #rows = new Float64Array(0);
  #splits = new Int32Array(0);
  #slots = new Int32Array(0);
  #rowWatermarks = new Float64Array(0);

  constructor(source: SourceSpec, context: ConnectorContext) {
    const {options, schema, watermark, uid} = source;
    this.#source = source;
    this.#context = context;
    this.#splitCount = options['splits'] as number;
    this.#seed = options['seed'] as number;
    // A column's random numbers follow from its place among all fields, used by the job or not.
    const plans = planFields(options['fields'], () => undefined);
    this.#fillers = schema.fields.map(({name}) => {
      const index = plans.findIndex((plan) => plan.name === name);
      return columnFiller(must(plans[index], `generator field ${name}`), this.#seed, index);
    });
    this.#slotOfSplit = new Int32Array(this.#splitCount).fill(-1);
    const rowCount = (options['rows'] ?? Infinity) as number;
    this.#order = new RowOrder(this.#splitCount, rowCount);
    this.#watermarks = new SplitWatermarks({
      maxOutOfOrdernessMillis: watermark?.maxOutOfOrdernessMillis ?? 0,
      ordered: false,
    });
    this.#timeColumn = watermark === null ? -1 : fieldIndex(schema, watermark.column);
    this.#origin = {
      describe: (row) => {
        const number = must(this.#rows[row], 'row of the batch');
        return `${uid}: generated row ${number + 1} (split ${this.#splits[row] ?? '?'})`;
      },
    };
  }

  async open(): Promise<void> {
    const positions = this.#restore();
    const own = [];
    for (let split = 0; split < this.#splitCount; split += 1) {
      if (split % this.#context.parallelism === this.#context.subtask) own.push(split);
    }
    this.#watermarks.expect(own.length);
    for (const split of own) {
      const {rowsMade, greatest} = positions.get(split) ?? {rowsMade: 0, greatest: null};
      this.#slotOfSplit[split] = this.#watermarks.open(greatest ?? -Infinity);
      this.#order.add(split, rowsMade);
    }
    return Promise.resolve();
  }

  poll(maxRows: number): SourceStep {
    if (maxRows > this.#rows.length) this.#grow(maxRows);
    const count = this.#order.take(this.#rows, this.#splits, maxRows);
    if (count === 0) {
      this.#watermarks.end();
      return {kind: 'ended'};
    }
    const columns = this.#fillers.map((filler) => filler.fill(this.#rows, count));
    let watermarks: Float64Array | null = null;
    const times = columns[this.#timeColumn];
    if (times?.layout === 'float64') {
      watermarks = this.#rowWatermarks;
      this.#findSlots(count);
      this.#watermarks.advanceInterleaved(this.#slots, times.values, count, watermarks);
    }
    this.#context.metrics.source(this.#source.uid).recordsIn += count;
    const batch = {
      schema: this.#source.schema,
      rowCount: count,
      columns,
      selection: null,
      selectedCount: count,
      watermarks,
      origin: this.#origin,
    };
    return {kind: 'batch', batch};
  }

  async available(): Promise<void> {
    return Promise.resolve();
  }

  watermark(): number {
    return this.#watermarks.current;
  }

  idle(): boolean {
    return false;
  }

  takeDeadLetters(): readonly DeadLetter[] {
    return [];
  }

  snapshot(): readonly StateHandle[] {
    const positions: JsonValue[] = [];
    this.#slotOfSplit.forEach((slot, split) => {
      if (slot === -1) return;
      const greatest = this.#watermarks.greatest(slot);
      const known = Number.isFinite(greatest) ? greatest : null;
      positions.push({split, rows: this.#order.rowsMade(split), greatest_timestamp: known});
    });
    const {current} = this.#watermarks;
    const value: JsonValue = {
      seed: this.#seed,
      splits: this.#splitCount,
      watermark: Number.isFinite(current) ? current : null,
      positions,
    };
    return [
      {location: 'inline', name: 'splits', kind: 'position', codecVersion: POSITION_VERSION, value},
    ];
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  #restore(): Map<number, {rowsMade: number; greatest: number | null}> {
    const positions = new Map<number, {rowsMade: number; greatest: number | null}>();
    let watermark = Infinity;
    for (const stored of storedPositions(this.#source.uid, this.#context.restored)) {
      requireSame(this.#source, stored);
      watermark = Math.min(watermark, stored.watermark ?? -Infinity);
      for (const {split, rows, greatest_timestamp} of stored.positions) {
        positions.set(split, {rowsMade: rows, greatest: greatest_timestamp});
      }
    }
    if (watermark !== Infinity) this.#watermarks.restore(watermark);
    return positions;
  }

  #findSlots(count: number): void {
    for (let row = 0; row < count; row += 1) {
      this.#slots[row] = this.#slotOfSplit[this.#splits[row]!]!;
    }
  }

  #grow(maxRows: number): void {
    this.#rows = new Float64Array(maxRows);
    this.#splits = new Int32Array(maxRows);
    this.#slots = new Int32Array(maxRows);
    this.#rowWatermarks = new Float64Array(maxRows);
  }
}

/** The rows of a split follow from both. */
function requireSame({uid, options}: SourceSpec, stored: StoredPosition): void {
  for (const option of ['seed', 'splits'] as const) {
    const given = options[option] as number;
    if (stored[option] === given) continue;
    const message = `${uid}: \`${option}\` is ${given}, but the checkpoint is a position with ${stored[option]}`;
    throw new EngineError('INCOMPATIBLE', message, {
      hint: `Set \`${option}: ${stored[option]}\` again, or start with --fresh.`,
    });
  }
}

function storedPositions(uid: string, subtasks: readonly SubtaskMetadata[]): StoredPosition[] {
  return subtasks.flatMap(({states}) => states.map((state) => readPosition(state, uid)));
}

interface StoredPosition {
  readonly seed: number;
  readonly splits: number;
  readonly watermark: number | null;
  readonly positions: readonly {
    readonly split: number;
    readonly rows: number;
    readonly greatest_timestamp: number | null;
  }[];
}

function readPosition(state: StateHandle, uid: string): StoredPosition {
  const expected = {uid, version: POSITION_VERSION, of: 'a generator'};
  return readStoredPosition(state, expected, (fields) => ({
    seed: fields.count('seed', Number.MIN_SAFE_INTEGER),
    splits: fields.count('splits', 1),
    watermark: numberOrNull(fields, 'watermark'),
    positions: fields.objects('positions', fields.count('splits', 1), (position) => ({
      split: position.count('split'),
      rows: position.count('rows'),
      greatest_timestamp: numberOrNull(position, 'greatest_timestamp'),
    })),
  }));
}
