// How connectors and steps declare their fields, as data: validation, error positions, help and the
// reference page come from this one declaration.

/** What a field accepts, and what it becomes in `OptionValues`. */
export type FieldKind =
  | {readonly kind: 'string'; readonly pattern?: RegExp | undefined}
  /** → absolute path (relative ones start at the job file). */
  | {readonly kind: 'path'}
  /** `10s`, `5 min`, `PT10S` → milliseconds. */
  | {readonly kind: 'duration'}
  /** `64mb`, `20 kb`, `1gib` → bytes. */
  | {readonly kind: 'size'}
  /** A whole number. */
  | {readonly kind: 'count'; readonly minimum: number; readonly maximum: number}
  | {
      readonly kind: 'number';
      readonly minimum?: number | undefined;
      readonly maximum?: number | undefined;
    }
  | {readonly kind: 'boolean'}
  | {readonly kind: 'choice'; readonly values: readonly string[]}
  /** Any scalar: string, number, boolean, null. */
  | {readonly kind: 'scalar'}
  /** SQL expression text over the input's columns; the operator's `plan` checks it. */
  | {readonly kind: 'expression'}
  /** A column name of the input (of the source's own schema, in a source). */
  | {readonly kind: 'column'}
  | {readonly kind: 'list'; readonly of: FieldKind; readonly minimum?: number | undefined}
  /** Free keys, in the order of the file. Becomes a list of `[key, value]` pairs. */
  | {readonly kind: 'map'; readonly of: FieldKind; readonly keys: RegExp}
  | {readonly kind: 'object'; readonly fields: readonly FieldSpec[]}
  /** The first alternative that fits the YAML value's shape (scalar, list, map). */
  | {readonly kind: 'one-of'; readonly alternatives: readonly FieldKind[]};

export interface FieldSpec {
  /** kebab-case, as in the file. */
  readonly name: string;
  readonly type: FieldKind;
  readonly required?: boolean | undefined;
  /** As it would be written in YAML; absent and not required: undefined. */
  readonly default?: string | number | boolean | null | undefined;
  readonly description: string;
  /** As in YAML, one line. */
  readonly example: string;
  /** `***` in every output. */
  readonly secret?: boolean | undefined;
}
