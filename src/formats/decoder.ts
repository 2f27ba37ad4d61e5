// The contract between a source that reads bytes and the decoder that makes rows of them. One decoder
// for one split after the other: what it has learned of records it keeps, and its code stays warm. All
// calls from one thread; nothing here is asynchronous.
//
// A source reads a split like this:
//   0. Calls `restart`.
//   1. Reads bytes into its buffer. [start, end) is what it has and has not decoded yet.
//   2. Calls `decode(buffer, start, end, atEnd, maxRows)`; uses the rows before it calls again.
//   3. Sets its start to `nextOffset`. When `needsMore`, it reads on behind `end` (moving the rest to
//      the front, or growing the buffer) and says `atEnd` when nothing follows. A decoder asks for at
//      most `maxRecordSize + RECORD_OVERHEAD` bytes at once: a longer record is a bad record and is
//      passed over in pieces.
//   4. To be able to resume, it keeps the file offset that belongs to `nextOffset` and `snapshot()`,
//      both taken after the same call. A decoder of the same options that is restarted with that
//      snapshot and given the bytes from that offset on decodes the same rows as this one would have.

import type {JsonValue} from '../base/json.ts';
import type {Column} from '../records/column.ts';
import type {Schema} from '../records/schema.ts';

/** JOB.md, `max-record-size`: bytes of one record without its line break. */
export const DEFAULT_MAX_RECORD_SIZE = 1_048_576;

/** Bytes beyond `maxRecordSize` that a decoder may want to see: a line break, a byte order mark. */
export const RECORD_OVERHEAD = 16;

/**
 * A buffer with this many bytes behind `end` is decoded where it is; a shorter one is copied first. The
 * decoder writes there while it runs and restores what was there.
 */
export const DECODE_PADDING = 16;

/** Bytes that are not a record, or whose values do not fit the schema. */
export interface BadRecord {
  /** Where it begins in the buffer that was passed. */
  readonly offset: number;
  /** Bytes in the buffer, without the line break; of a record that is too long, those seen so far. */
  readonly length: number;
  /** 1-based, of its first byte. */
  readonly line: number;
  /** `column delay: expected int, found string "abc"`. */
  readonly reason: string;
  /** Rows of the same call that come before it. */
  readonly rowsBefore: number;
  /**
   * The rest of the input cannot be divided into records (text behind a JSON array, an array that is not
   * closed, a CSV header without a column): the source fails whatever `on-bad-record` says.
   */
  readonly fatal: boolean;
}

/** What one call made. Lent until the next call of `decode`: everything in it is reused. */
export interface DecodedRows {
  readonly rowCount: number;
  /** One per field of the decoder's schema. String columns point into the buffer that was passed. */
  readonly columns: readonly Column[];
  /** Where each row's record begins in the buffer; at least `rowCount` long. */
  readonly rowStarts: Int32Array;
  /** In the order of the input. Rows and bad records together are at most `maxRows`. */
  readonly badRecords: readonly BadRecord[];
  /** Start of the first record that was not decoded. */
  readonly nextOffset: number;
  /** Only more bytes (or `atEnd`) bring further rows. False at the end, and when `maxRows` were made. */
  readonly needsMore: boolean;
}

export interface RecordDecoder {
  /** The wanted columns, in the order in which they were wanted. */
  readonly schema: Schema;
  /**
   * Decodes records of buffer[start, end). `atEnd`: the input ends at `end`, so an open last record is
   * a record. The buffer is left as it was and must stay so while the rows are in use.
   */
  decode(
    buffer: Uint8Array,
    start: number,
    end: number,
    atEnd: boolean,
    maxRows: number,
  ): DecodedRows;
  /** 1-based line of an offset within what the last call decoded, while its buffer is unchanged. */
  lineAt(offset: number): number;
  /** Everything but the bytes that a resume at the last `nextOffset` needs. Survives JSON. */
  snapshot(): JsonValue;
  /**
   * Before the first `decode` of a further split: from its beginning, or from where the snapshot was taken.
   * Throws INCOMPATIBLE when that is not of this kind of decoder.
   */
  restart(snapshot?: JsonValue): void;
}
