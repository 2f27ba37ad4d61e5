// What one call of `decode` works on, for every format: the padded buffer, the columns, the row under
// way, and the bad records found.

import type {SourceColumn} from '../job/schema-column.ts';
import type {Schema} from '../records/schema.ts';
import {SideSpace} from './column-store.ts';
import {ColumnWriter} from './column-writer.ts';
import {DECODE_PADDING, type BadRecord, type DecodedRows} from './decoder.ts';

const LINE_BREAK = 0x0a;

export class DecodeFrame {
  readonly schema: Schema;
  readonly side = new SideSpace();
  readonly writers: readonly ColumnWriter[];
  /** The caller's bytes with NUL behind `end`. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  start = 0;
  end = 0;
  atEnd = false;
  /** There is no whole line. */
  isCut = false;
  maxRows = 0;
  /** Start of what is not decoded yet. */
  position = 0;
  /** Rows made. */
  row = 0;
  rowStarts = new Int32Array(0);
  badRecords: BadRecord[] = [];
  /** 1-based line of `position`. */
  line = 1;
  #lineAtStart = 1;
  readonly #saved = new Uint8Array(DECODE_PADDING);

  constructor(wanted: readonly SourceColumn[]) {
    this.schema = {fields: wanted.map(({name, type}) => ({name, type}))};
    this.writers = wanted.map((column) => new ColumnWriter(column, this.side));
  }

  /** Forgets the input before. `line`: the 1-based number of the next one's first line. */
  restart(line: number): void {
    this.line = line;
    this.badRecords = [];
  }

  /** No further record may be decoded in this call. */
  get full(): boolean {
    return this.row + this.badRecords.length >= this.maxRows;
  }

  /** Rows that may still be made, counted from 0. */
  get rowLimit(): number {
    return this.maxRows - this.badRecords.length;
  }

  begin(buffer: Uint8Array, start: number, end: number, atEnd: boolean, maxRows: number): void {
    let bytes = buffer;
    if (buffer.length < end + DECODE_PADDING) {
      bytes = new Uint8Array(end + DECODE_PADDING);
      bytes.set(buffer.subarray(start, end), start);
    }
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#endAt(end);
    this.start = start;
    this.atEnd = atEnd;
    this.isCut = false;
    this.maxRows = maxRows;
    this.position = start;
    this.row = 0;
    this.badRecords = [];
    this.#lineAtStart = this.line;
    this.side.begin(end);
    if (this.rowStarts.length < maxRows) this.rowStarts = new Int32Array(maxRows);
    for (const writer of this.writers) writer.store.begin(maxRows);
  }

  /**
   * More will come: the line that is cut at the end is not looked at, unless there is no other (`isCut`). Generated code
   * that runs into such an end asks for help at ever other places, for each of which V8 compiles it once more.
   */
  leaveCutLine(): void {
    const last = this.bytes.lastIndexOf(LINE_BREAK, this.end - 1);
    this.isCut = last < this.start;
    if (this.isCut) return;
    this.release();
    this.#endAt(last + 1);
  }

  /** NUL from here on. */
  #endAt(end: number): void {
    this.end = end;
    this.#saved.set(this.bytes.subarray(end, end + DECODE_PADDING));
    this.bytes.fill(0, end, end + DECODE_PADDING);
  }

  /** Gives the caller its bytes back; also after a failure. */
  release(): void {
    this.bytes.set(this.#saved, this.end);
  }

  /** `needsMore`: the decoder stopped although it might have made more rows. */
  finish(needsMore: boolean): DecodedRows {
    const bytes = this.side.finish(this.bytes, this.start, this.position);
    return {
      rowCount: this.row,
      columns: this.writers.map((writer) => writer.store.build(this.row, bytes)),
      rowStarts: this.rowStarts,
      badRecords: this.badRecords,
      nextOffset: this.position,
      needsMore,
    };
  }

  /** Takes the row under way. */
  acceptRow(recordStart: number): void {
    this.rowStarts[this.row] = recordStart;
    this.row += 1;
  }

  reject(offset: number, end: number, reason: string, fatal = false): void {
    this.badRecords.push({
      offset,
      length: end - offset,
      line: this.line,
      reason,
      rowsBefore: this.row,
      fatal,
    });
    // The next record uses the same row.
    for (const writer of this.writers) writer.store.nulls[this.row] = 0;
  }

  lineAt(offset: number): number {
    return this.#lineAtStart + countLineBreaks(this.bytes, this.start, offset);
  }
}

export function tooLong(maxRecordSize: number): string {
  return `longer than max-record-size (${maxRecordSize} bytes)`;
}

export function countLineBreaks(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_BREAK, start); at >= 0 && at < end;) {
    count += 1;
    at = bytes.indexOf(LINE_BREAK, at + 1);
  }
  return count;
}

/** The first line break in bytes[start, end), or -1. */
export function findLineBreak(bytes: Uint8Array, start: number, end: number): number {
  const at = bytes.indexOf(LINE_BREAK, start);
  return at < end ? at : -1;
}
