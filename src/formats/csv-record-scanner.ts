// Divides CSV text into records and fields, as RFC 4180 says, and a little wider: a line ends with LF or
// CRLF, and a quote inside an unquoted field is a character like others.

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

type ScanResult =
  | 'record'
  /** The record is not all here. */
  | 'incomplete'
  /** `problem` says why; `nextRecord` is behind the next line break. */
  | 'bad';

/** How a field stands in the text. */
export const UNQUOTED = 0;
const QUOTED = 1;
/** Quoted, with doubled quotes inside. */
export const DOUBLED = 2;

export class CsvRecordScanner {
  fieldCount = 0;
  /** Of each field, without its quotes. */
  starts = new Int32Array(16);
  ends = new Int32Array(16);
  quoting = new Uint8Array(16);
  /** Where the record ends, without its line break. */
  recordEnd = 0;
  nextRecord = 0;
  problem = '';
  readonly #delimiter: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #atEnd = false;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  scan(bytes: Uint8Array, start: number, end: number, atEnd: boolean): ScanResult {
    this.#bytes = bytes;
    this.#end = end;
    this.#atEnd = atEnd;
    this.fieldCount = 0;
    let at = start;
    for (;;) {
      at = bytes[at] === QUOTE && at < end ? this.#quotedField(at + 1) : this.#plainField(at);
      if (at === INCOMPLETE) return 'incomplete';
      if (at < 0) return this.#skipBad(~at);
      this.recordEnd = at;
      const lineEnd = this.#lineEnd(at);
      if (lineEnd >= 0) {
        this.nextRecord = lineEnd;
        return 'record';
      }
      at += 1;
    }
  }

  /** The position behind the line break at `at` (or the end of input); -1 when there is none. */
  #lineEnd(at: number): number {
    if (at >= this.#end) return this.#end;
    if (this.#bytes[at] === LINE_FEED) return at + 1;
    if (this.#bytes[at] !== CARRIAGE_RETURN) return -1;
    if (at + 1 === this.#end) return this.#end;
    return this.#bytes[at + 1] === LINE_FEED ? at + 2 : -1;
  }

  #plainField(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    for (; at < this.#end; at += 1) {
      const byte = bytes[at];
      if (byte === this.#delimiter || byte === LINE_FEED) break;
      if (byte === CARRIAGE_RETURN) {
        if (at + 1 === this.#end && !this.#atEnd) return INCOMPLETE;
        if (this.#lineEnd(at) >= 0) break;
      }
    }
    if (at === this.#end && !this.#atEnd) return INCOMPLETE;
    this.#addField(start, at, UNQUOTED);
    return at;
  }

  /** `start` is behind the opening quote. */
  #quotedField(start: number): number {
    const bytes = this.#bytes;
    let quoting = QUOTED;
    let at = start;
    for (;;) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0 || at >= this.#end) return this.#unclosed(start);
      if (bytes[at + 1] !== QUOTE || at + 1 >= this.#end) break;
      quoting = DOUBLED;
      at += 2;
    }
    const next = at + 1;
    // What follows the quote decides: another quote, a line feed behind a carriage return.
    const needed = bytes[next] === CARRIAGE_RETURN ? next + 2 : next + 1;
    if (needed > this.#end && !this.#atEnd) return INCOMPLETE;
    this.#addField(start, at, quoting);
    if (next < this.#end && bytes[next] !== this.#delimiter && this.#lineEnd(next) < 0) {
      this.problem = 'there is text behind a closing quote';
      return ~next;
    }
    return next;
  }

  #unclosed(start: number): number {
    if (!this.#atEnd) return INCOMPLETE;
    this.problem = 'a quoted field is not closed';
    return ~Math.max(start, this.#end - 1);
  }

  #skipBad(failedAt: number): 'bad' | 'incomplete' {
    const lineBreak = this.#bytes.indexOf(LINE_FEED, failedAt);
    const found = lineBreak >= 0 && lineBreak < this.#end;
    if (!found && !this.#atEnd) return 'incomplete';
    this.recordEnd = found ? lineBreak : this.#end;
    this.nextRecord = found ? lineBreak + 1 : this.#end;
    return 'bad';
  }

  #addField(start: number, end: number, quoting: number): void {
    const index = this.fieldCount;
    if (index === this.starts.length) this.#grow();
    this.starts[index] = start;
    this.ends[index] = end;
    this.quoting[index] = quoting;
    this.fieldCount = index + 1;
  }

  #grow(): void {
    const size = this.starts.length * 2;
    const starts = new Int32Array(size);
    const ends = new Int32Array(size);
    const quoting = new Uint8Array(size);
    starts.set(this.starts);
    ends.set(this.ends);
    quoting.set(this.quoting);
    this.starts = starts;
    this.ends = ends;
    this.quoting = quoting;
  }
}

/** Positions are ≥ 0 and failures ~position; this is neither. */
const INCOMPLETE = -2_147_483_648;
