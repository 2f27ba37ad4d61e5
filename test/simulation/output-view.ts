// The output as its readers see it: part files, each read once, because each is immutable.

import type {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {parsePart, type LineageFacts, type PartFacts} from './disk-facts.ts';
import {canonical, Expectation} from './expected.ts';
import type {InputRow, JobModel, SinkModel} from './job-model.ts';
import {Violation} from './scheduler.ts';

export interface Part extends PartFacts {
  readonly content: Buffer;
  readonly rows: readonly OutputRow[];
}

export interface OutputRow {
  /** Equal for equal rows. */
  readonly text: string;
  readonly key: string;
  readonly n: number;
}

export class OutputView {
  readonly #job: JobModel;
  readonly #expectation: Expectation;
  readonly #parts = new Map<string, Part>();
  /** By lineage and checkpoint of a drained stop: the rows that its windows and groups were flushed with. */
  readonly #drains = new Map<string, readonly InputRow[]>();

  constructor(job: JobModel) {
    this.#job = job;
    this.#expectation = new Expectation(job);
  }

  /** Checkpoint `id` flushed what it had, though its input was not at the end. */
  drained(lineage: string, id: number, input: readonly InputRow[]): void {
    this.#drains.set(`${lineage} ${id}`, input);
  }

  /** A part file that is visible: as it was when it was first seen, and whole. */
  see(disk: MemoryFileSystem, path: string): Part | null {
    const facts = parsePart(path);
    if (facts === null) return null;
    const content = disk.dataOf(path);
    const known = this.#parts.get(path);
    if (known !== undefined) {
      if (known.content !== content && !known.content.equals(content))
        throw new Violation(`${path} has changed`);
      return known;
    }
    const part = {...facts, content, rows: rowsOf(path, content)};
    this.#parts.set(path, part);
    return part;
  }

  /** Every visible part of a sink. */
  visible(disk: MemoryFileSystem, sink: SinkModel): readonly Part[] {
    return [sink.directory, sink.before].flatMap((directory) =>
      directory === null
        ? []
        : disk.namesIn(directory).flatMap((name) => this.see(disk, `${directory}/${name}`) ?? []),
    );
  }

  /** The parts that belong to the output of a lineage: its own, and of each ancestor those up to the branch. */
  logical(
    disk: MemoryFileSystem,
    sink: SinkModel,
    lineage: LineageFacts,
    through = Infinity,
  ): readonly Part[] {
    return this.visible(disk, sink)
      .filter((part) => part.checkpointId <= through && belongs(part, lineage))
      .sort((left, right) =>
        left.checkpointId === right.checkpointId
          ? left.order < right.order
            ? -1
            : 1
          : left.checkpointId - right.checkpointId,
      );
  }

  /** Nothing is there twice, and nothing that should never be there. */
  checkSound(disk: MemoryFileSystem, lineage: LineageFacts): void {
    for (const sink of this.#job.sinks) {
      const parts = this.logical(disk, sink, lineage);
      const rows = parts.flatMap((part) => part.rows);
      // At least once: a row may be there and be counted twice, but none comes out of nothing.
      if (this.#job.mode === 'at-least-once') {
        if (sink.kind === 'rows') checkKnown(sink, rows, this.#expectation.everything('rows'));
      } else if (sink.kind === 'on-checkpoint') checkGrowing(sink, rows);
      else {
        const drain = parts.map((part) => this.#drains.get(`${part.lineage} ${part.checkpointId}`));
        const flushed = drain.flatMap((input) =>
          input === undefined ? [] : this.#expectation.of(sink.kind, input),
        );
        const everything = this.#expectation.everything(sink.kind);
        checkWithin(
          sink,
          rows,
          flushed.length === 0 ? everything : new Set([...everything, ...flushed]),
        );
      }
    }
  }

  /**
   * Everything of the epochs up to checkpoint `through` is there: exactly what follows from the rows behind its
   * positions. `flushed`: steps whose windows, or groups that go out at the end, have all gone out.
   */
  checkComplete(
    disk: MemoryFileSystem,
    lineage: LineageFacts,
    upTo: {
      readonly through: number;
      readonly input: readonly InputRow[];
      readonly flushed: ReadonlySet<string>;
      readonly flushing: ReadonlySet<string>;
      readonly unaligned: boolean;
    },
  ): void {
    for (const sink of this.#job.sinks) {
      const parts = this.logical(disk, sink, lineage, upTo.through);
      const rows = parts.flatMap((part) => part.rows);
      const expected = this.#expectation.of(sink.kind, upTo.input);
      const what = `${sink.uid} at checkpoint ${upTo.through}`;
      if (this.#job.mode === 'at-least-once') checkEnough(what, sink, rows, expected);
      else if (upTo.unaligned) {
        // What is in flight is behind the positions and not in the output yet.
        if (sink.kind === 'rows') checkWithin(sink, rows, new Set(expected));
      } else if (sink.kind === 'rows') checkEqual(what, textsOf(rows), expected);
      else if (sink.kind === 'on-checkpoint') checkEqual(what, newestOfEach(rows), expected);
      else if (upTo.flushed.has(sink.kind)) checkEqual(what, textsOf(rows), expected);
      else if (sink.kind === 'at-end' && !upTo.flushing.has(sink.kind)) {
        checkEqual(what, textsOf(rows), []);
      }
    }
  }
}

export function belongs(part: PartFacts, {lineage, ancestors}: LineageFacts): boolean {
  if (part.lineage === lineage) return true;
  return ancestors.some(
    (ancestor) => ancestor.lineage === part.lineage && part.checkpointId <= ancestor.checkpointId,
  );
}

function rowsOf(path: string, content: Buffer): OutputRow[] {
  const text = content.toString();
  if (!text.endsWith('\n')) throw new Violation(`${path} is torn: no line break at its end`);
  try {
    return text
      .slice(0, -1)
      .split('\n')
      .map((line) => {
        const row = JSON.parse(line) as Record<string, unknown>;
        return {text: canonical(row), key: String(row['k']), n: Number(row['n'])};
      });
  } catch (error) {
    throw new Violation(`${path} is torn: ${String(error)}`);
  }
}

function textsOf(rows: readonly OutputRow[]): readonly string[] {
  return rows.map(({text}) => text);
}

function checkKnown(
  {uid}: SinkModel,
  rows: readonly OutputRow[],
  expected: ReadonlySet<string>,
): void {
  const unknown = rows.find(({text}) => !expected.has(text));
  if (unknown !== undefined) throw new Violation(`${uid}: a row out of nothing: ${unknown.text}`);
}

/** Every row is there, once or more often; of what is counted nothing is said. */
function checkEnough(
  what: string,
  {kind}: SinkModel,
  rows: readonly OutputRow[],
  expected: readonly string[],
): void {
  if (kind !== 'rows') return;
  const there = new Set(textsOf(rows));
  const missing = expected.filter((row) => !there.has(row));
  if (missing.length === 0) return;
  throw new Violation(
    `${what}: ${missing.length} rows are missing: ${missing.slice(0, 3).join('; ')}`,
  );
}

function checkWithin(
  {uid}: SinkModel,
  rows: readonly OutputRow[],
  expected: ReadonlySet<string>,
): void {
  const seen = new Set<string>();
  for (const {text} of rows) {
    if (!expected.has(text)) throw new Violation(`${uid}: a row should never be there: ${text}`);
    if (seen.has(text)) throw new Violation(`${uid}: a row is there twice: ${text}`);
    seen.add(text);
  }
}

function checkEqual(what: string, rows: readonly string[], expected: readonly string[]): void {
  const there = new Set(rows);
  const wanted = new Set(expected);
  const missing = expected.filter((row) => !there.has(row));
  const surplus = rows.filter((row) => !wanted.has(row));
  const doubled = rows.length - there.size;
  if (missing.length + surplus.length + doubled === 0) return;
  const samples = [
    ...missing.slice(0, 2).map((row) => `missing ${row}`),
    ...surplus.slice(0, 2).map((row) => `not expected ${row}`),
  ];
  throw new Violation(
    `${what}: of ${expected.length} rows ${missing.length} are missing, ${surplus.length} too many, ${doubled} doubled: ${samples.join('; ')}`,
  );
}

function newestOfEach(rows: readonly OutputRow[]): readonly string[] {
  return [...new Map(rows.map(({key, text}) => [key, text])).values()];
}

/** The count of a group only grows from one checkpoint to the next. */
function checkGrowing({uid}: SinkModel, rows: readonly OutputRow[]): void {
  const counts = new Map<string, number>();
  for (const {key, n} of rows) {
    if (n < (counts.get(key) ?? 0)) {
      throw new Violation(`${uid}: the count of group ${key} fell to ${n}`);
    }
    counts.set(key, n);
  }
}
