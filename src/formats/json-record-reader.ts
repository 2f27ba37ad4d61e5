// Reads a record whatever its order of keys, white space and escapes: what the fast path leaves. Walks
// the object with the scanner; at a wanted key it reads the value into its column(s). As in JSON.parse,
// the last of several equal keys counts, with its whole value.

import {code, name} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import type {SideSpace} from './column-store.ts';
import {quote, shorten, type ColumnWriter} from './column-writer.ts';
import {jsonKind, type JsonScanner} from './json-scanner.ts';
import {unescapeString} from './json-unescape.ts';
import {asciiText} from './number-text.ts';
import {PathNode} from './path-tree.ts';
import {arraysCode, readCode, readerConstants, type SlowReaders} from './read-code.ts';

type ValueReader = (bytes: Uint8Array, view: DataView, at: number, row: number) => number;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LETTER_N = 0x6e;

export class JsonRecordReader {
  readonly scanner: JsonScanner;
  readonly tree: PathNode;
  /** For generated code: values of a column that are not in the common form. */
  readonly slow: readonly SlowReaders[];
  readonly #writers: readonly ColumnWriter[];
  readonly #side: SideSpace;
  readonly #readers: readonly ValueReader[];
  /** Per column, why its last value does not fit; null when it does. */
  readonly #faults: (string | null)[];
  #faultCount = 0;
  #row = 0;

  constructor(scanner: JsonScanner, writers: readonly ColumnWriter[], side: SideSpace) {
    this.scanner = scanner;
    this.tree = PathNode.of(writers.map((writer) => writer.column.path));
    this.#writers = writers;
    this.#side = side;
    this.#faults = writers.map(() => null);
    this.slow = writers.map((writer) => ({
      number: (at, row) => this.#slowNumber(writer, at, row),
      string: (at, row) => this.#slowString(writer, at, row),
    }));
    this.#readers = writers.map((writer, index) =>
      compile<ValueReader>(
        'readJsonValue',
        [name('b'), name('v'), name('p'), name('row')],
        code`${arraysCode(index, writer)}
record: {
  ${readCode(index, writer)}
  return p;
}
return -1;`,
        readerConstants(index, writer, this.slow[index]!),
      ),
    );
  }

  /** Reads the object at `start` into `row`; returns its end, or -1 for a syntax error (see the scanner). */
  readObject(start: number, row: number): number {
    this.#row = row;
    this.#forget(this.tree.below);
    return this.#readMembers(start, this.tree);
  }

  /** Why the record that was read last is bad; null when all its values fit. */
  fault(): string | null {
    if (this.#faultCount === 0) return null;
    return this.#faults.find((fault) => fault !== null) ?? null;
  }

  /** Takes back what a bad record left: the next record uses the same row. */
  discardRow(row: number): void {
    for (const writer of this.#writers) writer.store.nulls[row] = 0;
  }

  #readMembers(start: number, node: PathNode): number {
    const {scanner} = this;
    const {bytes} = scanner;
    let at = scanner.skipSpace(start + 1);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    for (;;) {
      if (bytes[at] !== QUOTE) return scanner.fail(at);
      const keyEnd = scanner.closingQuote(at + 1);
      if (keyEnd < 0) return -1;
      const child = node.find(bytes, at + 1, keyEnd, scanner.escaped);
      at = scanner.skipColon(keyEnd + 1);
      if (at < 0) return -1;
      at = child === null ? scanner.skipValue(at) : this.#readNode(at, child);
      if (at < 0) return -1;
      at = scanner.skipSpace(at);
      if (bytes[at] === CLOSE_BRACE) return at + 1;
      if (bytes[at] !== COMMA) return scanner.fail(at);
      at = scanner.skipSpace(at + 1);
    }
  }

  #readNode(start: number, node: PathNode): number {
    this.#forget(node.below);
    let end = start;
    for (const index of node.columns) {
      end = this.#readColumn(start, index);
      if (end < 0) return -1;
    }
    if (!node.hasChildren) return end;
    const first = this.scanner.bytes[start]!;
    if (first === OPEN_BRACE) return this.#readMembers(start, node);
    end = this.scanner.skipValue(start);
    if (end >= 0 && first !== LETTER_N) {
      for (const index of node.inner) {
        const {column} = this.#writers[index]!;
        this.#setFault(
          index,
          `column ${column.name}: expected an object on the way to ${column.path.join('.')}, ` +
            `found ${this.#shown(start, end)}`,
        );
      }
    }
    return end;
  }

  /** The columns become NULL until they are read (again). */
  #forget(columns: readonly number[]): void {
    for (const index of columns) {
      this.#writers[index]!.store.nulls[this.#row] = 1;
      this.#setFault(index, null);
    }
  }

  #setFault(index: number, fault: string | null): void {
    const before = this.#faults[index] ?? null;
    if (before === null && fault !== null) this.#faultCount += 1;
    if (before !== null && fault === null) this.#faultCount -= 1;
    this.#faults[index] = fault;
  }

  #readColumn(start: number, index: number): number {
    const writer = this.#writers[index]!;
    const {scanner} = this;
    writer.store.nulls[this.#row] = 0;
    const quick = this.#readers[index]!(scanner.bytes, scanner.view, start, this.#row);
    if (quick >= 0) return quick;
    const end = scanner.skipValue(start);
    if (end < 0) return -1;
    const why = this.#writeValue(writer, start, end);
    if (why !== null) this.#setFault(index, `${writer.expectation}, ${why}`);
    return end;
  }

  /** A value that passed the scanner. Returns why it does not fit, or null. */
  #writeValue(writer: ColumnWriter, start: number, end: number): string | null {
    const {bytes} = this.scanner;
    const kind = jsonKind(bytes[start]!);
    if (kind === 'number' && writer.form === 'number') {
      return writer.writeNumber(bytes, start, end, this.#row);
    }
    const takesText = writer.form === 'text' || writer.column.type.kind === 'double';
    if (kind === 'string' && takesText) {
      this.scanner.closingQuote(start + 1);
      return this.#writeString(writer, start + 1, end - 1);
    }
    return `found ${this.#shown(start, end)}`;
  }

  /** The string that `closingQuote` passed last. */
  #writeString(writer: ColumnWriter, start: number, end: number): string | null {
    const {bytes, escaped} = this.scanner;
    if (!escaped) return writer.writeText(bytes, start, end, this.#row);
    const first = unescapeString(bytes, start, end, this.#side);
    if (first < 0) return 'found a surrogate escape without its other half, or ill-formed UTF-8';
    return writer.writeText(this.#side.bytes, first, this.#side.used, this.#row);
  }

  #slowNumber(writer: ColumnWriter, at: number, row: number): number {
    const end = this.scanner.skipScalar(at);
    if (end < 0) return -1;
    return writer.writeNumber(this.scanner.bytes, at, end, row) === null ? end : -1;
  }

  #slowString(writer: ColumnWriter, at: number, row: number): number {
    this.#row = row;
    const end = this.scanner.closingQuote(at);
    if (end < 0) return -1;
    return this.#writeString(writer, at, end) === null ? end + 1 : -1;
  }

  #shown(start: number, end: number): string {
    const {bytes} = this.scanner;
    const kind = jsonKind(bytes[start]!);
    if (kind === 'string') return `string ${quote(bytes, start + 1, end - 1)}`;
    if (kind === 'number') return `number ${shorten(asciiText(bytes, start, end))}`;
    return kind === 'array' || kind === 'object' ? `an ${kind}` : kind;
  }
}
