// Every name is parsed back to what it was made of, and nothing else is taken for a part.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {isJobName, isOperatorUid} from '#src/base/ids.js';
import {
  parsePartName,
  parseTemporaryName,
  partFileName,
  temporaryFileName,
  type PartName,
} from '#src/connectors/file/part-names.js';

const parts: fc.Arbitrary<PartName> = fc.record({
  job: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/).filter(isJobName),
  sink: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/).filter(isOperatorUid),
  lineage: fc.stringMatching(/^[0-9a-f]{16}$/),
  generation: fc.nat(10_000_000),
  subtask: fc.nat(40_000),
  counter: fc.nat(10_000_000),
  checkpointId: fc.nat(Number.MAX_SAFE_INTEGER),
  extension: fc.constantFrom('ndjson' as const, 'csv' as const),
});

test('a name is parsed back to what it was made of', () => {
  fc.assert(
    fc.property(parts, (part) => {
      const {checkpointId: _unknown, ...temporary} = part;
      expect(parsePartName(partFileName(part))).toEqual(part);
      expect(parseTemporaryName(temporaryFileName(part))).toEqual(temporary);
      expect(partFileName(part).length).toBeLessThanOrEqual(255);
    }),
  );
});

test('different parts have different names', () => {
  fc.assert(
    fc.property(parts, parts, (left, right) => {
      const same = JSON.stringify(left) === JSON.stringify(right);
      expect(partFileName(left) === partFileName(right)).toBe(same);
    }),
  );
});

test('a part is not a temporary, and other names are neither', () => {
  const lineage = '00000000000000aa';
  const names = [
    '',
    'notes.txt',
    `a.out.${lineage}.c1-g000001-s000-000000.ndjson`,
    `a.out.${lineage}.c0000001-g000001-s000-000000.ndjson`,
    `a.out.${lineage}.c000001-g000001-s000-000000.txt`,
    `a.OUT.${lineage}.c000001-g000001-s000-000000.ndjson`,
    `.out.${lineage}.c000001-g000001-s000-000000.ndjson`,
    `a/b.out.${lineage}.c000001-g000001-s000-000000.ndjson`,
    `.a.out.${lineage}.g000001-s000-000000.ndjson`,
  ];
  for (const name of names) {
    expect(parsePartName(name)).toBeNull();
    expect(parseTemporaryName(name)).toBeNull();
  }
});
