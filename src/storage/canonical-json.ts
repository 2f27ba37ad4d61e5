// Canonical JSON: one value has one text. Keys sorted by UTF-16 unit, no blanks, numbers as
// `JSON.stringify` writes them (-0 as -0), so that equal content has equal bytes and a digest over the
// bytes is a digest over the content. Integers beyond 2^53 are strings: whoever makes the value sees to it.
//
// Reading trusts nothing: nesting is counted before `JSON.parse` sees the text, and a text that is not
// canonical (a key twice, 1e309, `__proto__`) is refused.

import {assert} from '../base/assert.ts';
import type {JsonValue} from '../base/json.ts';

/** Of objects and arrays in each other, in what is written and in what is read. */
export const JSON_NESTING_MAX = 64;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export type ParsedJson =
  | {readonly kind: 'value'; readonly value: JsonValue}
  /** Offset in UTF-8 bytes of `bytes`. */
  | {readonly kind: 'damaged'; readonly offset: number; readonly message: string};

export function canonicalJson(value: JsonValue): string {
  return encode(value, 0);
}

function encode(value: JsonValue, depth: number): string {
  assert(depth <= JSON_NESTING_MAX, `JSON nested deeper than ${JSON_NESTING_MAX}`);
  if (typeof value === 'number') {
    assert(Number.isFinite(value), `JSON number ${value}`);
    return Object.is(value, -0) ? '-0' : JSON.stringify(value);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map((item) => encode(item, depth + 1)).join(',')}]`;
  const fields = Object.keys(value)
    .sort()
    .map((key) => {
      assert(key !== '__proto__', 'a key __proto__ in JSON');
      return `${JSON.stringify(key)}:${encode(value[key] as JsonValue, depth + 1)}`;
    });
  return `{${fields.join(',')}}`;
}

export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses canonical JSON of a size that the caller has limited. */
export function parseCanonicalJson(bytes: Uint8Array): ParsedJson {
  const tooDeep = offsetOfNestingBeyond(bytes, JSON_NESTING_MAX);
  if (tooDeep !== null) {
    return damaged(tooDeep, `nested deeper than ${JSON_NESTING_MAX} levels`);
  }
  let text: string;
  let value: JsonValue;
  try {
    text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    return damaged(0, 'not UTF-8');
  }
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    return damaged(offsetInMessage(error), 'not JSON');
  }
  const forbidden = findForbidden(value);
  if (forbidden !== null) return damaged(0, forbidden);
  // The same text as below, in a fraction of the time, where the keys already stand in their order.
  if (hasSortedKeys(value) && JSON.stringify(value) === text) return {kind: 'value', value};
  const canonical = canonicalJson(value);
  return canonical === text
    ? {kind: 'value', value}
    : damaged(firstDifference(canonical, text), 'not in canonical form');
}

/** Where the text opens one level too many; null: nowhere. Looks at bytes only, whatever they are. */
export function offsetOfNestingBeyond(bytes: Uint8Array, levelsMax: number): number | null {
  let depth = 0;
  let inString = false;
  for (let offset = 0; offset < bytes.length; offset += 1) {
    const byte = bytes[offset];
    if (inString) {
      if (byte === 0x5c) offset += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) {
      inString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > levelsMax) return offset;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return null;
}

function findForbidden(value: JsonValue): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'a number beyond its range';
  if (typeof value !== 'object' || value === null) return null;
  if (Object.hasOwn(value, '__proto__')) return "a key '__proto__'";
  for (const item of Object.values<JsonValue>(value as JsonObject)) {
    const reason = findForbidden(item);
    if (reason !== null) return reason;
  }
  return null;
}

function hasSortedKeys(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (isArray(value)) return value.every(hasSortedKeys);
  let before = '';
  for (const key of Object.keys(value)) {
    if (key < before || !hasSortedKeys(value[key] as JsonValue)) return false;
    before = key;
  }
  return true;
}

function damaged(offset: number, message: string): ParsedJson {
  return {kind: 'damaged', offset, message};
}

function firstDifference(left: string, right: string): number {
  const end = Math.min(left.length, right.length);
  let index = 0;
  while (index < end && left.charCodeAt(index) === right.charCodeAt(index)) index += 1;
  return Buffer.byteLength(right.slice(0, index));
}

function offsetInMessage(error: unknown): number {
  const match = error instanceof Error ? /position (\d+)/.exec(error.message) : null;
  return match === null ? 0 : Number(match[1]);
}
