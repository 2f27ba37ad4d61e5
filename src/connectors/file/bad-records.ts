import {EngineError} from '../../base/errors.ts';
import type {BadRecord} from '../../formats/decoder.ts';
import type {SourceSpec} from '../../job/job-spec.ts';
import type {SourceMetrics} from '../../metrics/job-metrics.ts';
import type {DeadLetter} from '../connector.ts';
import type {SplitReader} from './split-reader.ts';

/** Of a bad record's bytes, so many are kept. */
const RECORD_BYTES_MAX = 65_536;
/** Of a bad record's bytes, so many are shown in the error. */
const SHOWN_BYTES_MAX = 120;

/** Carries out `on-bad-record`. */
export class BadRecords {
  readonly #source: SourceSpec;
  readonly #metrics: SourceMetrics;
  #letters: DeadLetter[] = [];
  /** Thrown by the next poll: the rows before the bad record go out first. */
  #failure: EngineError | null = null;

  constructor(source: SourceSpec, metrics: SourceMetrics) {
    this.#source = source;
    this.#metrics = metrics;
  }

  /** Dead letters that nobody has taken. */
  get waiting(): number {
    return this.#letters.length;
  }

  /** Returns how many of the rows go out: those before a record that fails the source. */
  accept(
    badRecords: readonly BadRecord[],
    rowCount: number,
    buffer: Uint8Array,
    reader: SplitReader,
  ): number {
    const policy = this.#source.onBadRecord.kind;
    for (const bad of badRecords) {
      this.#metrics.badRecords += 1;
      if (policy === 'fail' || bad.fatal) {
        this.#failure = this.#errorOf(bad, buffer, reader);
        return bad.rowsBefore;
      }
      if (policy === 'dead-letter') {
        const length = Math.min(bad.length, RECORD_BYTES_MAX);
        this.#letters.push({
          split: reader.split.path,
          byteOffset: reader.offsetOf(bad.offset),
          line: bad.line,
          reason: bad.reason,
          record: buffer.slice(bad.offset, bad.offset + length),
        });
      }
    }
    return rowCount;
  }

  throwPending(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  take(): readonly DeadLetter[] {
    if (this.#letters.length === 0) return this.#letters;
    const letters = this.#letters;
    this.#letters = [];
    return letters;
  }

  #errorOf(bad: BadRecord, buffer: Uint8Array, reader: SplitReader): EngineError {
    const {path} = reader.split;
    const byteOffset = reader.offsetOf(bad.offset);
    const where = `${path}, line ${bad.line}, byte ${byteOffset}`;
    const shown = buffer.subarray(bad.offset, bad.offset + Math.min(bad.length, SHOWN_BYTES_MAX));
    const record = new TextDecoder().decode(shown);
    return new EngineError('RECORD_FAILED', `${this.#source.uid}: ${where}: ${bad.reason}`, {
      hint: bad.fatal
        ? 'The file cannot be read further; repair it and start again with --fresh.'
        : 'Repair the record, or set `on-bad-record: skip` or `on-bad-record: {dead-letter: PATH}`.',
      file: path,
      line: bad.line === 0 ? undefined : bad.line,
      facts: {operator: this.#source.uid, byte_offset: byteOffset, record},
    });
  }
}
