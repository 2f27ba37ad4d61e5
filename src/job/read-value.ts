// One YAML node → one option value, and a map → the values of its declared fields.

import {didYouMean} from './closest.ts';
import {describeKind} from './describe-kind.ts';
import type {FieldKind, FieldSpec} from './field-spec.ts';
import {quoted} from './finding.ts';
import type {OptionValue, OptionValues} from './job-spec.ts';
import type {ReadContext, ValueName} from './read-scalar.ts';
import {mismatch, readScalar} from './read-scalar.ts';
import {SourceText} from './source-text.ts';
import type {YamlList, YamlMap, YamlNode, YamlScalar} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';
import {assert} from '../base/assert.ts';

/** Undefined: it does not fit, and a finding says why. */
export function readValue(
  node: YamlNode,
  kind: FieldKind,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  switch (kind.kind) {
    case 'list':
      return readList(node, kind.of, kind.minimum ?? 0, field, context);
    case 'map':
      return readPairs(node, kind, field, context);
    case 'object':
      if (node.kind !== 'map') {
        return mismatch(node, 'a map', field, context, switchSuggestion(node, kind.fields));
      }
      return readFields(node, kind.fields, field.name, context);
    case 'one-of':
      return readOneOf(node, kind.alternatives, field, context);
    default:
      if (node.kind !== 'scalar') return mismatch(node, describeKind(kind), field, context);
      return readScalar(node, kind, field, context);
  }
}

function readList(
  node: YamlNode,
  of: FieldKind,
  minimum: number,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  if (node.kind !== 'list') {
    const suggestion = node.kind === 'scalar' && !field.secret ? listSuggestion(node) : null;
    return mismatch(node, 'a list', field, context, suggestion);
  }
  if (node.items.length < minimum) {
    return mismatch(node, `a list of at least ${minimum}`, field, context);
  }
  const values = readItems(node, of, field, context);
  return values.includes(undefined) ? undefined : values;
}

function readItems(
  node: YamlList,
  of: FieldKind,
  field: ValueName,
  context: ReadContext,
): OptionValue[] {
  return node.items.map((item, index) =>
    readValue(item, of, {...field, name: `${field.name}[${index}]`}, context),
  );
}

function listSuggestion(node: YamlScalar): string | null {
  return node.written === '' ? null : `write [${node.written}]`;
}

/** `unaligned: true`, for a map that has a field `enabled`. */
function switchSuggestion(
  node: YamlNode,
  fields: readonly {readonly name: string}[],
): string | null {
  const isSwitch = node.kind === 'scalar' && typeof node.value === 'boolean';
  if (!isSwitch || !fields.some(({name}) => name === 'enabled')) return null;
  return `write {enabled: ${node.written}}`;
}

function readPairs(
  node: YamlNode,
  kind: Extract<FieldKind, {kind: 'map'}>,
  field: ValueName,
  context: ReadContext,
): OptionValue {
  if (node.kind !== 'map') return mismatch(node, 'a map', field, context);
  const pairs: OptionValue[] = [];
  let complete = true;
  for (const {key, keyPlace, value} of node.entries) {
    const fits = kind.keys.test(key);
    if (!fits) {
      context.findings.error(
        'key-invalid',
        keyPlace,
        `${field.name}: the key ${quoted(key)} does not match ${kind.keys.source}`,
      );
    }
    const read = readValue(value, kind.of, {...field, name: `${field.name}.${key}`}, context);
    complete &&= fits && read !== undefined;
    pairs.push([key, read]);
  }
  return complete ? pairs : undefined;
}

function readOneOf(
  node: YamlNode,
  alternatives: readonly FieldKind[],
  field: ValueName,
  context: ReadContext,
): OptionValue {
  const shaped = alternatives.filter((alternative) => shapeOf(alternative) === node.kind);
  const fitting =
    shaped.find((alternative) => isChoice(alternative, node)) ??
    shaped.find((alternative) => fitsValue(alternative, node)) ??
    shaped[0];
  if (fitting !== undefined) return readValue(node, fitting, field, context);
  return mismatch(node, alternatives.map(describeKind).join(', or '), field, context);
}

/** A word that stands for itself, beside texts of another kind: `none` where a duration may stand. */
function isChoice(kind: FieldKind, node: YamlNode): boolean {
  return (
    kind.kind === 'choice' && node.kind === 'scalar' && kind.values.includes(String(node.value))
  );
}

function shapeOf(kind: FieldKind): YamlNode['kind'] | null {
  switch (kind.kind) {
    case 'list':
      return 'list';
    case 'map':
    case 'object':
      return 'map';
    case 'one-of':
      return null;
    default:
      return 'scalar';
  }
}

/** Whether a scalar's own type is one that the kind could take. */
function fitsValue(kind: FieldKind, node: YamlNode): boolean {
  if (node.kind !== 'scalar' || kind.kind === 'scalar' || kind.kind === 'expression') return true;
  const isNumeric = kind.kind === 'count' || kind.kind === 'number';
  if (typeof node.value === 'boolean') return kind.kind === 'boolean';
  if (typeof node.value === 'string') return !isNumeric && kind.kind !== 'boolean';
  return isNumeric || kind.kind === 'size' || kind.kind === 'duration';
}

/**
 * The declared fields of a map, defaults filled in; undefined when one of them is wrong (reported).
 * Keys that are no field are reported, but for those in `otherKeys`, which someone else reads.
 */
export function readFields(
  map: YamlMap,
  fields: readonly FieldSpec[],
  name: string,
  context: ReadContext,
  otherKeys: readonly string[] = [],
): OptionValues | undefined {
  const known = [...otherKeys, ...fields.map((field) => field.name)];
  let complete = refuseUnknownKeys(map, known, name, context);
  const values: Record<string, OptionValue> = {};
  for (const field of fields) {
    const node = valueOf(map, field.name);
    const value = node === null ? defaultOf(field, context) : undefined;
    if (node !== null) {
      const secret = field.secret === true;
      const read = readValue(node, field.type, {name: pathOf(name, field.name), secret}, context);
      if (read === undefined) complete = false;
      values[field.name] = read;
    } else if (field.required === true) {
      complete = false;
      context.findings.error(
        'key-missing',
        map,
        `${name} lacks ${quoted(field.name)}: ${describeKind(field.type)}`,
        `${field.name}: ${field.example}`,
      );
    } else {
      values[field.name] = value;
    }
  }
  return complete ? values : undefined;
}

/** True when every key is known. */
export function refuseUnknownKeys(
  map: YamlMap,
  known: readonly string[],
  name: string,
  context: ReadContext,
): boolean {
  let complete = true;
  for (const {key, keyPlace} of map.entries) {
    if (known.includes(key)) continue;
    complete = false;
    context.findings.error(
      'key-unknown',
      keyPlace,
      `${name} has no key ${quoted(key)}`,
      context.findings.isFull ? null : didYouMean(key, known),
    );
  }
  return complete;
}

function pathOf(parent: string, name: string): string {
  return parent === '' ? name : `${parent}.${name}`;
}

/** A default is written as in YAML, so it is read like any value. */
function defaultOf(field: FieldSpec, context: ReadContext): OptionValue {
  if (field.default === undefined || field.default === null) return field.default;
  const written = String(field.default);
  const scalar: YamlScalar = {
    kind: 'scalar',
    value: field.default,
    style: 'plain',
    origin: new SourceText(written, `default of ${field.name}`),
    start: 0,
    end: written.length,
    written,
    segments: null,
  };
  const value = readValue(scalar, field.type, {name: field.name, secret: false}, context);
  assert(value !== undefined, `the default of ${field.name} does not fit its own type`);
  return value;
}
