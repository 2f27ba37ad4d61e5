// From an offset in a scalar's value back to where that character stands in the source text.
//
// Folding, indentation and quotes only ever change white space, `''` and escapes. So the n-th
// character of a value that is not white space is the n-th such character of its source, and both
// sides are walked in step. Exact for every style; white space maps to just after what precedes it.

import type {Place} from './source-text.ts';
import type {YamlScalar} from './yaml-node.ts';

/** Where `offset` (UTF-16) of the value, variables replaced, stands in the source. */
export function placeInScalar(scalar: YamlScalar, offset: number): Place {
  const {origin} = scalar;
  if (typeof scalar.value !== 'string') {
    return {origin, start: Math.min(scalar.start + offset, scalar.end)};
  }
  const rawOffset = offsetBeforeVariables(scalar, offset);
  const raw = scalar.segments === null ? scalar.value : scalar.written;
  const before = countVisible(raw, Math.min(rawOffset, raw.length));
  const onVisible = rawOffset < raw.length && !isBlank(raw[rawOffset]!);
  const units = visibleUnits(scalar);
  if (onVisible) return {origin, start: units[before]?.start ?? scalar.start};
  return {origin, start: before === 0 ? scalar.start : (units[before - 1]?.end ?? scalar.start)};
}

function offsetBeforeVariables(scalar: YamlScalar, offset: number): number {
  if (scalar.segments === null) return offset;
  for (const segment of scalar.segments) {
    if (offset >= segment.valueStart + segment.length) continue;
    // Inside a variable's value there is nothing to point at but the variable.
    return segment.variable === null
      ? segment.rawStart + offset - segment.valueStart
      : segment.rawStart;
  }
  return scalar.written.length;
}

function countVisible(text: string, end: number): number {
  let count = 0;
  for (let index = 0; index < end; index += 1) if (!isBlank(text[index]!)) count += 1;
  return count;
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}

/** One UTF-16 unit of the value, and what it is written as. */
interface Unit {
  readonly start: number;
  readonly end: number;
}

function visibleUnits(scalar: YamlScalar): readonly Unit[] {
  const {text} = scalar.origin;
  switch (scalar.style) {
    case 'plain':
      return unitsOf(text, scalar.start, scalar.end);
    case 'block': {
      const header = text.indexOf('\n', scalar.start);
      return header === -1 ? [] : unitsOf(text, header + 1, scalar.end);
    }
    case 'single-quoted':
      return unitsOf(text, scalar.start + 1, scalar.end - 1, "''");
    case 'double-quoted':
      return escapedUnits(text, scalar.start + 1, scalar.end - 1);
  }
}

function unitsOf(text: string, from: number, to: number, doubled: string | null = null): Unit[] {
  const units: Unit[] = [];
  for (let start = from; start < to; start += 1) {
    if (isBlank(text[start]!)) continue;
    const isDoubled = doubled !== null && text.startsWith(doubled, start);
    units.push({start, end: start + (isDoubled ? 2 : 1)});
    if (isDoubled) start += 1;
  }
  return units;
}

/** Digits that follow `\x`, `\u`, `\U`. */
const ESCAPE_DIGITS: Readonly<Record<string, number>> = {x: 2, u: 4, U: 8};
/** Escapes that mean white space. */
const BLANK_ESCAPES = new Set(['n', 't', 'r', ' ', '\t', '\n']);

function escapedUnits(text: string, from: number, to: number): Unit[] {
  const units: Unit[] = [];
  for (let start = from; start < to;) {
    if (text[start] !== '\\') {
      if (!isBlank(text[start]!)) units.push({start, end: start + 1});
      start += 1;
      continue;
    }
    const letter = text[start + 1] ?? '';
    const digits = ESCAPE_DIGITS[letter] ?? 0;
    const end = start + 2 + digits;
    const code = digits === 0 ? NaN : Number.parseInt(text.slice(start + 2, end), 16);
    const character = Number.isNaN(code) ? null : String.fromCodePoint(Math.min(code, 0x10ffff));
    const blank = character === null ? BLANK_ESCAPES.has(letter) : isBlank(character);
    // A character beyond the basic plane is two UTF-16 units.
    for (let unit = 0; !blank && unit < (character?.length ?? 1); unit += 1)
      units.push({start, end});
    start = end;
  }
  return units;
}
