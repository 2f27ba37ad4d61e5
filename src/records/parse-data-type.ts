import {decimal, MAX_DECIMAL_PRECISION, type DataType} from './data-type.ts';

const PLAIN: ReadonlySet<string> = new Set([
  'boolean',
  'int',
  'bigint',
  'double',
  'string',
  'timestamp',
  'date',
  'bytes',
]);

/** The type of which `dataTypeText` made `text`; null: it is none. */
export function parseDataType(text: string): DataType | null {
  if (PLAIN.has(text)) return {kind: text} as DataType;
  const match = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(text);
  if (match === null) return null;
  const [precision, scale] = [Number(match[1]), Number(match[2])];
  if (precision < 1 || precision > MAX_DECIMAL_PRECISION || scale > precision) return null;
  return decimal(precision, scale);
}
