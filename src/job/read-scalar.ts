// One YAML scalar → one option value, by the kind that its field declares. Nothing is coerced: a
// number is not a text, a text is not a number, and `no` is a text.

import {resolve} from 'node:path';

import {didYouMean} from './closest.ts';
import {describeKind} from './describe-kind.ts';
import {parseDuration, parseSize} from './duration.ts';
import type {Parsed} from './duration.ts';
import type {FieldKind} from './field-spec.ts';
import type {FindingList} from './finding.ts';
import {quoted} from './finding.ts';
import type {OptionValue} from './job-spec.ts';
import type {YamlNode, YamlScalar} from './yaml-node.ts';

export interface ReadContext {
  readonly findings: FindingList;
  /** Absolute; relative paths start here. */
  readonly directory: string;
}

/** Which value is being read, for messages. */
export interface ValueName {
  readonly name: string;
  readonly secret: boolean;
}

export type ScalarKind = Exclude<FieldKind, {kind: 'list' | 'map' | 'object' | 'one-of'}>;

export function readScalar(
  node: YamlScalar,
  kind: ScalarKind,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  if (node.value === null && kind.kind !== 'scalar') return missing(node, kind, field, context);
  switch (kind.kind) {
    case 'string':
      return readString(node, kind.pattern, field, context);
    case 'column':
      return readString(node, undefined, field, context);
    case 'path':
      return readPath(node, field, context);
    case 'duration':
      return readMeasure(node, kind, parseDuration, field, context);
    case 'size':
      return readMeasure(node, kind, parseSize, field, context);
    case 'count':
    case 'number':
      return readNumber(node, kind, field, context);
    case 'boolean':
      return readBoolean(node, field, context);
    case 'choice':
      return readChoice(node, kind.values, field, context);
    case 'scalar':
      if (typeof node.value !== 'bigint') return node.value;
      return mismatch(node, 'a number within 2^53', field, context, `quote it: "${node.written}"`);
    case 'expression':
      // A plain `1` or `true` is an expression as it is written.
      return typeof node.value === 'string' ? node.value : node.written;
  }
}

function readString(
  node: YamlScalar,
  pattern: RegExp | undefined,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  if (typeof node.value !== 'string') {
    const suggestion = field.secret ? 'quote it' : `quote it: "${node.written}"`;
    return mismatch(node, 'a text', field, context, suggestion);
  }
  if (pattern !== undefined && !pattern.test(node.value)) {
    return mismatch(node, `a text that matches ${pattern.source}`, field, context);
  }
  return node.value;
}

function readPath(node: YamlScalar, field: ValueName, context: ReadContext): OptionValue {
  const text = readString(node, undefined, field, context);
  if (typeof text !== 'string') return undefined;
  if (text === '') return mismatch(node, 'a path', field, context);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    return mismatch(
      node,
      'a path on this machine',
      field,
      context,
      'remote storage is not built yet',
    );
  }
  return resolve(context.directory, text);
}

function readMeasure(
  node: YamlScalar,
  kind: ScalarKind,
  parse: (text: string) => Parsed,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  const isText = typeof node.value === 'string' || typeof node.value === 'number';
  if (!isText) return mismatch(node, describeKind(kind), field, context);
  const parsed = parse(typeof node.value === 'string' ? node.value.trim() : node.written);
  if (parsed.kind === 'ok') return parsed.value;
  context.findings.error(
    'value-invalid',
    node,
    `${field.name}: ${show(node, field)} ${parsed.message}`,
    parsed.suggestion,
  );
  return undefined;
}

function readNumber(
  node: YamlScalar,
  kind: Extract<FieldKind, {kind: 'count' | 'number'}>,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  const {value} = node;
  const what = describeKind(kind);
  if (typeof value === 'bigint') {
    return mismatch(node, what, field, context, 'whole numbers beyond 2^53 are not exact here');
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    const numeric = typeof value === 'string' && node.segments === null && isNumberText(value);
    const fromVariable =
      node.segments === null ? null : 'a variable gives a text; use --set to give a number';
    return mismatch(
      node,
      what,
      field,
      context,
      numeric ? `without quotes: ${value}` : fromVariable,
    );
  }
  if (/^[-+]?0[0-9]/.test(node.written)) {
    return mismatch(
      node,
      what,
      field,
      context,
      `a leading 0 means octal elsewhere: write ${value}`,
    );
  }
  const whole = kind.kind === 'number' || Number.isSafeInteger(value);
  const inRange = value >= (kind.minimum ?? -Infinity) && value <= (kind.maximum ?? Infinity);
  return whole && inRange ? value : mismatch(node, what, field, context);
}

function isNumberText(text: string): boolean {
  return /^[-+]?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(text);
}

function readChoice(
  node: YamlScalar,
  values: readonly string[],
  field: ValueName,
  context: ReadContext,
): OptionValue {
  if (typeof node.value === 'string' && values.includes(node.value)) return node.value;
  const suggestion =
    node.segments === null && !field.secret
      ? didYouMean(typeof node.value === 'string' ? node.value : node.written, values)
      : null;
  return mismatch(node, `one of ${values.join(', ')}`, field, context, suggestion);
}

function readBoolean(node: YamlScalar, field: ValueName, context: ReadContext): OptionValue {
  if (typeof node.value === 'boolean') return node.value;
  return mismatch(node, 'true or false', field, context, booleanSuggestion(node));
}

function booleanSuggestion(node: YamlScalar): string | null {
  if (node.segments !== null || typeof node.value !== 'string') return null;
  if (/^(true|yes|on|y)$/i.test(node.value)) return 'write true, without quotes';
  if (/^(false|no|off|n)$/i.test(node.value)) return 'write false, without quotes';
  return null;
}

export function mismatch(
  node: YamlNode,
  expected: string,
  field: ValueName,
  context: ReadContext,
  suggestion: string | null = null,
): OptionValue {
  context.findings.error(
    'value-type',
    node,
    `${field.name} must be ${expected}, not ${show(node, field)}`,
    suggestion,
  );
  return undefined;
}

function missing(
  node: YamlNode,
  kind: FieldKind,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  context.findings.error(
    'value-missing',
    node,
    `${field.name} has no value; it must be ${describeKind(kind)}`,
  );
  return undefined;
}

function show(node: YamlNode, field: ValueName): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  if (field.secret) return '***';
  return typeof node.value === 'string' ? quoted(node.written) : node.written || 'nothing';
}
