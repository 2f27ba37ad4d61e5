// Fields as JSON Schema (draft 7, which editors know best). What a schema cannot say (that a column is
// there, that an expression has a type) is left to `validate`; what it says, `validate` says too.

import type {FieldKind, FieldSpec} from './field-spec.ts';
import type {JsonValue} from '../base/json.ts';

export type JsonSchema = Readonly<Record<string, JsonValue>>;

/** Units in any letter case, as `duration.ts` reads them. */
const DURATION_PATTERN =
  '^\\s*(?:0|\\d{1,15} {0,4}[A-Za-z]{1,16}|[Pp][0-9DdTtHhMmSs.]+|.*\\$\\{.*)\\s*$';
const SIZE_PATTERN = '^\\s*(?:\\d{1,15} {0,4}[A-Za-z]{0,8}|.*\\$\\{.*)\\s*$';
/** A text with a variable of the environment; what it becomes is known when the job is read. */
const VARIABLE: JsonSchema = {type: 'string', pattern: '\\$\\{'};

/** Kinds that say nothing more of themselves. */
const SIMPLE_KINDS = {
  column: {type: 'string'},
  path: {type: 'string', minLength: 1},
  boolean: {type: 'boolean'},
  scalar: {type: ['string', 'number', 'boolean', 'null']},
  expression: {type: ['string', 'number', 'boolean']},
} as const satisfies Record<string, JsonSchema>;

export function schemaOfKind(kind: FieldKind): JsonSchema {
  switch (kind.kind) {
    case 'string':
      return kind.pattern === undefined
        ? {type: 'string'}
        : {anyOf: [{type: 'string', pattern: kind.pattern.source}, VARIABLE]};
    case 'duration':
      return {anyOf: [{type: 'string', pattern: DURATION_PATTERN}, {const: 0}]};
    case 'size':
      return {
        anyOf: [
          {type: 'string', pattern: SIZE_PATTERN},
          {type: 'integer', minimum: 0},
        ],
      };
    case 'count':
      return {type: 'integer', ...range(kind)};
    case 'number':
      return {type: 'number', ...range(kind)};
    case 'choice':
      return {anyOf: [{enum: [...kind.values]}, VARIABLE]};
    case 'list':
      return {type: 'array', items: schemaOfKind(kind.of), ...minimumItems(kind.minimum)};
    case 'map':
      return {
        type: 'object',
        patternProperties: {[kind.keys.source]: schemaOfKind(kind.of)},
        additionalProperties: false,
      };
    case 'object':
      return schemaOfFields(kind.fields);
    case 'one-of':
      return {anyOf: kind.alternatives.map(schemaOfKind)};
    default:
      return SIMPLE_KINDS[kind.kind];
  }
}

/** An object with exactly these fields, and what `others` has beside them. */
export function schemaOfFields(
  fields: readonly FieldSpec[],
  others: {
    readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
    readonly required?: readonly string[] | undefined;
  } = {},
): JsonSchema {
  const required = [
    ...(others.required ?? []),
    ...fields.filter((field) => field.required === true).map(({name}) => name),
  ];
  return {
    type: 'object',
    properties: {
      ...others.properties,
      ...Object.fromEntries(fields.map((field) => [field.name, schemaOfField(field)])),
    },
    ...(required.length === 0 ? {} : {required}),
    additionalProperties: false,
  };
}

function schemaOfField(field: FieldSpec): JsonSchema {
  const fallback = field.default;
  return {
    ...schemaOfKind(field.type),
    description: `${field.description}\nExample: ${field.name}: ${field.example}`,
    ...(fallback === undefined || fallback === null ? {} : {default: fallback}),
  };
}

function range({
  minimum,
  maximum,
}: {
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}): JsonSchema {
  return {
    ...(minimum === undefined ? {} : {minimum}),
    ...(maximum === undefined ? {} : {maximum}),
  };
}

function minimumItems(minimum: number | undefined): JsonSchema {
  return minimum === undefined ? {} : {minItems: minimum};
}
