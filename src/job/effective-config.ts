// Every declared value of a job as it holds, and where it comes from: its declaration's default, a line of the
// file, an option of the command line, a variable of the environment.

import {applyOverrides, type Overrides} from './apply-overrides.ts';
import {decodeJobFile} from './decode-job-file.ts';
import type {FieldKind, FieldSpec} from './field-spec.ts';
import {FindingList} from './finding.ts';
import {interpolate, type Environment} from './interpolate.ts';
import {
  CHECKPOINTING_FIELDS,
  HEARTBEAT_FIELDS,
  JOB_FIELDS,
  LINT_FIELDS,
  PARTITIONING_FIELD,
  RATE_LIMIT_FIELD,
  RESTART_STRATEGY_FIELDS,
  STATE_FIELDS,
  WATERMARK_FIELDS,
} from './job-fields.ts';
import type {Catalog} from './operator-spec.ts';
import {parseYaml} from './parse-yaml.ts';
import {RESTART_STRATEGY_TYPES} from './read-restart-strategy.ts';
import {sourceFields} from './read-source.ts';
import {scanYaml} from './scan-yaml.ts';
import {SourceText} from './source-text.ts';
import {valueOf, type YamlMap, type YamlNode, type YamlScalar} from './yaml-node.ts';
import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';

export interface ConfigOrigin {
  readonly kind: 'default' | 'file' | 'define' | 'set' | 'parallelism';
  /** `-D execution.checkpointing.interval`; null: the file or a default. */
  readonly option: string | null;
  /** 1-based; null: not in the file. */
  readonly line: number | null;
  readonly column: number | null;
  /** Of the environment, in the value. */
  readonly variables: readonly string[];
}

export interface ConfigValue {
  /** As for `--set`. */
  readonly path: string;
  readonly value: JsonValue;
  readonly origin: ConfigOrigin;
}

export interface ConfigRequest {
  /** Null: no job, only what every job has. */
  readonly bytes: Uint8Array | null;
  readonly catalog: Catalog;
  readonly environment: Environment;
  readonly overrides: Overrides;
}

/** Of a job that is valid, or of none. */
export function effectiveConfig(request: ConfigRequest): readonly ConfigValue[] {
  const root = readTree(request);
  const values: ConfigValue[] = [];
  addFields(root, JOB_FIELDS, '', values);
  addNodes(root, 'sources', request.catalog, values);
  addSteps(root, request.catalog, values);
  addNodes(root, 'sinks', request.catalog, values);
  addFields(mapOf(root, 'checkpointing'), CHECKPOINTING_FIELDS, 'checkpointing', values);
  addFields(mapOf(root, 'state'), STATE_FIELDS, 'state', values);
  addFields(mapOf(root, 'restart-strategy'), strategyFields(root), 'restart-strategy', values);
  addFields(mapOf(root, 'heartbeat'), HEARTBEAT_FIELDS, 'heartbeat', values);
  addFields(mapOf(root, 'lint'), LINT_FIELDS, 'lint', values);
  return values;
}

/** As `load-job.ts` reads it, where all that is wrong with a file is told. */
function readTree({bytes, environment, overrides}: ConfigRequest): YamlMap {
  const findings = new FindingList();
  const text = bytes === null ? '{}' : (decodeJobFile(bytes, findings) ?? '{}');
  const origin = new SourceText(text, null);
  const parsed = scanYaml(origin, findings) ? parseYaml(origin, findings) : null;
  const empty: YamlMap = {origin, start: 0, kind: 'map', entries: []};
  const overridden = applyOverrides(parsed?.kind === 'map' ? parsed : empty, overrides, findings);
  const map = interpolate(overridden, environment, new Map(), findings);
  const wrong = findings.sorted().find(({severity}) => severity === 'error');
  if (wrong !== undefined) {
    throw new EngineError('USAGE', wrong.message, {hint: wrong.suggestion ?? undefined});
  }
  return map.kind === 'map' ? map : empty;
}

function mapOf(map: YamlMap | null, key: string): YamlMap | null {
  const node = map === null ? null : valueOf(map, key);
  return node?.kind === 'map' ? node : null;
}

function textOf(map: YamlMap, key: string): string | null {
  const node = valueOf(map, key);
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : null;
}

function strategyFields(root: YamlMap): readonly FieldSpec[] {
  const section = mapOf(root, 'restart-strategy');
  const written = section === null ? null : textOf(section, 'type');
  const type = RESTART_STRATEGY_TYPES.find((one) => one === written) ?? 'exponential-delay';
  const typeField: FieldSpec = {
    name: 'type',
    type: {kind: 'choice', values: RESTART_STRATEGY_TYPES},
    default: 'exponential-delay',
    description: 'What follows when the job fails.',
    example: 'fixed-delay',
  };
  return [typeField, ...RESTART_STRATEGY_FIELDS[type]];
}

function addNodes(
  root: YamlMap,
  section: 'sources' | 'sinks',
  catalog: Catalog,
  values: ConfigValue[],
): void {
  for (const {key, value} of mapOf(root, section)?.entries ?? []) {
    if (value.kind !== 'map') continue;
    const path = `${section}.${key}`;
    const spec = catalog[section].find(({type}) => type === textOf(value, 'connector'));
    if (spec === undefined) continue;
    addRest(value, ['connector', 'input', 'schema'], path, values);
    const fields = section === 'sources' ? [...sourceFields(spec), RATE_LIMIT_FIELD] : spec.fields;
    addFields(value, fields, path, values);
    const watermark = mapOf(value, 'watermark');
    if (watermark !== null) addFields(watermark, WATERMARK_FIELDS, `${path}.watermark`, values);
  }
}

function addSteps(root: YamlMap, catalog: Catalog, values: ConfigValue[]): void {
  const steps = valueOf(root, 'steps');
  if (steps?.kind !== 'list') return;
  for (const [index, step] of steps.items.entries()) {
    if (step.kind !== 'map') continue;
    const path = `steps.${textOf(step, 'id') ?? index}`;
    const spec = catalog.operators.find(({type}) => type === textOf(step, 'type'));
    if (spec === undefined) continue;
    addRest(step, ['type', 'input'], path, values);
    const common = spec.choosesPartitioning === true ? [PARTITIONING_FIELD] : [];
    addFields(step, [...spec.fields, ...common], path, values);
  }
}

/** Keys that every node of a kind has, whatever its type. */
function addRest(map: YamlMap, keys: readonly string[], path: string, values: ConfigValue[]): void {
  for (const key of keys) {
    const node = valueOf(map, key);
    if (node !== null) addNode(node, {kind: 'string'}, false, `${path}.${key}`, values);
  }
}

function addFields(
  map: YamlMap | null,
  fields: readonly FieldSpec[],
  parent: string,
  values: ConfigValue[],
): void {
  for (const field of fields) {
    const path = parent === '' ? field.name : `${parent}.${field.name}`;
    const node = map === null ? null : valueOf(map, field.name);
    if (node !== null) addNode(node, field.type, field.secret === true, path, values);
    else if (field.default !== undefined) values.push(defaultOf(path, field.default));
    else if (holdsDefaults(field)) addFields(null, objectFields(field.type), path, values);
  }
}

/** An object that is left out means the same as one with all of its defaults. */
function holdsDefaults({type, required}: FieldSpec): boolean {
  const fields = objectFields(type);
  return required !== true && fields.length > 0 && fields.every((one) => one.default !== undefined);
}

function objectFields(kind: FieldKind): readonly FieldSpec[] {
  return kind.kind === 'object' ? kind.fields : [];
}

function addNode(
  node: YamlNode,
  kind: FieldKind,
  secret: boolean,
  path: string,
  values: ConfigValue[],
): void {
  const shape = kind.kind === 'one-of' ? alternativeOf(kind.alternatives, node) : kind;
  if (node.kind === 'map' && node.entries.length > 0) {
    if (shape.kind === 'object') {
      addFields(node, shape.fields, path, values);
      return;
    }
    const of: FieldKind = shape.kind === 'map' ? shape.of : {kind: 'string'};
    for (const {key, value} of node.entries) addNode(value, of, secret, `${path}.${key}`, values);
    return;
  }
  values.push({
    path,
    value: secret ? '***' : shownValue(node, shape),
    origin: originOf(node),
  });
}

function alternativeOf(alternatives: readonly FieldKind[], node: YamlNode): FieldKind {
  const fits = (kind: FieldKind): boolean => {
    if (node.kind === 'map') return kind.kind === 'object' || kind.kind === 'map';
    return (kind.kind === 'list') === (node.kind === 'list');
  };
  return alternatives.find(fits) ?? {kind: 'scalar'};
}

/** Kinds whose values cannot be a password. */
const OPEN_KINDS: ReadonlySet<FieldKind['kind']> = new Set([
  ...(['duration', 'size', 'count', 'number', 'boolean', 'choice', 'path', 'column'] as const),
]);

/** A text with variables is shown as it is written: what is in the environment is often a secret. */
function shownValue(node: YamlNode, kind: FieldKind): JsonValue {
  switch (node.kind) {
    case 'list': {
      const of: FieldKind = kind.kind === 'list' ? kind.of : {kind: 'string'};
      return node.items.map((item) => shownValue(item, of));
    }
    case 'map':
      return Object.fromEntries(
        node.entries.map(({key, value}) => [key, shownValue(value, {kind: 'string'})]),
      );
    case 'scalar':
      if (variablesOf(node).length > 0 && !OPEN_KINDS.has(kind.kind)) return node.written;
      return typeof node.value === 'bigint' ? node.value.toString() : node.value;
  }
}

function variablesOf(node: YamlNode): readonly string[] {
  switch (node.kind) {
    case 'list':
      return node.items.flatMap(variablesOf);
    case 'map':
      return node.entries.flatMap(({value}) => variablesOf(value));
    case 'scalar':
      return scalarVariables(node);
  }
}

function scalarVariables({segments}: YamlScalar): readonly string[] {
  return (segments ?? []).flatMap(({variable}) => (variable === null ? [] : [variable]));
}

function originOf(node: YamlNode): ConfigOrigin {
  // A list in which one item was set is told by that item.
  const place = placeOf(node);
  const position = place.origin.positionOf(place.start);
  const {label} = place.origin;
  return {
    kind: kindOfLabel(label),
    option: label,
    line: position?.line ?? null,
    column: position?.column ?? null,
    variables: [...new Set(variablesOf(node))],
  };
}

function placeOf(node: YamlNode): YamlNode {
  const children =
    node.kind === 'list' ? node.items : node.kind === 'map' ? node.entries.map((e) => e.value) : [];
  return children.map(placeOf).find(({origin}) => origin.label !== null) ?? node;
}

function kindOfLabel(label: string | null): ConfigOrigin['kind'] {
  if (label === null) return 'file';
  if (label.startsWith('-D ')) return 'define';
  return label.startsWith('--set ') ? 'set' : 'parallelism';
}

function defaultOf(path: string, value: string | number | boolean | null): ConfigValue {
  const origin = {kind: 'default', option: null, line: null, column: null, variables: []} as const;
  return {path, value, origin};
}
