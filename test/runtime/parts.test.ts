// The small parts of the runtime: rows for the console, timers beyond 24.8 days.

import {describe, expect, test} from 'vitest';

import {systemTimers} from '#src/base/clock.js';
import {EventStream} from '#src/runtime/event-stream.js';
import {BIGINT, DOUBLE, STRING, decimal} from '#src/records/data-type.js';
import {parseRow} from '#src/runtime/parse-row.js';

test('a stream keeps what is pushed until it is read', async () => {
  const stream = new EventStream<number>();
  stream.push(1);
  stream.push(2);
  stream.end();
  const read: number[] = [];
  for await (const item of stream) read.push(item);
  expect(read).toEqual([1, 2]);
});

describe('a row of the console', () => {
  test.each([
    [BIGINT, '12', 12],
    [BIGINT, '9007199254740991', 9007199254740991],
    [BIGINT, '9007199254740992', '9007199254740992'],
    [BIGINT, '9007199254740994', '9007199254740994'],
    [BIGINT, '-9223372036854775808', '-9223372036854775808'],
    [BIGINT, 'null', null],
    [DOUBLE, '9007199254740993', 9007199254740992],
    [DOUBLE, '100000000000000000000', 1e20],
    [DOUBLE, '1e+300', 1e300],
    [DOUBLE, '0.30000000000000004', 0.30000000000000004],
    [DOUBLE, '"NaN"', 'NaN'],
    [decimal(18, 2), '1234567890123456.78', '1234567890123456.78'],
    [decimal(18, 2), '1234567890123.40', 1234567890123.4],
    [decimal(18, 10), '-0.1000000000', -0.1],
    [decimal(18, 18), '0.123456789012345678', '0.123456789012345678'],
    [decimal(18, 0), '100000000000000000', '100000000000000000'],
    [
      STRING,
      '"9007199254740993, \\"a\\": 9007199254740993"',
      '9007199254740993, "a": 9007199254740993',
    ],
  ] as const)('%j: %s is shown as %j, by the type of its column', (type, text, value) => {
    const schema = {
      fields: [
        {name: 'k "1"', type: BIGINT},
        {name: 'v', type},
        {name: 'z', type: BIGINT},
      ],
    };
    expect(parseRow(`{"k \\"1\\"":1,"v":${text},"z":9007199254740993}`, schema)).toEqual({
      'k "1"': 1,
      v: value,
      z: '9007199254740993',
    });
  });
});

test('a timer of more than 24.8 days does not fire at once', async () => {
  let fired = false;
  const timer = systemTimers.after(1000 * 3_600_000, () => {
    fired = true;
  });
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  timer.cancel();
  expect(fired).toBe(false);
});
