// A finding inside an expression points at the very character, whatever way the text is written in YAML.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';

import {part, proofSeed, whole} from '../hostile/support/sample.ts';
import {PLAIN_JOB, findingsOf} from './load.js';
import {FindingList} from '#src/job/finding.js';
import {interpolate} from '#src/job/interpolate.js';
import {parseYaml} from '#src/job/parse-yaml.js';
import {placeInScalar} from '#src/job/scalar-position.js';
import {SourceText} from '#src/job/source-text.js';
import type {YamlScalar} from '#src/job/yaml-node.js';

/** The plain job with this filter; places in its findings are those of the whole file. */
function place(where: string, environment = {}): string | undefined {
  const text = PLAIN_JOB.replace(
    'where: delay > 15 AND origin IS NOT NULL',
    () => `where: ${where}`,
  );
  const [finding] = findingsOf(text, {environment});
  expect(finding).toContain('expression-invalid');
  return finding?.split(' ')[0];
}

describe('an expression', () => {
  test.each([
    ['plain', 'delay > ?', '13:20'],
    ['double-quoted', '"delay > ?"', '13:21'],
    ['single-quoted', "'delay > ?'", '13:21'],
    ['double-quoted with escapes', String.raw`"'\"' \u003e ?"`, '13:25'],
    ['single-quoted with quotes', "'''it'' > ?'", '13:22'],
    ['literal block', '|\n      delay >\n        ?', '15:9'],
    ['folded block', '>-\n      delay >\n      ?', '15:7'],
    ['plain over lines', 'delay >\n      0 OR\n\n      ?', '16:7'],
    ['quoted over lines', '"delay >\n      0 OR\n      ?"', '15:7'],
    ['after a character beyond the basic plane', `"'💧' > ?"`, '13:20'],
  ])('%s', (_name, where, expected) => {
    expect(place(where)).toBe(expected);
  });

  test('with a variable before it and in it', () => {
    expect(place('${A} > ?', {A: 'delay + 1000000'})).toBe('13:19');
    expect(place('delay > ${A} + 1', {A: '7 ?'})).toBe('13:20');
    expect(place('delay ${A:-+ 1} > ?')).toBe('13:30');
  });

  test('at an unknown column of an aggregate', () => {
    const text = PLAIN_JOB.replace('MAX(delay)', 'MAX(dlay)');
    expect(findingsOf(text)[0]).toContain(
      '18:44 expression-invalid: steps.by-origin.select.worst: no column "dlay"',
    );
  });
});

describe('the place of every visible character', () => {
  const WORD = fc.string({
    unit: fc.constantFrom(
      'a',
      'Z',
      '0',
      '_',
      '(',
      ')',
      '=',
      '<',
      '.',
      "'",
      '"',
      '\\',
      'ü',
      '€',
      '💧',
    ),
    minLength: 1,
    maxLength: 6,
  });
  const WORDS = fc.array(WORD, {minLength: 1, maxLength: 6});

  const escaped = (character: string): string =>
    `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`;

  const STYLES: Record<string, (words: readonly string[]) => string> = {
    'double-quoted': (words) => JSON.stringify(words.join(' ')),
    'double-quoted, escaped': (words) => `"${Array.from(words.join(' '), escaped).join('')}"`,
    'double-quoted, over lines': (words) =>
      `"${words.map((word) => JSON.stringify(word).slice(1, -1)).join('\n    ')}"`,
    'single-quoted': (words) => `'${words.join('  ').replaceAll("'", "''")}'`,
    'single-quoted, over lines': (words) => `'${words.join('\n\n  ').replaceAll("'", "''")}'`,
    literal: (words) => `|\n    ${words.join('\n     ')}\n`,
    folded: (words) => `>-\n  ${words.join('\n  ')}\n`,
    plain: (words) => `x${words.join('  ')}`,
    'plain, over lines': (words) => `x${words.join('\n    x')}`,
  };

  test.each(Object.keys(STYLES))('is exact when %s', (style) => {
    const property = fc.property(WORDS, (words) => {
      const text = `# c\nkey: ${STYLES[style]!(words)}`;
      const origin = new SourceText(text, null);
      const root = parseYaml(origin, new FindingList());
      const scalar = root?.kind === 'map' ? (root.entries[0]!.value as YamlScalar) : null;
      expect(scalar).not.toBeNull();
      const value = scalar!.value as string;
      let last = 0;
      for (let offset = 0; offset < value.length; offset += 1) {
        if (/\s/.test(value[offset]!)) continue;
        const {start} = placeInScalar(scalar!, offset);
        expect(start).toBeGreaterThanOrEqual(last);
        last = start;
        const written = text.slice(start);
        const isEscape = style.startsWith('double') && written.startsWith('\\');
        if (isEscape) expect(written).toMatch(/^\\(?:U[0-9a-f]{8}|["\\])/);
        else expect(text[start]).toBe(value[offset]);
      }
    });
    fc.assert(property, {numRuns: whole ? part(30_000) : 200, seed: whole ? proofSeed : 7});
  });

  test('is exact beside variables', () => {
    const property = fc.property(
      WORDS,
      WORDS,
      fc.string({maxLength: 8}),
      (before, after, value) => {
        const words = (list: readonly string[]): string => list.join(' ').replaceAll('$', '');
        const text = `${JSON.stringify(`${words(before)}\${V}${words(after)}`)}\n`;
        const origin = new SourceText(text, null);
        const root = parseYaml(origin, new FindingList());
        const scalar = interpolate(root!, {V: value}, new Map(), new FindingList()) as YamlScalar;
        const whole = scalar.value as string;
        const start = words(before).length + value.length;
        for (let offset = start; offset < whole.length; offset += 1) {
          if (/\s/.test(whole[offset]!)) continue;
          const written = text.slice(placeInScalar(scalar, offset).start);
          expect(written.startsWith('\\') ? written[1] : written[0]).toBe(whole[offset]);
        }
      },
    );
    fc.assert(property, {numRuns: whole ? part(30_000) : 200, seed: whole ? proofSeed : 7});
  });
});
