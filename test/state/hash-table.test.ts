// Promise: a keyed table behaves like a map from key to accumulators, whatever the key's types, also when
// rows are deleted and the index grows. Checked against a plain Map.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, BOOLEAN, DOUBLE, INT, STRING, BYTES} from '#src/records/data-type.js';
import type {DataType} from '#src/records/data-type.js';
import {readValue, type Value} from '#src/records/value.js';
import {anyCodePoint} from '../any-code-point.ts';
import {keyOf} from './support/model.ts';

const TYPES: readonly DataType[] = [INT, BIGINT, DOUBLE, STRING, BOOLEAN, BYTES];

function valueOf(type: DataType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'int':
      return fc.option(fc.integer({min: -3, max: 3}), {nil: null});
    case 'bigint':
      return fc.option(
        fc.oneof(
          fc.bigInt({min: -3n, max: 3n}),
          fc.constantFrom(2n ** 62n, -(2n ** 63n), 2n ** 53n + 1n),
        ),
        {nil: null},
      );
    case 'double':
      return fc.constantFrom(0, -0, NaN, Infinity, 1.5, -2.25, null);
    case 'boolean':
      return fc.constantFrom(true, false, null);
    case 'bytes':
      return fc.option(fc.uint8Array({maxLength: 14}), {nil: null});
    default:
      return fc.option(
        fc.oneof(
          fc.string({maxLength: 4, unit: anyCodePoint}),
          fc.constantFrom(
            '',
            'twelve bytes',
            'thirteen byte',
            'thirteen bytf',
            'eight by',
            'ä'.repeat(40),
          ),
        ),
        {nil: null},
      );
  }
}

describe('HashTable', () => {
  it('gives each distinct key one row, and the key back', () => {
    const scenario = fc
      .array(fc.constantFrom(...TYPES), {minLength: 0, maxLength: 3})
      .chain((types) =>
        fc.tuple(
          fc.constant(types),
          fc.array(fc.tuple(...types.map(valueOf)), {minLength: 1, maxLength: 60}),
          fc.integer({min: 0, max: types.length}),
        ),
      );
    fc.assert(
      fc.property(scenario, ([types, keys, keyGroupColumns]) => {
        const fields = types.map((type, index) => ({name: `k${index}`, type}));
        const table = new HashTable(
          {name: 't', key: fields, keyGroupColumns, values: []},
          128,
          'test',
        );
        const builder = new BatchBuilder({fields});
        for (const key of keys) builder.appendRow(key);
        const batch = builder.build();
        const rows = new Int32Array(keys.length);
        table.resolve(batch.columns, null, 0, keys.length, rows);
        const byKey = new Map<string, number>();
        keys.forEach((key, position) => {
          const text = keyOf(key);
          const known = byKey.get(text);
          if (known === undefined) byKey.set(text, rows[position]!);
          else expect(rows[position]).toBe(known);
        });
        expect(new Set(byKey.values()).size).toBe(byKey.size);
        expect(table.liveCount).toBe(byKey.size);
        const columns = fields.map((_, index) => table.readKey(index, rows, 0, keys.length));
        keys.forEach((key, position) => {
          const back = fields.map((field, index) =>
            readValue(field.type, columns[index]!, position),
          );
          expect(keyOf(back)).toBe(keyOf(key));
        });
      }),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 2000 : 60},
    );
  });

  it('finds every key again after many inserts and deletes', () => {
    // 150,000 distinct keys also meet each other's 32-bit hashes.
    const rounds = process.env['TIDEMARK_PROOF'] === '1' ? 400 : 60;
    const taken = new Set<number>();
    const field = {name: 'k', type: BIGINT};
    const table = new HashTable(
      {name: 't', key: [field], keyGroupColumns: 1, values: []},
      128,
      'test',
    );
    const model = new Map<number, number>();
    const values = new Float64Array(1000);
    const rows = new Int32Array(1000);
    let seed = 7;
    for (let round = 0; round < rounds; round += 1) {
      for (let at = 0; at < 1000; at += 1) {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        values[at] = (seed >>> 8) % 150_000;
      }
      const column = {layout: 'int64', values, wide: null, nulls: null} as const;
      table.resolve([column], null, 0, 1000, rows);
      values.forEach((key, at) => {
        const known = model.get(key);
        if (known === undefined) {
          expect(taken.has(rows[at]!)).toBe(false);
          taken.add(rows[at]!);
          model.set(key, rows[at]!);
        } else if (known !== rows[at]) expect.fail(`key ${key} has another row`);
      });
      const doomed = [...new Set(values.subarray(0, 400))];
      table.deleteRows(
        Int32Array.from(doomed, (key) => model.get(key)!),
        0,
        doomed.length,
      );
      for (const key of doomed) {
        taken.delete(model.get(key)!);
        model.delete(key);
      }
      expect(table.liveCount).toBe(model.size);
    }
  });
});
