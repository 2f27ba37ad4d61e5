// Fills one column for a list of rows, each row's value a function of its number alone. The loops hold
// no closure and make no object per row; texts out of a small set are encoded once and shared by rows.

import {must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import {MAX_TEXT_MILLIS, MIN_TEXT_MILLIS} from '../../formats/time-text.ts';
import {columnLayout, type BytesColumn, type Column} from '../../records/column.ts';
import type {FieldPlan, Scalar} from './field-plan.ts';
import {randomStream, uniformAt, type RandomStream} from './random-stream.ts';
import {pick, weightedChoice, zipfWeights, type WeightedChoice} from './weighted-choice.ts';

/** Up to so many texts are encoded in advance. */
const MAX_SHARED_TEXTS = 1_000_000;

export interface ColumnFiller {
  /** The values of rows[0, count); the column is overwritten by the next call. */
  fill(rows: Float64Array, count: number): Column;
}

/** `column` keeps the random numbers of columns apart. */
export function columnFiller(plan: FieldPlan, seed: number, column: number): ColumnFiller {
  const stream = randomStream(seed, column);
  switch (plan.kind) {
    case 'choice': {
      const choice = weightedChoice(Float64Array.from(plan.weights));
      return new PickedFiller(plan, choice, stream, plan.values);
    }
    case 'constant': {
      const always = weightedChoice(Float64Array.of(1));
      return new PickedFiller(plan, always, stream, [plan.value]);
    }
    case 'zipf': {
      const choice = weightedChoice(zipfWeights(plan.ranks, plan.exponent));
      const {prefix} = plan;
      if (prefix !== null && plan.ranks <= MAX_SHARED_TEXTS) {
        const texts = Array.from({length: plan.ranks}, (_unused, index) => `${prefix}${index + 1}`);
        return new PickedFiller(plan, choice, stream, texts);
      }
      return numeric(plan, (rows, count, target) => {
        for (let row = 0; row < count; row += 1) {
          target[row] = pick(choice, uniformAt(stream, rows[row]!)) + 1;
        }
      });
    }
    case 'sequence':
      return numeric(
        plan,
        sequenceLoop(plan.start, plan.step, plan.type.kind === 'int', plan.name),
      );
    case 'uniform':
      return numeric(plan, uniformLoop(plan.min, plan.max, plan.whole, stream));
    case 'timestamp':
      return numeric(plan, timestampLoop(plan, stream));
  }
}

type NumberLoop = (rows: Float64Array, count: number, target: Float64Array | Int32Array) => void;

function sequenceLoop(start: number, step: number, narrow: boolean, name: string): NumberLoop {
  const limit = narrow ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
  return (rows, count, target) => {
    // Row numbers may come in any order after a restore; the greatest decides.
    let greatest = 0;
    for (let row = 0; row < count; row += 1) {
      const number = rows[row]!;
      if (number > greatest) greatest = number;
      target[row] = start + step * number;
    }
    checkRange(name, start + step * greatest, -limit, limit);
  };
}

function uniformLoop(min: number, max: number, whole: boolean, stream: RandomStream): NumberLoop {
  if (!whole) {
    return (rows, count, target) => {
      for (let row = 0; row < count; row += 1) {
        target[row] = min + uniformAt(stream, rows[row]!) * (max - min);
      }
    };
  }
  const span = max - min + 1;
  return (rows, count, target) => {
    for (let row = 0; row < count; row += 1) {
      target[row] = min + Math.floor(uniformAt(stream, rows[row]!) * span);
    }
  };
}

function timestampLoop(
  plan: Extract<FieldPlan, {kind: 'timestamp'}>,
  stream: RandomStream,
): NumberLoop {
  const {start, step, disorder, name} = plan;
  return (rows, count, target) => {
    let greatest = 0;
    for (let row = 0; row < count; row += 1) {
      const number = rows[row]!;
      if (number > greatest) greatest = number;
      target[row] = start + step * number;
    }
    checkRange(name, start + step * greatest, MIN_TEXT_MILLIS, MAX_TEXT_MILLIS);
    if (disorder === 0) return;
    for (let row = 0; row < count; row += 1) {
      target[row]! -= Math.floor(uniformAt(stream, rows[row]!) * (disorder + 1));
    }
  };
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new EngineError(
    'RECORD_FAILED',
    `generated column ${name} has left its range at ${value}`,
    {
      hint: `Values go from ${min} to ${max}: limit \`rows\`, or take a smaller \`step\`.`,
    },
  );
}

function numeric(plan: FieldPlan, loop: NumberLoop): ColumnFiller {
  return plan.prefix === null ? new NumberFiller(plan, loop) : new TextFiller(plan.prefix, loop);
}

class NumberFiller implements ColumnFiller {
  readonly #loop: NumberLoop;
  readonly #layout: 'int32' | 'float64' | 'int64';
  #int32 = new Int32Array(0);
  #float64 = new Float64Array(0);

  constructor(plan: FieldPlan, loop: NumberLoop) {
    const layout = columnLayout(plan.type);
    this.#layout = layout === 'int32' || layout === 'float64' ? layout : 'int64';
    this.#loop = loop;
  }

  fill(rows: Float64Array, count: number): Column {
    if (this.#layout === 'int32') {
      if (count > this.#int32.length) this.#int32 = new Int32Array(count);
      this.#loop(rows, count, this.#int32);
      return {layout: 'int32', values: this.#int32, nulls: null};
    }
    if (count > this.#float64.length) this.#float64 = new Float64Array(count);
    this.#loop(rows, count, this.#float64);
    if (this.#layout === 'float64') return {layout: 'float64', values: this.#float64, nulls: null};
    return {layout: 'int64', values: this.#float64, wide: null, nulls: null};
  }
}

/** A prefix and a whole number, written anew for each batch. */
class TextFiller implements ColumnFiller {
  readonly #prefix: Uint8Array;
  readonly #loop: NumberLoop;
  #numbers = new Float64Array(0);
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  #bytes = new Uint8Array(0);

  constructor(prefix: string, loop: NumberLoop) {
    this.#prefix = new TextEncoder().encode(prefix);
    this.#loop = loop;
  }

  fill(rows: Float64Array, count: number): Column {
    const prefix = this.#prefix;
    // A safe integer has at most 16 digits and a sign.
    const width = prefix.length + 17;
    if (count > this.#starts.length) {
      this.#numbers = new Float64Array(count);
      this.#starts = new Int32Array(count);
      this.#ends = new Int32Array(count);
      this.#bytes = new Uint8Array(count * width);
    }
    this.#loop(rows, count, this.#numbers);
    const bytes = this.#bytes;
    let end = 0;
    for (let row = 0; row < count; row += 1) {
      this.#starts[row] = end;
      for (let index = 0; index < prefix.length; index += 1) bytes[end + index] = prefix[index]!;
      end = writeWhole(bytes, end + prefix.length, this.#numbers[row]!);
      this.#ends[row] = end;
    }
    return {layout: 'bytes', bytes, starts: this.#starts, ends: this.#ends, nulls: null};
  }
}

/** Writes a safe integer in decimal digits; returns where they end. */
function writeWhole(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  if (rest < 0) {
    bytes[at] = 0x2d;
    at += 1;
    rest = -rest;
  }
  let end = at + 1;
  for (let bound = 10; rest >= bound; bound *= 10) end += 1;
  for (let index = end - 1; index >= at; index -= 1) {
    const next = Math.floor(rest / 10);
    bytes[index] = 0x30 + (rest - next * 10);
    rest = next;
  }
  return end;
}

/** Each row one of a fixed list of values. */
class PickedFiller implements ColumnFiller {
  readonly #choice: WeightedChoice;
  readonly #stream: RandomStream;
  readonly #values: readonly Scalar[];
  readonly #picked: PickedColumn;
  readonly #hasNull: boolean;
  #nulls = new Uint8Array(0);

  constructor(
    plan: FieldPlan,
    choice: WeightedChoice,
    stream: RandomStream,
    values: readonly Scalar[],
  ) {
    this.#choice = choice;
    this.#stream = stream;
    this.#values = values;
    this.#hasNull = values.includes(null);
    const layout = columnLayout(plan.type);
    this.#picked = layout === 'bytes' ? new PickedTexts(values) : new PickedNumbers(values, layout);
  }

  fill(rows: Float64Array, count: number): Column {
    const picked = this.#picked;
    picked.reserve(count);
    for (let row = 0; row < count; row += 1) {
      picked.set(row, pick(this.#choice, uniformAt(this.#stream, rows[row]!)));
    }
    return picked.column(this.#hasNull ? this.#pickNulls(rows, count) : null);
  }

  #pickNulls(rows: Float64Array, count: number): Uint8Array {
    if (count > this.#nulls.length) this.#nulls = new Uint8Array(count);
    for (let row = 0; row < count; row += 1) {
      const index = pick(this.#choice, uniformAt(this.#stream, rows[row]!));
      this.#nulls[row] = this.#values[index] === null ? 1 : 0;
    }
    return this.#nulls;
  }
}

interface PickedColumn {
  reserve(count: number): void;
  /** Row `row` has the value of that index. */
  set(row: number, index: number): void;
  column(nulls: Uint8Array | null): Column;
}

class PickedTexts implements PickedColumn {
  readonly #shared: BytesColumn;
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);

  constructor(values: readonly Scalar[]) {
    const texts = values.map((value) => Buffer.from(value === null ? '' : String(value)));
    const starts = new Int32Array(texts.length);
    const ends = new Int32Array(texts.length);
    let end = 0;
    texts.forEach((text, index) => {
      starts[index] = end;
      end += text.length;
      ends[index] = end;
    });
    this.#shared = {layout: 'bytes', bytes: Buffer.concat(texts), starts, ends, nulls: null};
  }

  reserve(count: number): void {
    if (count <= this.#starts.length) return;
    this.#starts = new Int32Array(count);
    this.#ends = new Int32Array(count);
  }

  set(row: number, index: number): void {
    this.#starts[row] = this.#shared.starts[index]!;
    this.#ends[row] = this.#shared.ends[index]!;
  }

  column(nulls: Uint8Array | null): Column {
    const {bytes} = this.#shared;
    return {layout: 'bytes', bytes, starts: this.#starts, ends: this.#ends, nulls};
  }
}

class PickedNumbers implements PickedColumn {
  readonly #layout: 'uint8' | 'float64' | 'int64';
  readonly #values: Float64Array;
  #numbers = new Float64Array(0);
  #flags = new Uint8Array(0);

  constructor(values: readonly Scalar[], layout: string) {
    this.#layout = layout === 'uint8' || layout === 'float64' ? layout : 'int64';
    this.#values = Float64Array.from(values, (value) => Number(value));
  }

  reserve(count: number): void {
    if (this.#layout === 'uint8') {
      if (count > this.#flags.length) this.#flags = new Uint8Array(count);
    } else if (count > this.#numbers.length) this.#numbers = new Float64Array(count);
  }

  set(row: number, index: number): void {
    const value = must(this.#values[index], 'picked value');
    if (this.#layout === 'uint8') this.#flags[row] = value;
    else this.#numbers[row] = value;
  }

  column(nulls: Uint8Array | null): Column {
    switch (this.#layout) {
      case 'uint8':
        return {layout: 'uint8', values: this.#flags, nulls};
      case 'float64':
        return {layout: 'float64', values: this.#numbers, nulls};
      case 'int64':
        return {layout: 'int64', values: this.#numbers, wide: null, nulls};
    }
  }
}
