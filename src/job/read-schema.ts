// A source's `schema`: `{date: timestamp, city: {type: string, path: user.address.city}}`.

import {didYouMean} from './closest.ts';
import {quoted} from './finding.ts';
import type {OptionValues} from './job-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import {readFields, readValue} from './read-value.ts';
import type {SourceColumn, TimeFormat} from './schema-column.ts';
import type {FieldSpec} from './field-spec.ts';
import type {Place} from './source-text.ts';
import type {YamlEntry, YamlMap, YamlNode} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';
import type {DataType} from '../records/data-type.ts';
import {
  BIGINT,
  BOOLEAN,
  BYTES,
  DATE,
  DOUBLE,
  INT,
  MAX_DECIMAL_PRECISION,
  STRING,
  TIMESTAMP,
  decimal,
} from '../records/data-type.ts';

export const MAX_COLUMNS = 1000;
const MAX_COLUMN_NAME_LENGTH = 128;
const MAX_PATH_PARTS = 32;

/** Types without parameters, by their name in the file. */
const TYPES: Readonly<Record<string, DataType>> = {
  boolean: BOOLEAN,
  int: INT,
  bigint: BIGINT,
  double: DOUBLE,
  string: STRING,
  timestamp: TIMESTAMP,
  date: DATE,
  bytes: BYTES,
};
const TYPE_NAMES = [...Object.keys(TYPES), 'decimal(p,s)'];
/** What people write for them elsewhere. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  integer: 'int',
  long: 'bigint',
  int64: 'bigint',
  int32: 'int',
  float: 'double',
  number: 'double',
  text: 'string',
  varchar: 'string',
  bool: 'boolean',
  datetime: 'timestamp',
  binary: 'bytes',
  decimal: 'decimal(p,s)',
};

export const COLUMN_FIELDS: readonly FieldSpec[] = [
  {
    name: 'type',
    type: {kind: 'string'},
    required: true,
    description: `One of ${TYPE_NAMES.join(', ')}.`,
    example: 'timestamp',
  },
  {
    name: 'path',
    type: {
      kind: 'one-of',
      alternatives: [{kind: 'string'}, {kind: 'list', of: {kind: 'string'}, minimum: 1}],
    },
    description: 'Where the record keeps it, names joined by dots or a list of names.',
    example: 'user.address.city',
  },
  {
    name: 'format',
    type: {kind: 'string'},
    description:
      'Of a timestamp or date: rfc3339 (default), epoch-millis, epoch-seconds, or a pattern of yyyy MM dd HH mm ss SSS.',
    example: 'yyyy/MM/dd HH:mm',
  },
  {
    name: 'zone',
    type: {kind: 'string'},
    description: 'Zone of a pattern without one: UTC or a fixed offset.',
    example: '+01:00',
  },
];

/** Undefined: something is wrong with it (reported). */
export function readSchema(
  node: YamlNode,
  name: string,
  context: ReadContext,
): readonly SourceColumn[] | undefined {
  if (node.kind !== 'map' || node.entries.length === 0 || node.entries.length > MAX_COLUMNS) {
    context.findings.error(
      'schema-invalid',
      node,
      `${name} must be a map of 1 to ${MAX_COLUMNS} columns`,
      'write {date: timestamp, origin: string}',
    );
    return undefined;
  }
  const columns = node.entries.map((entry) => readColumn(entry, name, context));
  const complete = columns.filter((column) => column !== undefined);
  return complete.length === columns.length ? complete : undefined;
}

function readColumn(
  entry: YamlEntry,
  schema: string,
  context: ReadContext,
): SourceColumn | undefined {
  const name = `${schema}.${entry.key}`;
  if (entry.key === '' || entry.key.length > MAX_COLUMN_NAME_LENGTH || /\p{Cc}/u.test(entry.key)) {
    context.findings.error(
      'schema-invalid',
      entry.keyPlace,
      `${quoted(entry.key)} cannot name a column`,
      `1 to ${MAX_COLUMN_NAME_LENGTH} characters, none of them a control character`,
    );
    return undefined;
  }
  if (entry.value.kind === 'map') return readLongColumn(entry.key, entry.value, name, context);
  const text = readValue(entry.value, {kind: 'string'}, {name, secret: false}, context);
  if (typeof text !== 'string') return undefined;
  const type = readType(text, entry.value, name, context);
  if (type === undefined) return undefined;
  return {name: entry.key, type, path: [entry.key], timeFormat: defaultTimeFormat(type)};
}

function readLongColumn(
  key: string,
  map: YamlMap,
  name: string,
  context: ReadContext,
): SourceColumn | undefined {
  const options = readFields(map, COLUMN_FIELDS, name, context);
  const typeText = options?.['type'];
  if (options === undefined || typeof typeText !== 'string') return undefined;
  const type = readType(typeText, valueOf(map, 'type') ?? map, name, context);
  const path = readColumnPath(options, key, valueOf(map, 'path') ?? map, name, context);
  if (type === undefined || path === undefined) return undefined;
  const timeFormat = readTimeFormat(options, type, map, name, context);
  return timeFormat === undefined ? undefined : {name: key, type, path, timeFormat};
}

function readColumnPath(
  options: OptionValues,
  key: string,
  place: Place,
  name: string,
  context: ReadContext,
): readonly string[] | undefined {
  const written = options['path'];
  if (written === undefined) return [key];
  const parts = typeof written === 'string' ? written.split('.') : (written as readonly string[]);
  if (parts.length <= MAX_PATH_PARTS && parts.every((part) => part !== '')) return parts;
  context.findings.error(
    'schema-invalid',
    place,
    `${name}.path must be 1 to ${MAX_PATH_PARTS} names joined by dots`,
    'write user.address.city, or a list when a name holds a dot',
  );
  return undefined;
}

/** `decimal(10,2)` → its type. */
export function readType(
  text: string,
  place: Place,
  name: string,
  context: ReadContext,
): DataType | undefined {
  const lower = text.toLowerCase();
  if (Object.hasOwn(TYPES, lower)) return TYPES[lower];
  const match = /^decimal\(\s{0,4}(\d{1,4})\s{0,4}(?:,\s{0,4}(\d{1,4})\s{0,4})?\)$/.exec(lower);
  if (match === null) {
    const base = lower.replace(/\(.*$/s, '');
    const known = Object.hasOwn(OTHER_NAMES, base) ? `did you mean "${OTHER_NAMES[base]}"?` : null;
    context.findings.error(
      'schema-type',
      place,
      `${name}: no type is called ${quoted(text)}`,
      known ?? didYouMean(text, TYPE_NAMES),
    );
    return undefined;
  }
  const precision = Number(match[1]);
  const scale = Number(match[2] ?? 0);
  if (precision < 1 || precision > MAX_DECIMAL_PRECISION || scale > precision) {
    context.findings.error(
      'schema-type',
      place,
      `${name}: ${quoted(text)} must have 1 to ${MAX_DECIMAL_PRECISION} digits, of which at most all follow the point`,
      precision > MAX_DECIMAL_PRECISION
        ? `a decimal is an exact 64-bit integer, and more than ${MAX_DECIMAL_PRECISION} digits do not fit`
        : null,
    );
    return undefined;
  }
  return decimal(precision, scale);
}

function defaultTimeFormat(type: DataType): TimeFormat | null {
  return type.kind === 'timestamp' || type.kind === 'date' ? {kind: 'rfc3339'} : null;
}

function readTimeFormat(
  options: OptionValues,
  type: DataType,
  map: YamlMap,
  name: string,
  context: ReadContext,
): TimeFormat | null | undefined {
  const format = options['format'];
  const zone = options['zone'] as string | undefined;
  const place = valueOf(map, 'format') ?? valueOf(map, 'zone') ?? map;
  const refuse = (message: string, suggestion: string | null): undefined => {
    context.findings.error('schema-time-format', place, `${name}: ${message}`, suggestion);
    return undefined;
  };
  if (type.kind !== 'timestamp' && type.kind !== 'date') {
    if (format === undefined && zone === undefined) return null;
    refuse('only a timestamp or a date has a format and a zone', null);
    return;
  }
  const isPattern = typeof format === 'string' && !NAMED_FORMATS.has(format);
  if (zone !== undefined && !isPattern) {
    refuse('a zone goes with a pattern only; rfc3339 and epoch times carry their own', null);
    return;
  }
  if (typeof format !== 'string') return {kind: 'rfc3339'};
  if (!isPattern) return {kind: format as 'rfc3339' | 'epoch-millis' | 'epoch-seconds'};
  const problem = patternProblem(format, type.kind);
  if (problem !== null) {
    refuse(problem, "write yyyy-MM-dd'T'HH:mm:ss, epoch-millis, …");
    return;
  }
  const offsetMinutes = parseZone(zone ?? 'UTC');
  if (offsetMinutes === null) {
    refuse(`${quoted(zone ?? '')} is not UTC or a fixed offset`, 'write UTC or +01:00');
    return;
  }
  return {kind: 'pattern', pattern: format, offsetMinutes};
}

const NAMED_FORMATS = new Set(['rfc3339', 'epoch-millis', 'epoch-seconds']);

/** Letters that are no part have to be quoted, as in Java, so that a typing error is not literal text. */
function patternProblem(pattern: string, type: 'timestamp' | 'date'): string | null {
  const parts = pattern.match(/'(?:''|[^'])*'|'|([A-Za-z])\1*/g) ?? [];
  const seen = new Set<string>();
  for (const part of parts) {
    if (part.length > 1 && part.startsWith("'")) continue;
    if (!PATTERN_PARTS.has(part)) {
      return `the pattern has an unknown part ${quoted(part)}; other letters stand in '…'`;
    }
    if (seen.has(part)) return `the pattern has ${quoted(part)} twice`;
    seen.add(part);
  }
  const lacking = ['yyyy', 'MM', 'dd'].filter((part) => !seen.has(part));
  if (lacking.length > 0) return `the pattern lacks ${lacking.join(', ')}`;
  if (type === 'date' && seen.size > 3) return 'the pattern of a date has yyyy, MM and dd only';
  return null;
}

const PATTERN_PARTS = new Set(['yyyy', 'MM', 'dd', 'HH', 'mm', 'ss', 'SSS']);

function parseZone(zone: string): number | null {
  if (/^(utc|z)$/i.test(zone)) return 0;
  const match = /^(?:utc)?([+-])(\d{2}):?(\d{2})$/i.exec(zone);
  if (match === null) return null;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  if (Number(match[3]) > 59 || minutes > 18 * 60) return null;
  return match[1] === '-' ? -minutes : minutes;
}
