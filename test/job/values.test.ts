// Values of a job file: durations, sizes, types, choices. What does not fit is refused with what would.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, findingsOf, loaded} from './load.js';
import {closest} from '#src/job/closest.js';
import {MAX_DURATION_MILLIS, parseDuration, parseSize} from '#src/job/duration.js';
import {dataTypeText} from '#src/records/data-type.js';

describe('durations', () => {
  test.each([
    ['10s', 10_000],
    ['5 min', 300_000],
    ['5m', 300_000],
    ['1 h', 3_600_000],
    ['500ms', 500],
    ['2 days', 172_800_000],
    ['1 Hour', 3_600_000],
    ['0', 0],
    ['0s', 0],
    ['PT10S', 10_000],
    ['pt1m30s', 90_000],
    ['P1DT2H', 93_600_000],
    ['PT0.25S', 250],
    ['PT1.5000S', 1500],
    ['10000 d', MAX_DURATION_MILLIS],
  ])('%s is %i ms', (text, millis) => {
    expect(parseDuration(text)).toEqual({kind: 'ok', value: millis});
  });

  test.each([
    ['10', 'did you mean "10s"?'],
    ['', 'write it like 500ms, 10s, 5 min, 1 h or PT10S'],
    ['-1s', 'write it like 500ms, 10s, 5 min, 1 h or PT10S'],
    ['1.5s', 'write it like 500ms, 10s, 5 min, 1 h or PT10S'],
    ['10 parsecs', 'units: ms, s, min, h, d'],
    ['10 constructor', 'units: ms, s, min, h, d'],
    ['PT', 'write PT10S or 10s'],
    ['P', 'write PT10S or 10s'],
    ['P1DT', 'write PT10S or 10s'],
    ['P1Y', 'write PT10S or 10s'],
    ['PT0.0005S', 'milliseconds are the finest unit here'],
    ['10001 d', null],
    ['999999999999999 d', null],
  ])('%j is refused', (text, suggestion) => {
    expect(parseDuration(text)).toMatchObject({kind: 'invalid', suggestion});
  });
});

describe('sizes', () => {
  test.each([
    ['64mb', 64 * 2 ** 20],
    ['20 kb', 20 * 1024],
    ['1gib', 2 ** 30],
    ['7', 7],
    ['7 bytes', 7],
    ['2 T', 2 ** 41],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual({kind: 'ok', value: bytes});
  });

  test.each(['', 'mb', '1.5mb', '-1', '1 zb', '1 toString', '999999999999 tb'])(
    '%j is refused',
    (text) => {
      expect(parseSize(text).kind).toBe('invalid');
    },
  );
});

describe('what was probably meant', () => {
  const keys = ['interval', 'mode', 'timeout', 'min-pause', 'checkpointing', 'sources', 'sinks'];
  test.each([
    ['intervall', 'interval'],
    ['inteval', 'interval'],
    ['itnerval', 'interval'],
    ['Mode', 'mode'],
    ['checkpoint', 'checkpointing'],
    ['chekpoint', 'checkpointing'],
    ['source', 'sources'],
    ['x', null],
    ['parallelism', null],
    ['x'.repeat(100), null],
  ])('%s → %s', (text, near) => {
    expect(closest(text, keys)).toBe(near);
  });
});

describe('schemas', () => {
  const withSchema = (schema: string): string =>
    PLAIN_JOB.replace(/schema: .*\n/, `schema: ${schema}\n`)
      .replace(/steps:[^]*sinks:/, 'sinks:')
      .replace('input: by-origin', 'input: flights');

  test('every type and the long form', () => {
    const job = loaded(
      withSchema(
        '{date: timestamp, b: boolean, i: int, l: bigint, d: double, s: string, day: date, m: "decimal(10,2)", n: decimal(18), raw: bytes, city: {type: string, path: user.address.city}, dotted: {type: string, path: [a.b, c]}, at: {type: timestamp, format: yyyy/MM/dd HH:mm, zone: "+01:30"}, ms: {type: timestamp, format: epoch-millis}}',
      ),
    );
    const [source] = job.sources;
    expect(source?.schema.fields.map((field) => dataTypeText(field.type))).toEqual([
      ...['timestamp', 'boolean', 'int', 'bigint', 'double', 'string', 'date', 'decimal(10,2)'],
      ...['decimal(18,0)', 'bytes', 'string', 'string', 'timestamp', 'timestamp'],
    ]);
    const columns = new Map(source?.columns.map((column) => [column.name, column]));
    expect(columns.get('date')).toMatchObject({path: ['date'], timeFormat: {kind: 'rfc3339'}});
    expect(columns.get('i')).toMatchObject({path: ['i'], timeFormat: null});
    expect(columns.get('city')?.path).toEqual(['user', 'address', 'city']);
    expect(columns.get('dotted')?.path).toEqual(['a.b', 'c']);
    expect(columns.get('at')?.timeFormat).toEqual({
      kind: 'pattern',
      pattern: 'yyyy/MM/dd HH:mm',
      offsetMinutes: 90,
    });
    expect(columns.get('ms')?.timeFormat).toEqual({kind: 'epoch-millis'});
  });

  test.each([
    ['{date: timestamp, a: integer}', 'schema-type', 'did you mean "int"?'],
    ['{date: timestamp, a: varchar(10)}', 'schema-type', 'did you mean "string"?'],
    ['{date: timestamp, a: stirng}', 'schema-type', 'did you mean "string"?'],
    ['{date: timestamp, a: decimal}', 'schema-type', 'did you mean "decimal(p,s)"?'],
    ['{date: timestamp, a: "decimal(19,2)"}', 'schema-type', 'more than 18 digits do not fit'],
    ['{date: timestamp, a: "decimal(2,3)"}', 'schema-type', 'must have 1 to 18 digits'],
    ['{date: timestamp, a: 5}', 'value-type', 'must be a text, not 5'],
    ['{date: timestamp, a: {path: x}}', 'key-missing', 'lacks "type"'],
    ['{date: timestamp, a: {type: int, zone: UTC}}', 'schema-time-format', 'only a timestamp'],
    ['{date: {type: timestamp, format: yyyy-mm-dd}}', 'schema-time-format', 'lacks MM'],
    ['{date: {type: timestamp, format: YYYY-MM-dd}}', 'schema-time-format', 'unknown part "YYYY"'],
    ['{date: {type: timestamp, format: yyyy-MM-ddTHH}}', 'schema-time-format', 'unknown part "T"'],
    ['{date: {type: timestamp, zone: UTC}}', 'schema-time-format', 'a zone goes with a pattern'],
    [
      '{date: {type: timestamp, format: yyyy-MM-dd, zone: CET}}',
      'schema-time-format',
      'not UTC or a fixed offset',
    ],
    ['{}', 'schema-invalid', '1 to 1000 columns'],
    ['[a, b]', 'schema-invalid', '1 to 1000 columns'],
    ['{date: string}', 'watermark-column', 'event time is a timestamp'],
    ['{day: timestamp}', 'column-unknown', 'no column is called "date"'],
    ['{date: timestamp, a: {type: string, path: a..b}}', 'schema-invalid', 'names joined by dots'],
  ])('%s is refused as %s', (schema, rule, words) => {
    const [finding] = findingsOf(withSchema(schema));
    expect(finding).toContain(` ${rule}: `);
    expect(finding).toContain(words);
  });

  test('literal letters of a time pattern stand in quotes', () => {
    const schema = `{date: {type: timestamp, format: "yyyy-MM-dd'T'HH:mm:ss.SSS"}}`;
    expect(loaded(withSchema(schema)).sources[0]?.columns[0]?.timeFormat).toEqual({
      kind: 'pattern',
      pattern: "yyyy-MM-dd'T'HH:mm:ss.SSS",
      offsetMinutes: 0,
    });
  });
});

describe('sources', () => {
  const withLine = (line: string): string =>
    PLAIN_JOB.replace('    format: json\n', `    format: json\n    ${line}\n`);

  test.each([
    ['rate-limit: 100', {rateLimit: 100}],
    ['rate-limit: 0.5', {rateLimit: 0.5}],
    ['on-bad-record: skip', {onBadRecord: {kind: 'skip'}}],
    ['max-record-size: 64kb', {maxRecordBytes: 65_536}],
    ['max-record-size: 100', {maxRecordBytes: 100}],
    ['key-column: origin', {options: {'key-column': 'origin'}}],
  ])('%s', (line, spec) => {
    expect(loaded(withLine(line)).sources[0]).toMatchObject(spec);
  });

  test('dead letters go to a file sink of their own', () => {
    const job = loaded(withLine('on-bad-record: {dead-letter: bad/}'));
    expect(job.sources[0]?.onBadRecord).toEqual({
      kind: 'dead-letter',
      sideOutput: 'flights.dead-letter',
    });
    expect(job.sinks[1]).toMatchObject({
      uid: 'flights-dead-letter',
      connector: 'file',
      input: 'flights.dead-letter',
      options: {path: '/jobs/bad', format: 'json'},
    });
    expect(job.sinks[1]?.schema.fields.map((field) => field.name)).toEqual([
      ...['source', 'split', 'byte_offset', 'line', 'reason', 'record'],
    ]);
  });

  test.each([
    ['rate-limit: 0', 'must be above 0'],
    ['rate-limit: -1', 'a number from 0'],
    ['rate-limit: fast', 'not "fast"'],
    ['on-bad-record: ignore', 'one of fail, skip'],
    ['on-bad-record: {dead-letter: 5}', 'dead-letter must be a text'],
    ['on-bad-record: {dead: x}', 'has no key "dead"'],
    ['max-record-size: big', 'is not a size'],
    ['key-column: orgin', 'no column is called "orgin" (did you mean "origin"?)'],
    ['path: s3://a/b', 'yaml-duplicate-key'],
    ['ordered: true', 'has no key "ordered"'],
  ])('%s is refused', (line, words) => {
    expect(findingsOf(withLine(line)).join('\n')).toContain(words);
  });

  test('of another connector take no record keys', () => {
    const text = PLAIN_JOB.replace(
      /flights:\n[^]*steps:\n[^]*sinks:/,
      'flights: {connector: generator, rows: 5, on-bad-record: skip}\nsinks:',
    ).replace('by-origin', 'flights');
    expect(findingsOf(text)[0]).toContain('has no key "on-bad-record"');
    expect(loaded(text.replace(', on-bad-record: skip', '')).sources[0]).toMatchObject({
      schema: {fields: [{name: 'n'}, {name: 'at'}]},
      maxRecordBytes: null,
    });
  });

  test('with a schema of their own refuse another', () => {
    const text = PLAIN_JOB.replace('connector: file\n', 'connector: generator\n');
    expect(findingsOf(text).join('\n')).toContain('follows from its own keys');
  });

  test('remote paths are refused with the reason', () => {
    expect(findingsOf(PLAIN_JOB.replace('data/flights', 's3://b/flights'))[0]).toContain(
      'must be a path on this machine',
    );
  });
});
