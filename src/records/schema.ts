import type {DataType} from './data-type.ts';

/** A named, typed column. Every column may hold NULL. */
export interface Field {
  readonly name: string;
  readonly type: DataType;
}

/** Ordered fields; names are unique. */
export interface Schema {
  readonly fields: readonly Field[];
}

/** The position of field `name`, or -1. */
export function fieldIndex(schema: Schema, name: string): number {
  return schema.fields.findIndex((field) => field.name === name);
}
