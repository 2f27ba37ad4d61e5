import type {RecordBatch} from '../records/record-batch.ts';
import type {ByteBuffer} from './byte-buffer.ts';

/** Rows to bytes, for one schema. Decoding what was encoded gives the same values. */
export interface RowEncoder {
  /** What each file begins with: a CSV header; nothing for JSON. */
  writeHeader(target: ByteBuffer): void;
  /** Appends the live rows of `batch`, each with its line break. The batch has the encoder's schema. */
  encode(batch: RecordBatch, target: ByteBuffer): void;
}
