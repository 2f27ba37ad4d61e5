// One declaration serves validation and the reference; so everything declared has to be describable.

import {describe, expect, test} from 'vitest';

import {fakeCatalog} from './fake-catalog.js';
import {describeFields} from '#src/job/describe-fields.js';
import type {FieldSpec} from '#src/job/field-spec.js';
import {FindingList} from '#src/job/finding.js';
import {
  CHECKPOINTING_FIELDS,
  HEARTBEAT_FIELDS,
  JOB_FIELDS,
  PARTITIONING_FIELD,
  RATE_LIMIT_FIELD,
  RECORD_FIELDS,
  RESTART_STRATEGY_FIELDS,
  STATE_FIELDS,
  WATERMARK_FIELDS,
} from '#src/job/job-fields.js';
import {parseYaml} from '#src/job/parse-yaml.js';
import {COLUMN_FIELDS} from '#src/job/read-schema.js';
import {readValue} from '#src/job/read-value.js';
import {SourceText} from '#src/job/source-text.js';

const OWN_FIELDS: readonly FieldSpec[] = [
  ...JOB_FIELDS,
  ...CHECKPOINTING_FIELDS,
  ...STATE_FIELDS,
  ...HEARTBEAT_FIELDS,
  ...Object.values(RESTART_STRATEGY_FIELDS).flat(),
  ...WATERMARK_FIELDS,
  ...RECORD_FIELDS,
  ...COLUMN_FIELDS,
  PARTITIONING_FIELD,
  RATE_LIMIT_FIELD,
];

describe('a description', () => {
  test('has the fields of objects below them', () => {
    expect(describeFields(CHECKPOINTING_FIELDS).map((field) => field.name)).toContain(
      'unaligned.enabled',
    );
    expect(describeFields(RECORD_FIELDS).at(-1)).toEqual({
      name: 'on-bad-record.dead-letter',
      type: 'a path',
      required: true,
      default: null,
      description: 'Directory of the bad records, committed exactly-once.',
      example: 'bad/',
      secret: false,
    });
  });

  test('says what a default is as it would be written', () => {
    const [, parallelism] = describeFields(JOB_FIELDS);
    expect(parallelism).toMatchObject({default: '1', type: 'a whole number from 1 to 32768'});
  });

  test('marks secrets', () => {
    const token = describeFields(fakeCatalog.sources[0]!.fields).find(({name}) => name === 'token');
    expect(token?.secret).toBe(true);
  });
});

test.each(OWN_FIELDS.map((field) => [field.name, field] as const))(
  'the example of %s is one that the field accepts',
  (_name, field) => {
    const findings = new FindingList();
    const node = parseYaml(new SourceText(field.example, null), findings);
    const name = {name: field.name, secret: false};
    expect(readValue(node!, field.type, name, {findings, directory: '/'})).toBeDefined();
    expect(findings.sorted()).toEqual([]);
  },
);
