import {didYouMean} from './closest.ts';
import type {FieldKind, FieldSpec} from './field-spec.ts';
import {quoted} from './finding.ts';
import type {OptionProblem} from './operator-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import {placeInScalar} from './scalar-position.ts';
import type {Place} from './source-text.ts';
import type {YamlMap, YamlNode} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';
import type {Schema} from '../records/schema.ts';
import {fieldIndex} from '../records/schema.ts';

/** A connector's or operator's own finding, put where the value stands. */
export function reportProblem(
  problem: OptionProblem,
  map: YamlMap,
  name: string,
  context: ReadContext,
  fallback: Place | null = null,
): void {
  const node = find(map, problem.path);
  const path = problem.path.map(String).join('.');
  const where = path === '' ? name : `${name}.${path}`;
  let place: Place = node === map && fallback !== null ? fallback : node;
  let {message} = problem;
  if (node.kind === 'scalar') {
    if (problem.offset !== undefined) place = placeInScalar(node, problem.offset);
    const variables = (node.segments ?? []).flatMap(({variable}) => variable ?? []);
    // The message may quote any part of a value that must not be shown.
    if (variables.length > 0) message = `not valid with the value of ${variables.join(', ')}`;
  }
  const isExpression = problem.offset !== undefined;
  context.findings.error(
    problem.rule ?? (isExpression ? 'expression-invalid' : 'option-invalid'),
    place,
    `${where}: ${message}`,
    message === problem.message ? (problem.suggestion ?? null) : null,
  );
}

/** The deepest node on `path` that exists. */
function find(map: YamlMap, path: readonly (string | number)[]): YamlNode {
  let node: YamlNode = map;
  for (const part of path) {
    const child: YamlNode | null =
      node.kind === 'map'
        ? valueOf(node, String(part))
        : node.kind === 'list'
          ? (node.items[Number(part)] ?? null)
          : null;
    if (child === null) break;
    node = child;
  }
  return node;
}

/** Every `column` value among the declared fields must name a column of `schema`. */
export function checkColumns(
  map: YamlMap,
  fields: readonly FieldSpec[],
  schema: Schema,
  name: string,
  context: ReadContext,
): void {
  for (const field of fields) {
    const node = valueOf(map, field.name);
    if (node !== null) checkColumn(node, field.type, schema, `${name}.${field.name}`, context);
  }
}

function checkColumn(
  node: YamlNode,
  kind: FieldKind,
  schema: Schema,
  name: string,
  context: ReadContext,
): void {
  switch (kind.kind) {
    case 'column':
      checkColumnName(node, schema, name, context);
      return;
    case 'list':
      if (node.kind !== 'list') return;
      for (const item of node.items) checkColumn(item, kind.of, schema, name, context);
      return;
    case 'map':
      if (node.kind !== 'map') return;
      for (const {value} of node.entries) checkColumn(value, kind.of, schema, name, context);
      return;
    case 'object':
      if (node.kind === 'map') checkColumns(node, kind.fields, schema, name, context);
      return;
    case 'one-of':
      checkAlternative(node, kind.alternatives, schema, name, context);
      return;
    default:
  }
}

function checkColumnName(node: YamlNode, schema: Schema, name: string, context: ReadContext): void {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return;
  if (fieldIndex(schema, node.value) !== -1) return;
  const names = schema.fields.map((field) => field.name);
  context.findings.error(
    'column-unknown',
    node,
    `${name}: no column is called ${quoted(node.written)}`,
    node.segments === null ? didYouMean(node.value, names) : null,
  );
}

function checkAlternative(
  node: YamlNode,
  alternatives: readonly FieldKind[],
  schema: Schema,
  name: string,
  context: ReadContext,
): void {
  const fitting = alternatives.find(({kind}) => {
    const isScalar = !['list', 'map', 'object', 'one-of'].includes(kind);
    return isScalar === (node.kind === 'scalar');
  });
  if (fitting !== undefined) checkColumn(node, fitting, schema, name, context);
}
