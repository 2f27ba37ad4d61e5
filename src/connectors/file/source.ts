// Reads files one after another, in the order of their names. A bounded source shares its files out among
// the subtasks, one at a time (split-plan.ts); one that watches reads those that are its own. Everything that waits runs in the
// background (opening, reading ahead, looking for new files) and rings `available`; `poll` only decodes
// what is there.

import {resolve} from 'node:path';
import {must} from '../../base/assert.ts';
import type {StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import type {DecodedRows, RecordDecoder} from '../../formats/decoder.ts';
import type {SourceSpec} from '../../job/job-spec.ts';
import type {SourceMetrics} from '../../metrics/job-metrics.ts';
import type {BatchOrigin, RecordBatch} from '../../records/record-batch.ts';
import {fieldIndex} from '../../records/schema.ts';
import type {
  ConnectorContext,
  DeadLetter,
  SourceConnector,
  SourceReader,
  SourceStep,
} from '../connector.ts';
import {SplitWatermarks} from '../split-watermarks.ts';
import {BlockBuffers} from './block-reader.ts';
import {planSplits, splitPlace} from './enumerate-splits.ts';
import {SharedSplitQueue} from './shared-split-queue.ts';
import {splitDecoder} from './split-decoder.ts';
import {fileSourceSpec} from './source-spec.ts';
import type {SplitQueue} from './split-queue.ts';
import {openSplitReader, type SplitReader} from './split-reader.ts';
import {describeFilePosition} from './describe-position.ts';
import {planJson, positionState, type UnfinishedSplit} from './split.ts';
import {WatchedSplitQueue} from './watched-split-queue.ts';
import {BadRecords} from './bad-records.ts';
import {Bell} from './bell.ts';
import {FileWatch} from './file-watch.ts';

export const fileSource: SourceConnector = {
  spec: fileSourceSpec,
  create: (source, context) => new FileReader(source, context),
  enumerate: async (source, context) => {
    if (!source.bounded) return null;
    const patterns = patternsOf(source, context.jobDirectory);
    return planJson(await planSplits({context, patterns, ordered: isOrdered(source)}));
  },
  describePosition: describeFilePosition,
};

function patternsOf({options}: SourceSpec, jobDirectory: string): readonly string[] {
  const path = options['path'] as string | readonly string[];
  return (typeof path === 'string' ? [path] : path).map((each) => resolve(jobDirectory, each));
}

function isOrdered({options}: SourceSpec): boolean {
  return options['ordered'] === true;
}

/** The split that is read. */
interface OpenSplit {
  readonly reader: SplitReader;
  /** Of its watermark. */
  readonly slot: number;
}

class FileReader implements SourceReader {
  readonly #source: SourceSpec;
  readonly #context: ConnectorContext;
  readonly #queue: SplitQueue;
  readonly #watch: FileWatch | null;
  readonly #watermarks: SplitWatermarks;
  readonly #badRecords: BadRecords;
  readonly #metrics: SourceMetrics;
  readonly #buffers = new BlockBuffers();
  /** Of the current split. */
  readonly #decoder: RecordDecoder;
  readonly #bell = new Bell();
  /** Column of the event time; -1: none. */
  readonly #timeColumn: number;
  readonly #origin: BatchOrigin;
  #rowWatermarks = new Float64Array(0);
  #current: OpenSplit | null = null;
  /** The split that comes after the current one; opened while that one is read to its end. */
  #coming: UnfinishedSplit | null = null;
  #opened: SplitReader | null = null;
  #opening: Promise<void> = Promise.resolve();
  /** Why it could not be opened: thrown when its turn has come. */
  #openFailure: unknown = null;
  /** Row starts of the last batch. */
  #rowStarts: Int32Array = new Int32Array(0);
  #lastRowMillis: number;
  #failure: unknown = null;
  #closed = false;

  constructor(source: SourceSpec, context: ConnectorContext) {
    const {options, watermark, bounded, uid} = source;
    this.#source = source;
    this.#context = context;
    this.#decoder = splitDecoder(source);
    const ordered = isOrdered(source);
    this.#watermarks = new SplitWatermarks({
      maxOutOfOrdernessMillis: watermark?.maxOutOfOrdernessMillis ?? 0,
      ordered,
    });
    if (bounded) {
      const shared = must(context.sharedSplits, `shared splits of ${uid}`);
      this.#queue = new SharedSplitQueue(shared, context.subtask);
      this.#watch = null;
    } else {
      const patterns = patternsOf(source, context.jobDirectory);
      const added = (count: number): void => this.#watermarks.expect(count);
      const queue = new WatchedSplitQueue({context, patterns, ordered, added});
      const interval = (options['discovery-interval'] ?? 1000) as number;
      this.#queue = queue;
      this.#watch = new FileWatch(context.timers, interval, async () => this.#look(queue));
    }
    this.#timeColumn = watermark === null ? -1 : fieldIndex(source.schema, watermark.column);
    this.#metrics = context.metrics.source(uid);
    this.#badRecords = new BadRecords(source, this.#metrics);
    this.#lastRowMillis = context.clock.monotonicMillis();
    this.#origin = {
      describe: (row) => {
        const reader = must(this.#current, 'split of the batch').reader;
        return `${uid}: ${reader.describe(must(this.#rowStarts[row], 'row of the batch'))}`;
      },
    };
  }

  async open(): Promise<void> {
    this.#watermarks.restore(await this.#queue.open());
    this.#watermarks.setUnclaimed(this.#queue.hasUnclaimed);
    this.#openNext();
    this.#watch?.start();
  }

  poll(maxRows: number): SourceStep {
    if (this.#failure !== null) throw this.#failure as Error;
    this.#badRecords.throwPending();
    while (true) {
      if (this.#current === null) this.#begin();
      this.#watermarks.setUnclaimed(this.#queue.hasUnclaimed);
      if (this.#current === null) return this.#nothingOpen();
      const {reader, slot} = this.#current;
      const outcome = reader.decode(maxRows);
      if (outcome.kind === 'pending') return {kind: 'pending'};
      if (outcome.kind === 'rows') {
        this.#metrics.bytesIn += reader.consumed;
        const batch = this.#batchOf(outcome.rows, outcome.buffer, reader, slot);
        if (reader.nearEnd) this.#openNext();
        if (batch !== null) return {kind: 'batch', batch};
        this.#badRecords.throwPending();
        if (this.#badRecords.waiting > 0) return {kind: 'pending'};
      } else this.#finish(reader, slot);
    }
  }

  async available(): Promise<void> {
    if (this.#canPoll()) return;
    await this.#bell.rung();
    if (this.#failure !== null) throw this.#failure as Error;
  }

  watermark(): number {
    return this.#watermarks.current;
  }

  idle(): boolean {
    const timeout = this.#source.watermark?.idleTimeoutMillis ?? null;
    if (timeout === null || this.#hasUnread()) return false;
    return this.#context.clock.monotonicMillis() - this.#lastRowMillis >= timeout;
  }

  takeDeadLetters(): readonly DeadLetter[] {
    return this.#badRecords.take();
  }

  snapshot(): readonly StateHandle[] {
    if (this.#failure !== null) throw this.#failure as Error;
    // A position behind a record that fails the source would lose that record.
    this.#badRecords.throwPending();
    const unfinished = [...this.#queue.unread];
    if (this.#coming !== null) unfinished.unshift(this.#coming);
    if (this.#current !== null) {
      const {reader, slot} = this.#current;
      const greatest = finiteOrNull(this.#watermarks.greatest(slot));
      unfinished.unshift({split: reader.split, position: reader.position(greatest)});
    }
    const {finished, shares} = this.#queue;
    return [positionState({watermark: this.#watermarks.current, finished, unfinished, shares})];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#bell.ring();
    await this.#watch?.stop();
    await this.#opening;
    await this.#opened?.close();
    await this.#current?.reader.close();
  }

  /** The next split becomes the current one, if it is open. */
  #begin(): void {
    this.#openNext();
    if (this.#openFailure !== null) throw this.#openFailure as Error;
    if (this.#opened === null) return;
    this.#opened.begin();
    const {position} = must(this.#coming, 'split that was opened');
    const slot = this.#watermarks.open(position?.greatestTimestamp ?? -Infinity);
    this.#current = {reader: this.#opened, slot};
    this.#opened = null;
    this.#coming = null;
  }

  #nothingOpen(): SourceStep {
    if (this.#hasUnread() || this.#watch !== null) return {kind: 'pending'};
    this.#watermarks.end();
    return {kind: 'ended'};
  }

  #finish(reader: SplitReader, slot: number): void {
    this.#watermarks.finish(slot);
    this.#queue.finish(reader.split);
    this.#current = null;
    reader.close().catch((error: unknown) => this.#fail(error));
  }

  #batchOf(
    rows: DecodedRows,
    buffer: Uint8Array,
    reader: SplitReader,
    slot: number,
  ): RecordBatch | null {
    let {rowCount} = rows;
    if (rows.badRecords.length > 0) {
      rowCount = this.#badRecords.accept(rows.badRecords, rowCount, buffer, reader);
    }
    if (rowCount === 0) return null;
    this.#rowStarts = rows.rowStarts;
    this.#metrics.recordsIn += rowCount;
    this.#lastRowMillis = this.#context.clock.monotonicMillis();
    return {
      schema: this.#source.schema,
      rowCount,
      columns: rows.columns,
      selection: null,
      selectedCount: rowCount,
      watermarks: this.#advance(rows, rowCount, slot),
      origin: this.#origin,
    };
  }

  #advance(rows: DecodedRows, rowCount: number, slot: number): Float64Array | null {
    const times = rows.columns[this.#timeColumn];
    if (times?.layout !== 'float64') return null;
    if (rowCount > this.#rowWatermarks.length) this.#rowWatermarks = new Float64Array(rowCount);
    this.#watermarks.advance(slot, times.values, times.nulls, rowCount, this.#rowWatermarks);
    return this.#rowWatermarks;
  }

  /** Begins to open the next split, unless one is open or on its way. */
  #openNext(): void {
    if (this.#coming !== null || this.#closed) return;
    const next = this.#queue.take();
    if (next === null) return;
    this.#coming = next;
    // One that was shared out is now ours: it holds back this watermark, and no longer that of all.
    if (this.#queue.shares !== null) this.#watermarks.expect(1);
    this.#opening = this.#openInBackground(next);
  }

  async #openInBackground(next: UnfinishedSplit): Promise<void> {
    try {
      this.#opened = await openSplitReader(next, {
        place: splitPlace(this.#context, next.split.path),
        timers: this.#context.timers,
        buffers: this.#buffers,
        decoder: this.#decoder,
        arrived: () => this.#bell.ring(),
      });
    } catch (error) {
      this.#openFailure = error;
    }
    this.#bell.ring();
  }

  async #look(queue: WatchedSplitQueue): Promise<void> {
    try {
      await queue.look();
      if (this.#closed || !this.#hasUnread()) return;
      this.#openNext();
      this.#bell.ring();
    } catch (error) {
      this.#fail(error);
    }
  }

  #hasUnread(): boolean {
    return this.#current !== null || this.#coming !== null || this.#queue.hasMore;
  }

  #canPoll(): boolean {
    if (this.#failure !== null || this.#closed) return true;
    if (this.#current !== null) return this.#current.reader.ready;
    if (this.#opened !== null || this.#openFailure !== null) return true;
    return !this.#hasUnread() && this.#watch === null;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#bell.ring();
  }
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
