import type {FieldKind} from './field-spec.ts';

/** Kinds that say nothing more of themselves. */
const SIMPLE_KINDS = {
  string: 'a text',
  scalar: 'a text, number or boolean',
  path: 'a path',
  duration: 'a duration like 10s',
  size: 'a size like 64mb',
  boolean: 'true or false',
  expression: 'an expression',
  column: 'a column name',
} as const;

/** `a duration`, `one of a, b`: for messages and the reference. */
export function describeKind(kind: FieldKind): string {
  switch (kind.kind) {
    case 'count':
      return `a whole number ${rangeText(kind.minimum, kind.maximum)}`.trim();
    case 'number':
      return `a number ${rangeText(kind.minimum, kind.maximum)}`.trim();
    case 'choice':
      return `one of ${kind.values.join(', ')}`;
    case 'list':
      return `a list, each ${describeKind(kind.of)}`;
    case 'map':
      return `a map, each value ${describeKind(kind.of)}`;
    case 'object':
      return `a map of ${kind.fields.map((field) => field.name).join(', ')}`;
    case 'one-of':
      return kind.alternatives.map(describeKind).join(', or ');
    default:
      return SIMPLE_KINDS[kind.kind];
  }
}

function rangeText(minimum: number | undefined, maximum: number | undefined): string {
  const low = minimum ?? Number.MIN_SAFE_INTEGER;
  const high = maximum ?? Number.MAX_SAFE_INTEGER;
  if (low > Number.MIN_SAFE_INTEGER && high < Number.MAX_SAFE_INTEGER) {
    return low === high ? `equal to ${low}` : `from ${low} to ${high}`;
  }
  if (low > Number.MIN_SAFE_INTEGER) return `of at least ${low}`;
  return high < Number.MAX_SAFE_INTEGER ? `of at most ${high}` : '';
}
