// The shape of a record: the exact bytes before each value, white space and all, as they stood in one
// record. Producers write their records alike, so the next ones are read by comparing these bytes.

import type {JsonScanner} from './json-scanner.ts';
import {jsonKind} from './json-scanner.ts';
import type {PathNode} from './path-tree.ts';

interface ShapeStep {
  /** From the end of the last value (or the record's start) to the value. */
  readonly literal: Uint8Array;
  /** Columns that the value goes to; none: it is passed over. */
  readonly columns: readonly number[];
  /** Of the value in the learned record. */
  readonly kind: 'string' | 'number' | 'other';
}

export interface RecordShape {
  readonly steps: readonly ShapeStep[];
  /** Behind the last value: `}`. */
  readonly tail: Uint8Array;
  /** Wanted columns that such a record does not have. */
  readonly missing: readonly number[];
}

/** Beyond this, the program text would be too long for V8 to optimise. */
const MAX_STEPS = 100;

/** Learns from the object at `start`, which passed the scanner. Null: not a record to predict others by. */
export function learnShape(
  scanner: JsonScanner,
  tree: PathNode,
  start: number,
): RecordShape | null {
  const learner = new ShapeLearner(scanner, start);
  const end = learner.walk(start, tree);
  if (end < 0 || learner.steps.length === 0 || learner.steps.length > MAX_STEPS) return null;
  const present = new Set(learner.steps.flatMap((step) => step.columns));
  return {
    steps: learner.steps,
    tail: scanner.bytes.slice(learner.literalStart, end),
    missing: tree.below.filter((column) => !present.has(column)),
  };
}

class ShapeLearner {
  readonly steps: ShapeStep[] = [];
  literalStart: number;
  readonly #scanner: JsonScanner;

  constructor(scanner: JsonScanner, start: number) {
    this.#scanner = scanner;
    this.literalStart = start;
  }

  /** The end of the object, or -1 when it cannot be predicted by. */
  walk(start: number, node: PathNode): number {
    const scanner = this.#scanner;
    const {bytes} = scanner;
    const seen = new Set<PathNode>();
    let at = scanner.skipSpace(start + 1);
    if (bytes[at] === 0x7d) return at + 1;
    for (;;) {
      const keyEnd = scanner.closingQuote(at + 1);
      if (keyEnd < 0 || scanner.escaped) return -1;
      const child = node.find(bytes, at + 1, keyEnd, false);
      // Of equal keys the last one counts: nothing to do in place.
      if (child !== null && seen.has(child)) return -1;
      if (child !== null) seen.add(child);
      at = this.#value(scanner.skipColon(keyEnd + 1), child);
      if (at < 0 || this.steps.length > MAX_STEPS) return -1;
      at = scanner.skipSpace(at);
      if (bytes[at] === 0x7d) return at + 1;
      at = scanner.skipSpace(at + 1);
    }
  }

  #value(at: number, node: PathNode | null): number {
    const scanner = this.#scanner;
    if (node?.hasChildren === true) {
      // A path that goes on below needs an object here, and only that.
      const readable = node.columns.length === 0 && scanner.bytes[at] === 0x7b;
      return readable ? this.walk(at, node) : -1;
    }
    const end = scanner.skipValue(at);
    if (end < 0) return -1;
    const kind = jsonKind(scanner.bytes[at]!);
    this.steps.push({
      literal: scanner.bytes.slice(this.literalStart, at),
      columns: node?.columns ?? [],
      kind: kind === 'string' || kind === 'number' ? kind : 'other',
    });
    this.literalStart = end;
    return end;
  }
}
