// `_metadata` made by hand, a byte wrong in each: the error says where, in which part, what was expected and what was found.

import {describe, expect, test} from 'vitest';

import {ByteCursor, FLINK_LIMITS} from '#src/inspection/flink/byte-cursor.js';
import {contradictionsIn} from '#src/inspection/flink/check-structure.js';
import {decodeFlinkMetadata} from '#src/inspection/flink/decode-flink-metadata.js';
import {modifiedUtf8} from '#src/inspection/flink/modified-utf8.js';
import {
  changelog,
  int,
  keyGroupsHandle,
  long,
  metadataOf,
  operatorOf,
  relative,
  short,
  subtaskOf,
  text,
} from './support/metadata-bytes.js';

function decode(...parts: Uint8Array[]) {
  return decodeFlinkMetadata(new ByteCursor(Buffer.concat(parts)));
}

describe('the header', () => {
  test.each([
    [
      'another magic',
      Buffer.from('4960672e00000003', 'hex'),
      {kind: 'damaged', offset: 0, expected: '4960672d', found: '4960672e'},
    ],
    [
      'nothing',
      Buffer.alloc(0),
      {kind: 'damaged', offset: 0, expected: '4 bytes', found: 'the end after 0'},
    ],
  ])('%s', (_name, bytes, expected) => {
    expect(decode(bytes)).toMatchObject(expected);
  });

  test.each([
    [
      1,
      "Flink's _metadata of version 1, which Apache Flink 1.1 or 1.2 wrote: versions 2 to 6 are read here",
    ],
    [7, "Flink's _metadata of version 7: versions 2 to 6 are read here"],
    [-1, "Flink's _metadata of version -1: versions 2 to 6 are read here"],
  ])('version %s is another', (version, message) => {
    expect(decode(int(0x4960672d), int(version), long(1n))).toEqual({
      kind: 'incompatible',
      message,
    });
  });

  test('a negative id is no id', () => {
    expect(decode(int(0x4960672d), int(3), long(-1n))).toMatchObject({
      kind: 'damaged',
      offset: 8,
      expected: 'a checkpoint id of 0 to 2^53',
      found: '-1',
    });
  });
});

describe('counts and lengths', () => {
  test.each([
    ['2^31 - 1 operators', [int(0), int(0x7fff_ffff)], 20, 'operators', '2147483647'],
    ['-1 master states', [int(-1)], 16, 'master states', '-1'],
    [
      'a master state beyond the end',
      [int(1), int(0xc96b1696 | 0), int(1000), Buffer.alloc(8)],
      24,
      'a master state of',
      '1000 bytes',
    ],
    [
      'a master state of 0 bytes',
      [int(1), int(0xc96b1696 | 0), int(0), Buffer.alloc(8)],
      24,
      'a master state of',
      '0 bytes',
    ],
    [
      'a hook that reads less than its length',
      [int(1), int(0xc96b1696 | 0), int(12), int(1), short(0), int(0), Buffer.alloc(8)],
      38,
      'the end of a master state',
      '2 further bytes',
    ],
  ] as const)('%s', (_name, parts, offset, expected, found) => {
    expect(decode(int(0x4960672d), int(3), long(1n), ...parts)).toMatchObject({
      kind: 'damaged',
      offset,
      expected: expect.stringContaining(expected) as string,
      found,
    });
  });

  test.each([
    ['more subtasks than bytes', operatorOf({count: 1_000_000_000}), /subtasks/],
    [
      'a subtask beyond the parallelism',
      operatorOf({subtasks: [subtaskOf(2)]}),
      /below the parallelism of 2/,
    ],
    [
      'one subtask twice',
      operatorOf({subtasks: [subtaskOf(1), subtaskOf(1)]}),
      /2 different subtasks/,
    ],
    [
      'a finished subtask beyond the parallelism',
      operatorOf({subtasks: [int(-4)]}),
      /below the parallelism/,
    ],
    ['no parallelism', operatorOf({parallelism: 0}), /a parallelism from 1/],
    [
      'a max parallelism of 2^15 + 1',
      operatorOf({maxParallelism: 32_769}),
      /a max parallelism from 1 to 32768/,
    ],
    [
      'key groups beyond 2^15',
      operatorOf({subtasks: [subtaskOf(0, Buffer.concat([Buffer.of(12), int(32_767), int(2)]))]}),
      /key groups from 0 to 1/,
    ],
    [
      'positions of key groups beyond the end',
      operatorOf({subtasks: [subtaskOf(0, Buffer.concat([Buffer.of(12), int(0), int(32_768)]))]}),
      /32768 positions of key groups/,
    ],
    [
      'a keyed handle with a tag of nothing',
      operatorOf({subtasks: [subtaskOf(0, Buffer.of(99))]}),
      /tag 0, 3, 5 or 7 to 14/,
    ],
    [
      'keyed state without a stream',
      operatorOf({subtasks: [subtaskOf(0, keyGroupsHandle(Buffer.of(0)))]}),
      /a stream handle for key groups/,
    ],
    [
      'a size below -1',
      operatorOf({subtasks: [subtaskOf(0, keyGroupsHandle(relative('a', -2n)))]}),
      /a size of -1/,
    ],
    ['a coordinator in a file', operatorOf({coordinator: relative('a', 1n)}), /none or inline/],
  ] as const)('%s', (_name, operator, expected) => {
    const result = decode(metadataOf(3, [operator]));
    expect(result).toMatchObject({
      kind: 'damaged',
      expected: expect.stringMatching(expected) as string,
      message: expect.stringContaining('in operator 0') as string,
    });
  });
});

test('handles in handles end at the limit, however many there are', () => {
  for (const depth of [FLINK_LIMITS.depthMax, FLINK_LIMITS.depthMax + 1, 200_000]) {
    const operator = operatorOf({subtasks: [subtaskOf(0, changelog(depth))]});
    const result = decode(metadataOf(3, [operator]));
    if (depth <= FLINK_LIMITS.depthMax) expect(result.kind).toBe('decoded');
    else {
      expect(result).toMatchObject({kind: 'damaged', expected: 'at most 8 handles in one another'});
    }
  }
  // The same for a stream of key groups of a stream of key groups of …
  const wrapped = Buffer.concat([
    ...Array.from({length: 100_000}, () => Buffer.concat([Buffer.of(3), int(0), int(0)])),
    relative('a', 1n),
  ]);
  const operator = operatorOf({subtasks: [subtaskOf(0, keyGroupsHandle(wrapped))]});
  expect(decode(metadataOf(3, [operator]))).toMatchObject({
    kind: 'damaged',
    expected: 'at most 8 handles in one another',
  });
});

describe('modified UTF-8', () => {
  const read = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex');
    return modifiedUtf8(bytes, 0, bytes.length);
  };

  test.each([
    ['', ''],
    ['61c3a9e282ac', 'aé€'],
    ['c080', '\0'],
    ['eda0bdedb880', '😀'],
  ])('%s is %j', (hex, expected) => {
    expect(read(hex)).toBe(expected);
  });

  test.each([
    ['a NUL of one byte', '6100', 1],
    ['a byte that begins nothing', '6180', 1],
    ['0xff', 'ff', 0],
    ['cut in two', '61c3', 1],
    ['cut in three', '61e282', 1],
    ['a continuation that is none', 'c341', 0],
    ['more bytes than it takes', 'c1bf', 0],
    ['more bytes than it takes, of three', 'e09fbf', 0],
    ['four bytes', 'f09f9880', 0],
    ['half a pair', 'eda0bd61', 0],
    ['half a pair at the end', '61eda0bd', 1],
    ['the second half alone', 'edb880', 0],
    ['the first half twice', 'eda0bdeda0bdedb880', 0],
  ])('%s is refused', (_name, hex, offset) => {
    expect(read(hex)).toEqual({offset});
  });
});

describe('properties', () => {
  const withProperties = (hex: string) =>
    decode(metadataOf(4, [operatorOf({})]), Buffer.from(hex, 'hex'));
  const STREAM = 'aced0005';
  const classOf = (name: string, fields: string, parent = '70') =>
    `72${text(name).toString('hex')}000000000000000102${fields}78${parent}`;

  test.each([
    ['none at all, as the State Processor API writes it', `${STREAM}70`, null],
    ['nothing', '', /4 bytes/],
    ['no stream', 'aced0006', /AC ED 00 05/],
    ['a string', `${STREAM}740001`.concat('61'), /CheckpointProperties/],
    ['a further byte', `${STREAM}7000`, /the end of the file/],
    ['a value of another kind', `${STREAM}77`, /a Java value/],
    ['a reference to nothing', `${STREAM}71007e0000`, /a reference to an earlier value/],
    [
      'a class that extends itself',
      `${STREAM}73${classOf('A', '0000', '71007e0000')}`,
      /a reference to an earlier class/,
    ],
    [
      'an object in itself',
      `${STREAM}73${classOf('A', `00014c00016174000162`)}71007e0002`,
      /a reference to an earlier value/,
    ],
    ['a field of an array', `${STREAM}73${classOf('A', `00015b000161`)}`, /type Z or L/],
    ['33 fields', `${STREAM}73${classOf('A', '0021')}`, /at most 32 fields/],
    ['an object of another class', `${STREAM}73${classOf('A', '0000')}`, /CheckpointProperties/],
    [
      'an enum that is no text',
      `${STREAM}7e${classOf('A', '0000')}70`,
      /the name of an enum constant/,
    ],
    ['an object without a class', `${STREAM}7370`, /a class/],
    [
      'a class without an end',
      `${STREAM}7372000141${'00'.repeat(8)}02000077`,
      /the end of a class/,
    ],
  ])('%s', (_name, hex, expected) => {
    const result = withProperties(hex);
    if (expected === null) expect(result.kind).toBe('decoded');
    else {
      expect(result).toMatchObject({
        kind: 'damaged',
        expected: expect.stringMatching(expected) as string,
      });
    }
  });

  test('classes that extend each other without end are refused at the limit', () => {
    const chain = Array.from({length: 100_000}, () => classOf('A', '0000', '')).join('');
    expect(withProperties(`${STREAM}73${chain}`)).toMatchObject({
      expected: 'at most 8 handles in one another',
    });
  });
});

test('half a million contradictions in one subtask are told like one', () => {
  const stream = {kind: 'relative', path: 'a', size: 10} as const;
  const offsets = BigInt64Array.of(-5n);
  const mode = 'split' as const;
  const states = Array.from({length: 500_000}, () => ({name: 's', mode, offsets}));
  const operator = (part: object) =>
    ({
      id: 'a',
      parallelism: 1,
      maxParallelism: 1,
      subtasks: [{...NOTHING_KEYED, ...part}],
    }) as never;
  expect(
    contradictionsIn({operators: [operator({managedOperator: {stream, states}})]} as never),
  ).toHaveLength(500_000);
});

const NOTHING_KEYED = {
  ...{index: 0, managedOperator: null, rawOperator: null, managedKeyed: null, rawKeyed: null},
  channels: [],
};

describe('numbers that contradict each other', () => {
  const found = (...operators: Uint8Array[]) => {
    const result = decode(metadataOf(3, operators));
    if (result.kind !== 'decoded') throw new Error(JSON.stringify(result));
    return contradictionsIn(result.metadata);
  };
  const handle = (start: number, count: number, offset = 0n) =>
    keyGroupsHandle(relative('a', 10n), start, count, offset);

  test.each([
    [
      'nothing',
      [operatorOf({subtasks: [subtaskOf(0, handle(0, 64)), subtaskOf(1, handle(64, 64))]})],
      null,
    ],
    ['an id twice', [operatorOf({}), operatorOf({})], /two operators have the id 0{32}/],
    [
      'parallelism above the max',
      [operatorOf({parallelism: 129})],
      /parallelism 129 is above its max parallelism 128/,
    ],
    [
      'key groups beyond the max parallelism',
      [operatorOf({subtasks: [subtaskOf(0, handle(100, 29))]})],
      /key groups 100 to 128 of 128/,
    ],
    [
      'one key group in two subtasks',
      [operatorOf({subtasks: [subtaskOf(0, handle(0, 65)), subtaskOf(1, handle(64, 64))]})],
      /two subtasks have the key group 64/,
    ],
    [
      'a position after the end',
      [operatorOf({subtasks: [subtaskOf(0, handle(0, 1, 11n))]})],
      /begins at byte 11 of a state of 10 bytes/,
    ],
    [
      'a negative position',
      [operatorOf({subtasks: [subtaskOf(0, handle(0, 1, -2n))]})],
      /begins at byte -2/,
    ],
  ] as const)('%s', (_name, operators, expected) => {
    const sentences = found(...operators);
    if (expected === null) expect(sentences).toEqual([]);
    else expect(sentences).toEqual([expect.stringMatching(expected)]);
  });
});
