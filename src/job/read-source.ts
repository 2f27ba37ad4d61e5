import {didYouMean} from './closest.ts';
import type {FieldSpec} from './field-spec.ts';
import {quoted} from './finding.ts';
import {RATE_LIMIT_FIELD, RECORD_FIELDS, WATERMARK_FIELDS} from './job-fields.ts';
import type {
  BadRecordPolicy,
  OptionValue,
  OptionValues,
  SideOutput,
  SourceSpec,
  WatermarkSpec,
} from './job-spec.ts';
import type {Catalog, ConnectorSpec} from './operator-spec.ts';
import {checkColumns, reportProblem} from './option-problem.ts';
import {readSchema} from './read-schema.ts';
import type {ReadContext} from './read-scalar.ts';
import {readFields, readValue} from './read-value.ts';
import type {SourceColumn} from './schema-column.ts';
import type {YamlEntry, YamlMap, YamlNode} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';
import {BIGINT, STRING} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';
import {fieldIndex} from '../records/schema.ts';

/** What an implicit dead-letter sink is given. */
export const DEAD_LETTER_SCHEMA: Schema = {
  fields: [
    {name: 'source', type: STRING},
    {name: 'split', type: STRING},
    {name: 'byte_offset', type: BIGINT},
    {name: 'line', type: BIGINT},
    {name: 'reason', type: STRING},
    {name: 'record', type: STRING},
  ],
};

export interface ReadSource {
  readonly spec: SourceSpec;
  /** Absolute directory of the dead letters; null: none are kept. */
  readonly deadLetterPath: string | null;
  readonly entry: YamlEntry;
}

/** Undefined: something is wrong with it (reported). */
export function readSource(
  entry: YamlEntry,
  catalog: Catalog,
  context: ReadContext,
): ReadSource | undefined {
  const name = `sources.${entry.key}`;
  const map = requireMap(entry.value, name, context);
  const connector = map && readConnector(map, catalog.sources, name, context);
  if (map === undefined || connector === undefined) return undefined;
  const otherKeys = ['connector', 'schema', 'watermark', RATE_LIMIT_FIELD.name];
  const fields = sourceFields(connector);
  const options = readFields(map, fields, name, context, otherKeys);
  const rateLimit = readRateLimit(map, name, context);
  const columns = readColumns(map, connector, options, name, context);
  const schemaNode = valueOf(map, 'schema');
  const watermark = columns === undefined ? undefined : readWatermark(map, columns, name, context);
  if (options === undefined || columns === undefined) return undefined;
  if (rateLimit === undefined || watermark === undefined) return undefined;
  const schema = {fields: columns.map(({name: field, type}) => ({name: field, type}))};
  checkColumns(map, fields, schema, name, context);
  connector.check?.({
    options,
    schema,
    report: (problem) => reportProblem(problem, map, name, context, schemaNode),
  });
  const {policy, deadLetterPath} = badRecordPolicy(entry.key, options['on-bad-record']);
  return {
    spec: {
      uid: entry.key,
      connector: connector.type,
      options,
      schema,
      columns,
      watermark,
      rateLimit,
      bounded: connector.isBounded?.(options) ?? true,
      onBadRecord: policy,
      maxRecordBytes:
        typeof options['max-record-size'] === 'number' ? options['max-record-size'] : null,
      sideOutputs: deadLetterOutputs(policy),
    },
    deadLetterPath,
    entry,
  };
}

/** Of the connector and, where it decodes records, the common ones that it does not declare itself. */
export function sourceFields(connector: ConnectorSpec): readonly FieldSpec[] {
  if (connector.decodesRecords !== true) return connector.fields;
  const own = new Set(connector.fields.map((field) => field.name));
  return [...connector.fields, ...RECORD_FIELDS.filter((field) => !own.has(field.name))];
}

export function requireMap(
  node: YamlNode,
  name: string,
  context: ReadContext,
): YamlMap | undefined {
  if (node.kind === 'map') return node;
  context.findings.error('value-type', node, `${name} must be a map`);
  return undefined;
}

export function readConnector(
  map: YamlMap,
  connectors: readonly ConnectorSpec[],
  name: string,
  context: ReadContext,
): ConnectorSpec | undefined {
  const types = connectors.map((connector) => connector.type);
  const node = valueOf(map, 'connector');
  if (node === null) {
    context.findings.error(
      'key-missing',
      map,
      `${name} lacks "connector"`,
      `one of ${types.join(', ')}`,
    );
    return undefined;
  }
  const field = {name: `${name}.connector`, secret: false};
  const type = readValue(node, {kind: 'string'}, field, context);
  if (typeof type !== 'string') return undefined;
  const connector = connectors.find((candidate) => candidate.type === type);
  if (connector === undefined && node.kind === 'scalar') {
    context.findings.error(
      'connector-unknown',
      node,
      `${name}: no connector here is called ${quoted(node.written)}`,
      didYouMean(type, types),
    );
  }
  return connector;
}

/** Null: no limit. */
function readRateLimit(
  map: YamlMap,
  name: string,
  context: ReadContext,
): number | null | undefined {
  const node = valueOf(map, RATE_LIMIT_FIELD.name);
  if (node === null) return null;
  const field = {name: `${name}.rate-limit`, secret: false};
  const value = readValue(node, RATE_LIMIT_FIELD.type, field, context);
  if (typeof value !== 'number') return undefined;
  if (value > 0) return value;
  context.findings.error(
    'value-type',
    node,
    `${name}.rate-limit must be above 0`,
    'no limit: leave the key out',
  );
  return undefined;
}

function readColumns(
  map: YamlMap,
  connector: ConnectorSpec,
  options: OptionValues | undefined,
  name: string,
  context: ReadContext,
): readonly SourceColumn[] | undefined {
  const node = valueOf(map, 'schema');
  if (connector.schemaOf !== undefined) {
    if (node !== null) {
      context.findings.error(
        'schema-invalid',
        node,
        `${name}: the schema of a ${connector.type} source follows from its own keys`,
        'remove schema',
      );
      return undefined;
    }
    const fields = options === undefined ? undefined : connector.schemaOf(options).fields;
    return fields?.map((field) => ({...field, path: [field.name], timeFormat: null}));
  }
  if (node !== null) return readSchema(node, `${name}.schema`, context);
  context.findings.error(
    'key-missing',
    map,
    `${name} lacks "schema"`,
    'schema: {date: timestamp, origin: string}',
  );
  return undefined;
}

/** Null: the source has no event time. */
function readWatermark(
  map: YamlMap,
  columns: readonly SourceColumn[],
  name: string,
  context: ReadContext,
): WatermarkSpec | null | undefined {
  const node = valueOf(map, 'watermark');
  if (node === null) return null;
  const watermark = requireMap(node, `${name}.watermark`, context);
  const values = watermark && readFields(watermark, WATERMARK_FIELDS, `${name}.watermark`, context);
  if (watermark === undefined || values === undefined) return undefined;
  const column = values['column'] as string;
  const schema = {fields: columns};
  checkColumns(watermark, WATERMARK_FIELDS, schema, `${name}.watermark`, context);
  const type = columns[fieldIndex(schema, column)]?.type;
  if (type === undefined) return undefined;
  if (type.kind !== 'timestamp') {
    context.findings.error(
      'watermark-column',
      valueOf(watermark, 'column') ?? watermark,
      `${name}.watermark: the column ${quoted(column)} is a ${type.kind}, event time is a timestamp`,
      didYouMean(
        column,
        columns.filter((each) => each.type.kind === 'timestamp').map((each) => each.name),
      ),
    );
    return undefined;
  }
  return {
    column,
    maxOutOfOrdernessMillis: values['max-out-of-orderness'] as number,
    idleTimeoutMillis: (values['idle-timeout'] as number | undefined) ?? null,
  };
}

function badRecordPolicy(
  uid: string,
  value: OptionValue,
): {readonly policy: BadRecordPolicy; readonly deadLetterPath: string | null} {
  if (value === 'skip') return {policy: {kind: 'skip'}, deadLetterPath: null};
  const path =
    typeof value === 'object' && value !== null && 'dead-letter' in value
      ? value['dead-letter']
      : undefined;
  if (typeof path !== 'string') return {policy: {kind: 'fail'}, deadLetterPath: null};
  const sideOutput = `${uid}.dead-letter`;
  return {policy: {kind: 'dead-letter', sideOutput}, deadLetterPath: path};
}

function deadLetterOutputs(policy: BadRecordPolicy): readonly SideOutput[] {
  return policy.kind === 'dead-letter'
    ? [{name: policy.sideOutput, schema: DEAD_LETTER_SCHEMA}]
    : [];
}
