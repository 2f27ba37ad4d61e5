// The JSON Schema of a job file, made of the declarations that validate it.

import {COLUMN_FIELDS, MAX_COLUMNS} from './read-schema.ts';
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
import {schemaOfFields, schemaOfKind, type JsonSchema} from './json-schema-of-kind.ts';
import type {Catalog, ConnectorSpec, OperatorSpec} from './operator-spec.ts';
import {MAX_NODES} from './read-job.ts';
import {RESTART_STRATEGY_TYPES} from './read-restart-strategy.ts';
import {sourceFields} from './read-source.ts';
import {OPERATOR_UID_PATTERN} from '../base/ids.ts';

export const JOB_SCHEMA_DIALECT = 'http://json-schema.org/draft-07/schema#';

export function jobSchema(catalog: Catalog): JsonSchema {
  const {fields, others} = rootFields();
  return {
    $schema: JOB_SCHEMA_DIALECT,
    title: 'tidemark job',
    ...schemaOfFields(fields, others),
    definitions: {
      source: oneOfKinds('connector', catalog.sources, 'source'),
      sink: oneOfKinds('connector', catalog.sinks, 'sink'),
      step: oneOfKinds('type', catalog.operators, 'step'),
      ...Object.fromEntries(catalog.sources.map((spec) => [`source-${spec.type}`, source(spec)])),
      ...Object.fromEntries(catalog.sinks.map((spec) => [`sink-${spec.type}`, sink(spec)])),
      ...Object.fromEntries(catalog.operators.map((spec) => [`step-${spec.type}`, step(spec)])),
    },
  };
}

function rootFields(): {
  fields: typeof JOB_FIELDS;
  others: Parameters<typeof schemaOfFields>[1];
} {
  const section = (fields: typeof JOB_FIELDS, description: string): JsonSchema => ({
    ...schemaOfFields(fields),
    description,
  });
  return {
    fields: JOB_FIELDS,
    others: {
      required: ['sources', 'sinks'],
      properties: {
        sources: nodes('source', 'Where records come from, by name.'),
        steps: {
          type: 'array',
          maxItems: MAX_NODES,
          items: {$ref: '#/definitions/step'},
          description: 'What happens to them.',
        },
        sinks: nodes('sink', 'Where results go, by name.'),
        checkpointing: section(CHECKPOINTING_FIELDS, 'When checkpoints are taken, and where to.'),
        state: section(STATE_FIELDS, 'How state is kept.'),
        heartbeat: section(HEARTBEAT_FIELDS, 'When a silent thread counts as dead.'),
        'restart-strategy': restartStrategy(),
        lint: section(LINT_FIELDS, 'Which warnings are meant so.'),
      },
    },
  };
}

/** `sources` and `sinks`: a map from names that can be operator uids. */
function nodes(what: 'source' | 'sink', description: string): JsonSchema {
  return {
    type: 'object',
    minProperties: 1,
    maxProperties: MAX_NODES,
    propertyNames: {pattern: OPERATOR_UID_PATTERN.source},
    additionalProperties: {$ref: `#/definitions/${what}`},
    description,
  };
}

/** What one key says which kind it is; each kind has fields of its own. */
function oneOfKinds(
  key: 'connector' | 'type',
  specs: readonly {readonly type: string; readonly description: string}[],
  what: string,
): JsonSchema {
  return {
    type: 'object',
    required: [key],
    properties: {
      [key]: {
        ...schemaOfKind({kind: 'choice', values: specs.map(({type}) => type)}),
        description: specs.map(({type, description}) => `${type}: ${description}`).join('\n'),
      },
    },
    allOf: specs.map(({type}) => ({
      if: {properties: {[key]: {const: type}}, required: [key]},
      then: {$ref: `#/definitions/${what}-${type}`},
    })),
  };
}

function source(spec: ConnectorSpec): JsonSchema {
  return schemaOfFields([...sourceFields(spec), RATE_LIMIT_FIELD], {
    required: ['connector', ...(spec.schemaOf === undefined ? ['schema'] : [])],
    properties: {
      connector: {const: spec.type, description: spec.description},
      ...(spec.schemaOf === undefined ? {schema: columns()} : {}),
      watermark: {
        ...schemaOfFields(WATERMARK_FIELDS),
        description: 'Event time, and how late a record may be.',
      },
    },
  });
}

function columns(): JsonSchema {
  return {
    type: 'object',
    minProperties: 1,
    maxProperties: MAX_COLUMNS,
    additionalProperties: {anyOf: [{type: 'string'}, schemaOfFields(COLUMN_FIELDS)]},
    description: 'The columns and their types: {date: timestamp, origin: string}',
  };
}

function sink(spec: ConnectorSpec): JsonSchema {
  return schemaOfFields(spec.fields, {
    required: ['connector', 'input'],
    properties: {
      connector: {const: spec.type, description: spec.description},
      input: {type: 'string', description: 'A source, a step or a side output.'},
    },
  });
}

function step(spec: OperatorSpec): JsonSchema {
  const fields = spec.choosesPartitioning === true ? [PARTITIONING_FIELD] : [];
  const one: JsonSchema = {type: 'string'};
  const many = schemaOfKind({kind: 'list', of: {kind: 'string'}, minimum: 1});
  return schemaOfFields([...spec.fields, ...fields], {
    required: ['type', 'input'],
    properties: {
      id: {
        type: 'string',
        pattern: OPERATOR_UID_PATTERN.source,
        description: 'Ties state to the step, and is its name as an input of others.',
      },
      type: {const: spec.type, description: spec.description},
      input: {
        anyOf: spec.inputs === 'one' ? [one] : [one, many],
        description: 'A source, a step or a side output.',
      },
    },
  });
}

function restartStrategy(): JsonSchema {
  const isType = (type: string): JsonSchema => ({
    properties: {type: {const: type}},
    required: ['type'],
  });
  return {
    type: 'object',
    properties: {
      type: {
        ...schemaOfKind({kind: 'choice', values: RESTART_STRATEGY_TYPES}),
        default: 'exponential-delay',
      },
    },
    allOf: Object.entries(RESTART_STRATEGY_FIELDS).map(([type, fields]) => ({
      if: type === 'exponential-delay' ? {anyOf: [isType(type), absentType()]} : isType(type),
      then: schemaOfFields(fields, {properties: {type: {}}}),
    })),
    description: 'What follows when the job fails.',
  };
}

/** Without a type it is the default one. */
function absentType(): JsonSchema {
  return {not: {required: ['type']}};
}
