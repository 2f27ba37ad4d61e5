import {assert} from '../base/assert.ts';
import type {OptionValue} from '../job/job-spec.ts';

/** An option that the spec declares as text. */
export function textOf(value: OptionValue): string {
  assert(typeof value === 'string', 'an option is text');
  return value;
}

/** A `map` option as name and text, in the order of the file. */
export function pairsOf(value: OptionValue): readonly (readonly [string, string])[] {
  if (value === undefined) return [];
  assert(Array.isArray(value), 'a map option is a list of pairs');
  return value.map((pair: unknown): [string, string] => {
    assert(Array.isArray(pair) && pair.length === 2, 'a pair');
    return [String(pair[0]), String(pair[1])];
  });
}
