// Canonical JSON: one value has one text. Keys sorted by UTF-16 unit, no blanks, numbers as
// `JSON.stringify` writes them (-0 as -0), so that equal content has equal bytes and a digest over the
// bytes is a digest over the content. Integers beyond 2^53 are strings: whoever makes the value sees to it.
//
// Reading trusts nothing: nesting is counted before `JSON.parse` sees the text, and a text that is not canonical (a key twice,
// 1e309, `__proto__`) is refused.

import {assert} from '../base/assert.ts';
import type {JsonValue} from '../base/json.ts';
import {isPlainCanonicalJson} from './plain-json.ts';

/** Of objects and arrays in each other, in what is written and in what is read. */
export const JSON_NESTING_MAX = 64;

const UTF8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

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
  if (depth > JSON_NESTING_MAX) assert(false, `JSON nested deeper than ${JSON_NESTING_MAX}`);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) assert(false, `JSON number ${value}`);
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let text = '';
  if (isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${encode(item, depth + 1)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value).sort()) {
    assert(key !== '__proto__', 'a key __proto__ in JSON');
    const field = encode(value[key] as JsonValue, depth + 1);
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${field}`;
  }
  return `{${text}}`;
}

export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses canonical JSON of a size that the caller has limited. */
export function parseCanonicalJson(bytes: Uint8Array): ParsedJson {
  return isPlainCanonicalJson(bytes, JSON_NESTING_MAX) ? parsePlain(bytes) : parseWarily(bytes);
}

/** Of ASCII alone, and not nested too deeply. */
function parsePlain(bytes: Uint8Array): ParsedJson {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  try {
    return {kind: 'value', value: JSON.parse(text) as JsonValue};
  } catch (error) {
    return damaged(offsetInMessage(error), 'not JSON');
  }
}

/**
 * Where the keys are in order, the engine's own writer writes it canonically; not so -0 and what is forbidden, which go the
 * long way: 1e309 is written as null, and `__proto__` is not even looked for as a key.
 */
function isCanonical(value: JsonValue, text: string): boolean {
  return (
    !text.includes('__proto__') &&
    isInOrder(value, JSON_NESTING_MAX) &&
    JSON.stringify(value) === text
  );
}

function parseWarily(bytes: Uint8Array): ParsedJson {
  const tooDeep = offsetOfNestingBeyond(bytes, JSON_NESTING_MAX);
  if (tooDeep !== null) {
    return damaged(tooDeep, `nested deeper than ${JSON_NESTING_MAX} levels`);
  }
  let text: string;
  let value: JsonValue;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return damaged(0, 'not UTF-8');
  }
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    return damaged(offsetInMessage(error), 'not JSON');
  }
  if (isCanonical(value, text)) return {kind: 'value', value};
  const forbidden = findForbidden(value);
  if (forbidden !== null) return damaged(0, forbidden);
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

/** The keys of each object stand as canonical JSON has them, and nothing is nested deeper than `levelsLeft`. */
function isInOrder(value: JsonValue, levelsLeft: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levelsLeft === 0) return false;
  if (isArray(value)) {
    for (const item of value) {
      if (typeof item === 'object' && !isInOrder(item, levelsLeft - 1)) return false;
    }
    return true;
  }
  let before = '';
  for (const key in value) {
    const item = value[key] as JsonValue;
    if (key < before || (typeof item === 'object' && !isInOrder(item, levelsLeft - 1)))
      return false;
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
