import {MILLIS_PER_DAY} from '../base/calendar.ts';
import {must} from '../base/assert.ts';
import type {Column} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';
import {readValue, type Value} from '../records/value.ts';

/** A longer text is cut off. */
export const DESCRIPTION_CHARACTERS_MAX = 200;
/** What is read of a bytes value; a text is cut off anyway. */
const HEX_BYTES_MAX = 16;

/** `{user="u1", amount=12}`: a record by its values, for an error. */
export function describeRow(schema: Schema, columns: readonly Column[], row: number): string {
  let text = '{';
  for (const [index, {name, type}] of schema.fields.entries()) {
    if (text.length > DESCRIPTION_CHARACTERS_MAX) break;
    const value = readValue(type, must(columns[index], name), row);
    text += `${index === 0 ? '' : ', '}${name}=${valueText(type, value)}`;
  }
  text += '}';
  if (text.length <= DESCRIPTION_CHARACTERS_MAX) return text;
  return `${text.slice(0, DESCRIPTION_CHARACTERS_MAX - 2)}…}`;
}

function valueText(type: DataType, value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) {
    const digits = Buffer.from(value.subarray(0, HEX_BYTES_MAX)).toString('hex');
    return `x'${digits}${value.length > HEX_BYTES_MAX ? '…' : ''}'`;
  }
  if (type.kind === 'timestamp') return timeText(Number(value), 24);
  if (type.kind === 'date') return timeText(Number(value) * MILLIS_PER_DAY, 10);
  if (type.kind === 'decimal') return decimalText(BigInt(value), type.scale);
  return String(value);
}

function timeText(millis: number, length: number): string {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return String(millis);
  const text = date.toISOString();
  return text.length === 24 ? text.slice(0, length) : text;
}

function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
