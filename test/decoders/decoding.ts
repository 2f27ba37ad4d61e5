// The vocabulary of the decoder tests: decode a text in one piece or in many, and read the rows back.
import {must} from '#src/base/assert.js';
import type {JsonValue} from '#src/base/json.js';
import type {RecordDecoder} from '#src/formats/decoder.js';
import type {SourceColumn, TimeFormat} from '#src/job/schema-column.js';
import type {DataType} from '#src/records/data-type.js';
import {readValue, type Value} from '#src/records/value.js';

export const utf8 = new TextEncoder();

export interface Bad {
  /** In the whole input. */
  readonly offset: number;
  readonly line: number;
  readonly reason: string;
}

export interface Decoded {
  readonly rows: Value[][];
  /** Offset of each row's record in the whole input. */
  readonly offsets: number[];
  readonly lines: number[];
  readonly bad: Bad[];
}

export function column(
  name: string,
  type: DataType,
  options: {path?: readonly string[]; timeFormat?: TimeFormat} = {},
): SourceColumn {
  return {name, type, path: options.path ?? [name], timeFormat: options.timeFormat ?? null};
}

export interface Feeding {
  /** Where the input is cut; each piece comes after the one before was decoded as far as it goes. */
  readonly cuts?: readonly number[];
  readonly maxRows?: number;
  /** Makes a new decoder, restored from a snapshot, before each call. */
  readonly restart?: (() => RecordDecoder) | undefined;
}

/** Feeds `input` as a source does: what was not decoded stays in front of the next piece. */
export function decodeAll(
  first: RecordDecoder,
  input: Uint8Array | string,
  {cuts = [], maxRows = 1000, restart}: Feeding = {},
): Decoded {
  const bytes = typeof input === 'string' ? utf8.encode(input) : input;
  const result: Decoded = {rows: [], offsets: [], lines: [], bad: []};
  let decoder = first;
  let position = 0;
  for (const end of [...cuts, bytes.length]) {
    for (let calls = 0; ; calls += 1) {
      if (calls > bytes.length + 10) throw new Error('the decoder makes no progress');
      if (restart !== undefined) decoder = restarted(decoder, restart);
      const step = decoder.decode(bytes, position, end, end === bytes.length, maxRows);
      collect(decoder, step, result);
      // A source stops here: the rest of the input cannot be read.
      if (step.badRecords.at(-1)?.fatal === true) return result;
      position = step.nextOffset;
      if (step.needsMore) break;
      if (step.rowCount + step.badRecords.length < maxRows && position >= end) break;
    }
  }
  if (position !== bytes.length) throw new Error(`stopped at ${position} of ${bytes.length}`);
  return result;
}

function restarted(decoder: RecordDecoder, make: () => RecordDecoder): RecordDecoder {
  const next = make();
  next.restart(JSON.parse(JSON.stringify(decoder.snapshot())) as JsonValue);
  return next;
}

function collect(
  decoder: RecordDecoder,
  step: ReturnType<RecordDecoder['decode']>,
  result: Decoded,
): void {
  for (let row = 0; row < step.rowCount; row += 1) {
    const offset = must(step.rowStarts[row], 'row start');
    result.offsets.push(offset);
    result.lines.push(decoder.lineAt(offset));
    result.rows.push(
      decoder.schema.fields.map((field, index) =>
        readValue(field.type, must(step.columns[index], 'column'), row),
      ),
    );
  }
  for (const {offset, line, reason} of step.badRecords) result.bad.push({offset, line, reason});
}
