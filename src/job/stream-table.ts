import {didYouMean} from './closest.ts';
import type {FindingList} from './finding.ts';
import {quoted} from './finding.ts';
import type {InputDescription} from './operator-spec.ts';
import type {Place} from './source-text.ts';
import type {YamlScalar} from './yaml-node.ts';

/**
 * The streams that steps and sinks may take as input, by name: of sources, planned steps and their
 * side outputs. Names that are spoken for without a stream yet (a step whose plan failed) are kept
 * apart, so that one mistake is reported once.
 */
export class StreamTable {
  readonly #findings: FindingList;
  readonly #streams = new Map<string, InputDescription>();
  readonly #taken = new Set<string>();
  /** Whatever a failed step may have given a name to. */
  readonly #failed = new Set<string>();

  constructor(findings: FindingList) {
    this.#findings = findings;
  }

  add(stream: InputDescription): void {
    this.#streams.set(stream.name, stream);
  }

  /** `name` would have been a stream, but its declaration is wrong and reported. */
  addFailed(name: string): void {
    this.#failed.add(name);
  }

  get(name: string): InputDescription | undefined {
    return this.#streams.get(name);
  }

  isFailed(name: string): boolean {
    return this.#failed.has(name);
  }

  isTaken(name: string): boolean {
    return this.#taken.has(name);
  }

  /** The stream as an input of `consumer`; undefined: there is none (reported, unless reported before). */
  take(name: string, node: YamlScalar, consumer: string): InputDescription | undefined {
    this.#taken.add(name);
    const stream = this.#streams.get(name);
    if (stream === undefined && !this.#failed.has(name)) this.refuseDangling(node, consumer);
    return stream;
  }

  refuseDangling(node: YamlScalar, consumer: string): void {
    const suggestion =
      node.segments === null
        ? didYouMean(String(node.value), [...this.#streams.keys(), ...this.#failed])
        : null;
    this.#findings.error(
      'input-unknown',
      node,
      `${consumer}: no source, step or side output is called ${quoted(node.written)}`,
      suggestion,
    );
  }
}

/** Names of sources, steps, sinks and side outputs, which all must differ. */
export class NameTable {
  readonly #findings: FindingList;
  readonly #places = new Map<string, {readonly what: string; readonly place: Place}>();

  constructor(findings: FindingList) {
    this.#findings = findings;
  }

  /** False: taken already (reported). */
  add(name: string, what: string, place: Place): boolean {
    const before = this.#places.get(name);
    if (before === undefined) {
      this.#places.set(name, {what, place});
      return true;
    }
    const position = before.place.origin.positionOf(before.place.start);
    const where = position === null ? '' : ` at ${position.line}:${position.column}`;
    this.#findings.error(
      'name-duplicate',
      place,
      `${what} ${quoted(name)}: ${before.what}${where} has this name`,
      'give every source, step, sink and side output a name of its own',
    );
    return false;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }
}
