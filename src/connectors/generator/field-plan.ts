// From a field's options to what the generator does for it. Problems are reported, all of them; the plan
// is what can be made of the rest.

import {parseDuration} from '../../job/duration.ts';
import type {OptionValue, OptionValues} from '../../job/job-spec.ts';
import type {OptionProblem} from '../../job/operator-spec.ts';
import {parseRfc3339} from '../../formats/time-text.ts';
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
  type DataType,
} from '../../records/data-type.ts';

export const FIELD_KINDS = [
  'sequence',
  'uniform',
  'zipf',
  'choice',
  'timestamp',
  'constant',
] as const;
export type FieldKindName = (typeof FIELD_KINDS)[number];

/** Ranks of a zipf field: its table takes 12 bytes for each. */
export const MAX_ZIPF_RANKS = 10_000_000;

export type Scalar = string | number | boolean | null;

interface Common {
  readonly name: string;
  readonly type: DataType;
  /** Makes a string of a number; null: the number itself. */
  readonly prefix: string | null;
}

export type FieldPlan = Common &
  (
    | {readonly kind: 'sequence'; readonly start: number; readonly step: number}
    | {
        readonly kind: 'uniform';
        readonly min: number;
        readonly max: number;
        readonly whole: boolean;
      }
    | {readonly kind: 'zipf'; readonly ranks: number; readonly exponent: number}
    | {
        readonly kind: 'choice';
        readonly values: readonly Scalar[];
        readonly weights: readonly number[];
      }
    /** Milliseconds. */
    | {
        readonly kind: 'timestamp';
        readonly start: number;
        readonly step: number;
        readonly disorder: number;
      }
    | {readonly kind: 'constant'; readonly value: Scalar}
  );

/** The keys that each kind takes, beside `kind`. */
const KEYS: Readonly<Record<FieldKindName, readonly string[]>> = {
  sequence: ['start', 'step', 'type', 'prefix'],
  uniform: ['min', 'max', 'type', 'prefix'],
  zipf: ['n', 'exponent', 'type', 'prefix'],
  choice: ['values', 'weights'],
  timestamp: ['start', 'step', 'disorder'],
  constant: ['value'],
};

type Report = (problem: OptionProblem) => void;

/** The `fields` option: a list of [name, options] in the order of the file. */
export function planFields(fields: OptionValue, report: Report): FieldPlan[] {
  const entries = (fields ?? []) as readonly (readonly [string, OptionValues])[];
  if (entries.length === 0)
    report({path: ['fields'], message: 'a generator needs at least one field'});
  return entries.map(([name, options]) => planField(name, options, report));
}

function planField(name: string, options: OptionValues, report: Report): FieldPlan {
  const at = new FieldOptions(name, options, report);
  const kind = options['kind'] as FieldKindName;
  at.refuseOthers(kind);
  switch (kind) {
    case 'sequence':
      return {
        ...at.number(BIGINT),
        kind,
        start: at.whole('start', 0),
        step: at.whole('step', 1),
      };
    case 'uniform':
      return planUniform(at);
    case 'zipf': {
      const ranks = at.whole('n', 1000);
      if (ranks < 1 || ranks > MAX_ZIPF_RANKS) {
        at.problem('n', `is between 1 and ${MAX_ZIPF_RANKS}`);
      }
      const exponent = at.real('exponent', 1);
      if (exponent < 0) at.problem('exponent', 'is not negative');
      return {...at.number(BIGINT), kind, ranks, exponent};
    }
    case 'choice':
      return planChoice(at);
    case 'timestamp': {
      const disorder = at.duration('disorder', 0);
      return {
        name,
        type: TIMESTAMP,
        prefix: null,
        kind,
        start: at.instant('start', 0),
        step: at.duration('step', 1000),
        disorder,
      };
    }
    case 'constant': {
      const value = (options['value'] ?? null) as Scalar;
      return {name, type: scalarType([value]), prefix: null, kind, value};
    }
  }
}

function planUniform(at: FieldOptions): FieldPlan {
  const common = at.number(DOUBLE);
  const whole = common.prefix !== null || common.type.kind !== 'double';
  const min = whole ? at.whole('min', 0) : at.real('min', 0);
  const max = whole ? at.whole('max', 100) : at.real('max', 1);
  if (min > max) at.problem('max', `is less than min (${min})`);
  if (max - min > Number.MAX_SAFE_INTEGER) at.problem('max', 'is too far from min');
  if (common.type.kind === 'int' && (min < -(2 ** 31) || max >= 2 ** 31)) {
    at.problem('type', `an int does not hold every number from ${min} to ${max}`);
  }
  return {...common, kind: 'uniform', min, max, whole};
}

function planChoice(at: FieldOptions): FieldPlan {
  const values = (at.options['values'] ?? []) as readonly Scalar[];
  if (values.length === 0) at.problem('values', 'lists at least one value');
  const weights = (at.options['weights'] ?? values.map(() => 1)) as readonly number[];
  if (weights.length !== values.length) {
    at.problem('weights', `has ${weights.length} numbers for ${values.length} values`);
  }
  if (weights.some((weight) => weight < 0) || weights.every((weight) => weight === 0)) {
    at.problem('weights', 'has no negative number, and one above 0');
  }
  const kinds = new Set(values.filter((value) => value !== null).map((value) => typeof value));
  if (kinds.size > 1) at.problem('values', 'are all of one type');
  return {name: at.name, type: scalarType(values), prefix: null, kind: 'choice', values, weights};
}

/** Numbers are bigint when all are whole, else double; text, or nothing but NULL, is string. */
function scalarType(values: readonly Scalar[]): DataType {
  const known = values.filter((value) => value !== null);
  if (known.length > 0 && known.every((value) => typeof value === 'boolean')) return BOOLEAN;
  if (known.length > 0 && known.every((value) => typeof value === 'number')) {
    return known.every((value) => Number.isSafeInteger(value)) ? BIGINT : DOUBLE;
  }
  return STRING;
}

/** The options of one field, read with defaults; what does not fit is reported. */
class FieldOptions {
  readonly name: string;
  readonly options: OptionValues;
  readonly #report: Report;

  constructor(name: string, options: OptionValues, report: Report) {
    this.name = name;
    this.options = options;
    this.#report = report;
  }

  problem(key: string, message: string): void {
    this.#report({path: ['fields', this.name, key], message});
  }

  refuseOthers(kind: FieldKindName): void {
    for (const key of Object.keys(this.options)) {
      if (key === 'kind' || this.options[key] === undefined || KEYS[kind].includes(key)) continue;
      this.problem(key, `a field of kind ${kind} has no ${key}; it takes ${KEYS[kind].join(', ')}`);
    }
  }

  /** Name and type of a number field; with a prefix it is a string. */
  number(standard: DataType): Common {
    const prefix = (this.options['prefix'] ?? null) as string | null;
    const type = this.options['type'];
    if (prefix !== null && type !== undefined) {
      this.problem('type', 'a field with a prefix is a string; leave `type` out');
    }
    if (prefix !== null) return {name: this.name, type: STRING, prefix};
    const types: Readonly<Record<string, DataType>> = {int: INT, bigint: BIGINT, double: DOUBLE};
    return {name: this.name, type: types[type as string] ?? standard, prefix};
  }

  real(key: string, standard: number): number {
    const value = this.options[key] ?? standard;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.problem(key, 'is a number');
    return standard;
  }

  whole(key: string, standard: number): number {
    const value = this.options[key] ?? standard;
    if (Number.isSafeInteger(value)) return value as number;
    this.problem(key, 'is a whole number');
    return standard;
  }

  duration(key: string, standard: number): number {
    const value = this.options[key];
    if (value === undefined) return standard;
    const parsed = parseDuration(scalarText(value));
    if (parsed.kind === 'ok') return parsed.value;
    this.problem(key, parsed.message);
    return standard;
  }

  instant(key: string, standard: number): number {
    const value = this.options[key];
    if (value === undefined) return standard;
    const text = new TextEncoder().encode(scalarText(value));
    const millis = parseRfc3339(text, 0, text.length);
    if (!Number.isNaN(millis)) return millis;
    this.problem(key, 'is an instant like 2026-01-01T00:00:00Z');
    return standard;
  }
}

function scalarText(value: OptionValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
