// Canonical JSON: one value has one text, and no other text is read: by the quick look at plain text neither.

import fc from 'fast-check';
import {describe, expect, it} from 'vitest';

import type {JsonValue} from '#src/base/json.js';
import {canonicalJson, parseCanonicalJson} from '#src/storage/canonical-json.js';

function isCanonical(text: string): boolean {
  try {
    return canonicalJson(JSON.parse(text) as JsonValue) === text;
  } catch {
    return false;
  }
}

describe('canonical JSON', () => {
  it('one value has one text, and comes back', () => {
    expect(canonicalJson({b: [1, -0, 'x\u2028'], a: null, B: 1e21, aa: true})).toBe(
      '{"B":1e+21,"a":null,"aa":true,"b":[1,-0,"x\u2028"]}',
    );
    fc.assert(
      fc.property(fc.jsonValue({maxDepth: 5}), (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        const parsed = parseCanonicalJson(Buffer.from(canonicalJson(value as JsonValue)));
        expect(parsed).toEqual({kind: 'value', value});
      }),
      {numRuns: 300},
    );
  });

  it('of any text the answer is whether its value would be written so', () => {
    const key = fc.constantFrom('a', 'b', 'aa', 'ab', 'B', '10', '9', '_', '__a', 'a b', 'ä', '"');
    const {value: values} = fc.letrec<{value: JsonValue}>((tie) => ({
      value: fc.oneof(
        {maxDepth: 4},
        fc.oneof(key, fc.integer(), fc.double({noNaN: true, noDefaultInfinity: true})),
        fc.constantFrom(true, false, null, 10 ** 15, 10 ** 15 - 1, 2 ** 53, 1e21, 1e-7),
        fc.array(tie('value'), {maxLength: 4}),
        fc.dictionary(key, tie('value'), {maxKeys: 4}),
      ),
    }));
    const change = fc.record({at: fc.nat(), text: fc.constantFrom('', ' ', '0', '1', '-', ',')});
    fc.assert(
      fc.property(values, fc.option(change), fc.boolean(), (value, edit, isSorted) => {
        const written = isSorted ? canonicalJson(value) : JSON.stringify(value);
        const at = edit === null ? 0 : edit.at % (written.length + 1);
        const text = `${written.slice(0, at)}${edit?.text ?? ''}${written.slice(at)}`;
        const expected = isCanonical(text) ? {kind: 'value', value: JSON.parse(text)} : 'damaged';
        const parsed = parseCanonicalJson(Buffer.from(text));
        expect(parsed.kind === 'value' ? parsed : parsed.kind, text).toEqual(expected);
      }),
      {numRuns: 3000},
    );
  });

  it('keys are compared within their own object, and none is there twice', () => {
    for (const text of [
      '{"a":{"z":1},"b":{"a":1}}',
      '[{"b":1},{"a":1}]',
      '{"10":1,"9":["z","a"],"a":{},"b":[]}',
      '{"a":"b\u007f","ab":-1,"b":[0,999999999999999]}',
    ]) {
      const value = JSON.parse(text) as JsonValue;
      expect(parseCanonicalJson(Buffer.from(text)), text).toEqual({kind: 'value', value});
    }
    for (const text of [
      '{"a":1,"a":1}',
      '{"b":{"a":1},"a":1}',
      '{"ab":1,"a":1}',
      '{"__proto__":1}',
      '[9007199254740993]',
      '[01]',
      '[1e3]',
      '[1]]',
      '[nil]',
      '\u0020[1]',
    ]) {
      expect(parseCanonicalJson(Buffer.from(text)).kind, text).toBe('damaged');
    }
  });

  it('other texts of the same value are refused, with the offset', () => {
    for (const [text, offset] of [
      ['{"a": 1}', 5],
      ['{"b":1,"a":2}', 2],
      ['[1.0]', 2],
      ['["\\u0061"]', 2],
    ] as const) {
      expect(parseCanonicalJson(Buffer.from(text))).toMatchObject({kind: 'damaged', offset});
    }
    expect(parseCanonicalJson(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({
      message: 'not UTF-8',
    });
  });
});
