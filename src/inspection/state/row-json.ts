// Rows as JSON lines: {"operator":…,"state":…,"key":{…},"namespace":{…}|null,"value":{…},"expires":…|null}. The text around the
// values is the same for all rows of a state and is compiled in.

import {ByteBuffer} from '../../formats/byte-buffer.ts';
import {framedJsonEncoder} from '../../formats/json-encoder.ts';
import type {RowEncoder} from '../../formats/row-encoder.ts';
import type {Column} from '../../records/column.ts';
import {TIMESTAMP} from '../../records/data-type.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {Field} from '../../records/schema.ts';
import type {StateShape} from '../../state/rows/state-shape.ts';
import type {StateTable} from './state-tables.ts';

export class RowJson {
  readonly #encoder: RowEncoder;
  readonly #fields: readonly Field[];
  readonly #buffer = new ByteBuffer();

  constructor({operator, state, shape}: StateTable) {
    this.#fields = [...shape.spec.key, ...shape.values, {name: 'expires', type: TIMESTAMP}];
    const befores = framesOf(
      shape,
      `{"operator":${JSON.stringify(operator)},"state":${JSON.stringify(state)}`,
    );
    this.#encoder = framedJsonEncoder(
      {fields: this.#fields},
      {before: (index) => befores[index]!, rowEnd: '}'},
    );
  }

  /** The lines of the live rows of a batch of key, namespace and values; a new array. */
  lines(batch: RecordBatch, expires: Column): Uint8Array {
    this.#buffer.clear();
    const columns = [...batch.columns, expires];
    this.#encoder.encode({...batch, schema: {fields: this.#fields}, columns}, this.#buffer);
    return this.#buffer.written().slice();
  }
}

/** What stands before each value. */
function framesOf({key, namespace, values}: StateShape, begin: string): string[] {
  const names = (fields: readonly Field[], first: string): string[] =>
    fields.map(({name}, index) => `${index === 0 ? first : ','}${JSON.stringify(name)}:`);
  const parts = [
    {open: `${begin},"key":{`, fields: key, close: '}'},
    namespace.length === 0
      ? {open: ',"namespace":null', fields: [], close: ''}
      : {open: ',"namespace":{', fields: namespace, close: '}'},
    {open: ',"value":{', fields: values, close: '}'},
  ];
  const frames: string[] = [];
  let pending = '';
  for (const {open, fields, close} of parts) {
    const own = names(fields, pending + open);
    frames.push(...own);
    pending = own.length === 0 ? pending + open + close : close;
  }
  return [...frames, `${pending},"expires":`];
}
