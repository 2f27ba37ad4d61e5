import type {Value} from '#src/records/value.js';

/** Equal texts: the same key by SQL's group-by equality. */
export function keyOf(values: readonly Value[]): string {
  return values
    .map((value) => {
      if (typeof value === 'number') return `n${Object.is(value, -0) ? 0 : value}`;
      if (value instanceof Uint8Array) return `b${[...value].join(',')}`;
      return `${typeof value}${String(value)}`;
    })
    .join('|');
}
