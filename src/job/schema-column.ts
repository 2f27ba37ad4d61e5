import type {DataType} from '../records/data-type.ts';
import type {Field} from '../records/schema.ts';

/** A column of a source's `schema`, with how its text is read. */
export interface SourceColumn extends Field {
  readonly type: DataType;
  /** Where a JSON record keeps it: `['user', 'address', 'city']`; a CSV file: one part, the header's name. */
  readonly path: readonly string[];
  /** Of a timestamp or date: how its text is read. */
  readonly timeFormat: TimeFormat | null;
}

export type TimeFormat =
  | {readonly kind: 'rfc3339'}
  | {readonly kind: 'epoch-millis'}
  | {readonly kind: 'epoch-seconds'}
  /** A pattern of `yyyy MM dd HH mm ss SSS` and literal text; `zone` is UTC or a fixed offset. */
  | {readonly kind: 'pattern'; readonly pattern: string; readonly offsetMinutes: number};
