import type {OutputRow} from './run-types.ts';
import type {Schema} from '../records/schema.ts';

/** A name or value of a flat JSON object. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/g;
/** So many significant digits say which double it is, and a double shows them again. */
const DOUBLE_DIGITS = 15;

/**
 * A row that the JSON encoder wrote for `schema`. What a double cannot hold becomes a string of its digits:
 * an integer (BIGINT, DECIMAL without a scale) beyond 2^53 - 1 either way, a DECIMAL with a scale of more
 * than 15 significant digits. A DOUBLE is a number, whatever its size.
 */
export function parseRow(text: string, schema: Schema): OutputRow {
  if (!schema.fields.some(({type}) => type.kind === 'bigint' || type.kind === 'decimal')) {
    return JSON.parse(text) as OutputRow;
  }
  let at = 0;
  const kept = text.replace(TOKEN, (token) => {
    const isValue = at % 2 === 1;
    const kind = schema.fields[(at - 1) / 2]?.type.kind;
    at += 1;
    const isExact = isValue && (kind === 'bigint' || kind === 'decimal') && token !== 'null';
    return isExact && !fitsDouble(token) ? `"${token}"` : token;
  });
  return JSON.parse(kept) as OutputRow;
}

function fitsDouble(token: string): boolean {
  if (!token.includes('.')) return Number.isSafeInteger(Number(token));
  const digits = token.replace(/[-.]/g, '').replace(/^0+|0+$/g, '');
  return digits.length <= DOUBLE_DIGITS;
}
