import {didYouMean} from './closest.ts';
import {quoted} from './finding.ts';
import {PARTITIONING_FIELD} from './job-fields.ts';
import type {OptionValues, StepPartitioning} from './job-spec.ts';
import type {Catalog, OperatorSpec} from './operator-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import {readFields, readValue} from './read-value.ts';
import {requireMap} from './read-source.ts';
import type {NameTable} from './stream-table.ts';
import type {Place} from './source-text.ts';
import type {YamlMap, YamlNode, YamlScalar} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';
import {OPERATOR_UID_PATTERN, isOperatorUid} from '../base/ids.ts';

/** Step types of the job file that the engine does not have yet. */
const PLANNED_STEP_TYPES = ['deduplicate', 'top-n', 'join', 'process', 'flat-map'];

export interface StepInput {
  readonly name: string;
  readonly node: YamlScalar;
}

/** A step as written; planned when the schemas of its inputs are known. */
export interface ReadStep {
  /** `steps.late`, or `steps[3]` without an id. */
  readonly name: string;
  readonly id: string | null;
  readonly map: YamlMap;
  /** Where findings about the step as a whole go. */
  readonly place: Place;
  readonly index: number;
  /** Undefined: unknown type (reported). */
  readonly operator: OperatorSpec | undefined;
  readonly options: OptionValues | undefined;
  readonly partitioning: StepPartitioning;
  readonly inputs: readonly StepInput[] | undefined;
}

export function readStep(
  node: YamlNode,
  index: number,
  catalog: Catalog,
  names: NameTable,
  context: ReadContext,
): ReadStep | undefined {
  const map = requireMap(node, `steps[${index}]`, context);
  if (map === undefined) return undefined;
  const idNode = valueOf(map, 'id');
  const id = idNode === null ? null : readUid(idNode, `steps[${index}].id`, context);
  const name = id === null || id === undefined ? `steps[${index}]` : `steps.${id}`;
  if (typeof id === 'string') names.add(id, 'step', idNode ?? map);
  const operator = readOperator(map, catalog, name, context);
  const values = operator && readValues(map, operator, name, context);
  const inputs = readInputs(map, name, operator?.inputs ?? 'many', context);
  return {
    name,
    id: id ?? null,
    map,
    place: idNode ?? map,
    index,
    // A step with a wrong id is checked no further than its own keys.
    operator: id === undefined ? undefined : operator,
    options: values?.options,
    partitioning: values?.partitioning ?? 'forward',
    inputs,
  };
}

const STEP_KEYS = ['id', 'type', 'input'];

/** The type's own options and the common one. Undefined: wrong (reported). */
function readValues(
  map: YamlMap,
  operator: OperatorSpec,
  name: string,
  context: ReadContext,
): Pick<ReadStep, 'options' | 'partitioning'> | undefined {
  const {fields, choosesPartitioning} = operator;
  if (choosesPartitioning !== true) {
    return {options: readFields(map, fields, name, context, STEP_KEYS), partitioning: 'forward'};
  }
  const read = readFields(map, [...fields, PARTITIONING_FIELD], name, context, STEP_KEYS);
  if (read === undefined) return undefined;
  const {partitioning, ...options} = read;
  return {options, partitioning: partitioning as StepPartitioning};
}

/** Undefined: it cannot be a uid (reported). */
function readUid(node: YamlNode, name: string, context: ReadContext): string | undefined {
  const text = readValue(node, {kind: 'string'}, {name, secret: false}, context);
  if (typeof text !== 'string') return undefined;
  return checkUid(text, name, node, context) ? text : undefined;
}

export function checkUid(text: string, name: string, place: Place, context: ReadContext): boolean {
  if (isOperatorUid(text)) return true;
  const reason = OPERATOR_UID_PATTERN.test(text)
    ? 'is a name that file systems reserve'
    : `does not match ${OPERATOR_UID_PATTERN.source}`;
  const near = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 64);
  context.findings.error(
    'uid-invalid',
    place,
    `${name}: ${quoted(text)} ${reason}; a uid becomes a directory name`,
    isOperatorUid(near) && near !== text ? `for example "${near}"` : null,
  );
  return false;
}

function readOperator(
  map: YamlMap,
  catalog: Catalog,
  name: string,
  context: ReadContext,
): OperatorSpec | undefined {
  const types = catalog.operators.map((operator) => operator.type);
  const node = valueOf(map, 'type');
  if (node === null) {
    context.findings.error(
      'key-missing',
      map,
      `${name} lacks "type"`,
      `one of ${types.join(', ')}`,
    );
    return undefined;
  }
  const type = readValue(node, {kind: 'string'}, {name: `${name}.type`, secret: false}, context);
  if (typeof type !== 'string' || node.kind !== 'scalar') return undefined;
  const operator = catalog.operators.find((candidate) => candidate.type === type);
  if (operator !== undefined) return operator;
  if (PLANNED_STEP_TYPES.includes(type)) {
    context.findings.error(
      'not-supported',
      node,
      `${name}: the step type ${quoted(node.written)} is not built yet`,
      `one of ${types.join(', ')}`,
    );
  } else {
    context.findings.error(
      'step-type-unknown',
      node,
      `${name}: no step type is called ${quoted(node.written)}`,
      node.segments === null ? didYouMean(type, types) : null,
    );
  }
  return undefined;
}

/** `input: flights`, or a list where several may come in. Undefined: wrong (reported). */
export function readInputs(
  map: YamlMap,
  name: string,
  count: 'one' | 'many',
  context: ReadContext,
): readonly StepInput[] | undefined {
  const node = valueOf(map, 'input');
  if (node === null) {
    context.findings.error('key-missing', map, `${name} lacks "input"`, 'name a source or a step');
    return undefined;
  }
  const field = {name: `${name}.input`, secret: false};
  const kind =
    count === 'one'
      ? ({kind: 'string'} as const)
      : ({kind: 'list', of: {kind: 'string'}, minimum: 1} as const);
  if (node.kind === 'scalar') {
    if (readValue(node, {kind: 'string'}, field, context) === undefined) return undefined;
    return [{name: String(node.value), node}];
  }
  if (node.kind === 'map' || readValue(node, kind, field, context) === undefined) {
    if (node.kind === 'map') readValue(node, kind, field, context);
    return undefined;
  }
  const inputs = node.items.flatMap((item) =>
    item.kind === 'scalar' ? {name: String(item.value), node: item} : [],
  );
  return refuseRepeated(inputs, name, context) ? undefined : inputs;
}

function refuseRepeated(inputs: readonly StepInput[], name: string, context: ReadContext): boolean {
  const seen = new Set<string>();
  for (const input of inputs) {
    if (seen.has(input.name)) {
      context.findings.error(
        'input-repeated',
        input.node,
        `${name}: the input ${quoted(input.node.written)} stands twice`,
        'remove one of them',
      );
      return true;
    }
    seen.add(input.name);
  }
  return false;
}
