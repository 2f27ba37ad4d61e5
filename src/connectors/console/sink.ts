// Rows go to the user's eyes as they come, not with their checkpoint: after a restart they come again.

import type {StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import {ByteBuffer} from '../../formats/byte-buffer.ts';
import {jsonEncoder} from '../../formats/json-encoder.ts';
import type {RowEncoder} from '../../formats/row-encoder.ts';
import type {SinkSpec} from '../../job/job-spec.ts';
import type {SinkMetrics} from '../../metrics/job-metrics.ts';
import {liveRow, type RecordBatch} from '../../records/record-batch.ts';
import type {ConnectorContext, SinkConnector, SinkWriter} from '../connector.ts';
import {consoleSpec} from './spec.ts';

export const consoleSink: SinkConnector = {
  spec: consoleSpec,
  create: (sink, context) => new ConsoleWriter(sink, context),
};

class ConsoleWriter implements SinkWriter {
  readonly #context: ConnectorContext;
  readonly #encoder: RowEncoder;
  readonly #metrics: SinkMetrics;
  readonly #buffer = new ByteBuffer();
  readonly #utf8 = new TextDecoder();
  /** Rows that may still be shown. */
  #left: number;

  constructor(sink: SinkSpec, context: ConnectorContext) {
    this.#context = context;
    this.#encoder = jsonEncoder(sink.schema);
    this.#metrics = context.metrics.sink(sink.uid);
    this.#left = (sink.options['limit'] ?? Infinity) as number;
  }

  async open(): Promise<void> {
    return Promise.resolve();
  }

  write(batch: RecordBatch): void {
    this.#metrics.recordsOut += batch.selectedCount;
    const shown = Math.min(this.#left, batch.selectedCount);
    if (shown === 0) return;
    this.#left -= shown;
    this.#buffer.clear();
    this.#encoder.encode(
      shown < batch.selectedCount ? firstRows(batch, shown) : batch,
      this.#buffer,
    );
    this.#metrics.bytesOut += this.#buffer.length;
    // JSON has no line break inside a row.
    const lines = this.#utf8.decode(this.#buffer.written()).split('\n');
    lines.pop();
    this.#context.showRows(lines);
  }

  flow(): Promise<void> | null {
    return this.#context.rowsFlow();
  }

  async prepare(): Promise<readonly StateHandle[]> {
    return Promise.resolve([]);
  }

  async commit(): Promise<void> {
    return Promise.resolve();
  }

  async abort(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

function firstRows(batch: RecordBatch, count: number): RecordBatch {
  const selection = Int32Array.from({length: count}, (_unused, position) =>
    liveRow(batch, position),
  );
  return {...batch, selection, selectedCount: count};
}
