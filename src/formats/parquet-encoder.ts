// Rows to a Parquet file, a row group at a time, through hyparquet-writer (optional dependency, loaded on first use).
//
//   boolean BOOLEAN · int INT32 · bigint INT64 · double DOUBLE · string UTF8 · bytes BYTE_ARRAY · date DATE · timestamp
//   TIMESTAMP_MILLIS · decimal UTF8, its exact digits

import {EngineError} from '../base/errors.ts';
import type {DataType} from '../records/data-type.ts';
import {liveRow, type RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';
import {readValue, type Value} from '../records/value.ts';
import type * as Library from 'hyparquet-writer';

type SchemaElement = ConstructorParameters<typeof Library.ParquetWriter>[0]['schema'][number];
/** The library's own kinds of arrays are more than are given here. */
type ColumnData = Library.ColumnSource['data'];

const DAY_MILLIS = 86_400_000;
/** Of a row group: so many values of each column are in memory. */
const GROUP_ROWS = 64 * 1024;

/** Bytes go to `append` in order; `finish` writes the last of them. */
export class ParquetEncoder {
  readonly #schema: Schema;
  readonly #writer: Library.ParquetWriter;
  readonly #bytes: Library.ByteWriter;
  readonly #append: (bytes: Uint8Array) => Promise<void>;
  #columns: unknown[][];
  #rowCount = 0;

  private constructor(
    schema: Schema,
    library: typeof Library,
    append: (bytes: Uint8Array) => Promise<void>,
  ) {
    this.#schema = schema;
    this.#bytes = new library.ByteWriter();
    this.#writer = new library.ParquetWriter({writer: this.#bytes, schema: elementsOf(schema)});
    this.#append = append;
    this.#columns = schema.fields.map(() => []);
  }

  /** USAGE when the library is not installed. */
  static async open(
    schema: Schema,
    append: (bytes: Uint8Array) => Promise<void>,
  ): Promise<ParquetEncoder> {
    return new ParquetEncoder(schema, await loadLibrary(), append);
  }

  /** The live rows of a batch of the schema. */
  async add(batch: RecordBatch): Promise<void> {
    for (let position = 0; position < batch.selectedCount; position += 1) {
      const row = liveRow(batch, position);
      for (const [index, {type}] of this.#schema.fields.entries()) {
        const value = readValue(type, batch.columns[index]!, row);
        this.#columns[index]!.push(value === null ? null : written(type, value));
      }
      this.#rowCount += 1;
      if (this.#rowCount === GROUP_ROWS) await this.#flush();
    }
  }

  async finish(): Promise<void> {
    if (this.#rowCount > 0) await this.#flush();
    await this.#writer.finish();
    await this.#take();
  }

  async #flush(): Promise<void> {
    const columnData = this.#schema.fields.map(({name}, index) => ({
      name,
      data: this.#columns[index] as ColumnData,
    }));
    await this.#writer.write({columnData, rowGroupSize: this.#rowCount});
    this.#columns = this.#schema.fields.map(() => []);
    this.#rowCount = 0;
    await this.#take();
  }

  /** What the library has written so far; its offsets go on counting. */
  async #take(): Promise<void> {
    const bytes = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    if (bytes.length > 0) await this.#append(bytes);
  }
}

async function loadLibrary(): Promise<typeof Library> {
  try {
    return await import('hyparquet-writer');
  } catch (error) {
    throw new EngineError(
      'USAGE',
      'Parquet needs the package hyparquet-writer, which is not installed',
      {
        hint: 'Install it beside tidemark: npm install hyparquet-writer. Or choose --format csv or ndjson.',
        cause: error,
      },
    );
  }
}

function elementsOf({fields}: Schema): SchemaElement[] {
  return [
    {name: 'root', num_children: fields.length},
    ...fields.map(({name, type}): SchemaElement => ({
      name,
      repetition_type: 'OPTIONAL',
      ...elementOf(type),
    })),
  ];
}

function elementOf({kind}: DataType): Pick<SchemaElement, 'type' | 'converted_type'> {
  switch (kind) {
    case 'boolean':
      return {type: 'BOOLEAN'};
    case 'int':
      return {type: 'INT32'};
    case 'date':
      return {type: 'INT32', converted_type: 'DATE'};
    case 'bigint':
      return {type: 'INT64'};
    case 'timestamp':
      return {type: 'INT64', converted_type: 'TIMESTAMP_MILLIS'};
    case 'double':
      return {type: 'DOUBLE'};
    case 'string':
    case 'decimal':
      return {type: 'BYTE_ARRAY', converted_type: 'UTF8'};
    case 'bytes':
      return {type: 'BYTE_ARRAY'};
  }
}

/** As the library takes it. */
function written(type: DataType, value: Exclude<Value, null>): unknown {
  if (type.kind === 'timestamp') return new Date(Number(value));
  if (type.kind === 'date') return new Date(Number(value) * DAY_MILLIS);
  if (type.kind === 'decimal') return decimalText(value as bigint, type.scale);
  return value;
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
