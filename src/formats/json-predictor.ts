import type {ColumnWriter} from './column-writer.ts';
import {compileFastPath, type FastPath, type FastPathOptions} from './json-fast-path.ts';
import {learnShape, type RecordShape} from './json-shape.ts';
import type {JsonRecordReader} from './json-record-reader.ts';

/** Misses after which the second shape is learned; each further one waits twice as long. */
const FIRST_PATIENCE = 16;
const MAX_PATIENCE = 1 << 20;

/** Shapes that are tried in turn: records with and without an optional member take one each. */
const MAX_SHAPES = 3;

/** Keeps fast paths for the shapes that records have at present, and learns further ones when they miss. */
export class JsonPredictor {
  /** Empty before the first record. */
  readonly fastPaths: FastPath[] = [];
  /** The one that fitted last. */
  current = 0;
  readonly #reader: JsonRecordReader;
  readonly #options: Omit<FastPathOptions, 'shape'>;
  readonly #shapeTexts: string[] = [];
  #replaced = 0;
  #patience = 0;
  #misses = 0;
  #hits = 0;

  constructor(
    reader: JsonRecordReader,
    writers: readonly ColumnWriter[],
    separator: 'line-break' | 'comma',
    maxRecordSize: number,
  ) {
    this.#reader = reader;
    this.#options = {
      writers,
      slow: reader.slow,
      skip: (at) => reader.scanner.skipValue(at),
      separator,
      maxRecordSize,
    };
  }

  /** The next record is not of the current shape: perhaps of the next one. */
  next(): void {
    this.current = this.current + 1 < this.fastPaths.length ? this.current + 1 : 0;
  }

  hit(rows: number): void {
    this.#hits += rows;
  }

  /** The record at `start` was read by the record reader and is a row. */
  miss(start: number): void {
    this.#misses += 1;
    if (this.#misses <= this.#patience || this.#misses * 4 < this.#hits) return;
    this.#patience = Math.min(MAX_PATIENCE, Math.max(FIRST_PATIENCE, this.#patience * 2));
    this.#misses = 0;
    this.#hits = 0;
    const shape = learnShape(this.#reader.scanner, this.#reader.tree, start);
    if (shape === null || this.#shapeTexts.includes(shapeText(shape))) return;
    const slot =
      this.fastPaths.length < MAX_SHAPES ? this.fastPaths.length : this.#replaced++ % MAX_SHAPES;
    this.#shapeTexts[slot] = shapeText(shape);
    this.fastPaths[slot] = compileFastPath({...this.#options, shape});
    this.current = slot;
  }
}

function shapeText(shape: RecordShape): string {
  return JSON.stringify(shape.steps.map((step) => [String(step.literal), step.kind]));
}
