// The pre-scan and the yaml package agree: what the scan lets through is no deeper, wider or larger in
// the package's own tree than the limits say. Held against texts made of what YAML's indicators are.

import fc from 'fast-check';
import {Lexer, isCollection, isMap, isPair, parseDocument, visit} from 'yaml';
import {describe, expect, test} from 'vitest';

import {part, whole} from '../hostile/support/sample.ts';
import {FindingList} from '#src/job/finding.js';
import {MAX_KEYS_PER_MAP, MAX_YAML_DEPTH, MAX_YAML_NODES, scanYaml} from '#src/job/scan-yaml.js';
import {SourceText} from '#src/job/source-text.js';

const SEED = Number(process.env['TIDEMARK_SEED'] ?? 42);

function passes(text: string): boolean {
  return scanYaml(new SourceText(text, null), new FindingList());
}

function ruleOf(text: string): string | undefined {
  const findings = new FindingList();
  scanYaml(new SourceText(text, null), findings);
  return findings.sorted()[0]?.rule;
}

interface Shape {
  readonly depth: number;
  readonly keys: number;
  readonly nodes: number;
}

/** Of the package's tree, which it makes of wrong texts too. */
function shapeOf(text: string): Shape {
  let depth = 0;
  let keys = 0;
  let nodes = 0;
  const options = {uniqueKeys: false, prettyErrors: false, logLevel: 'silent'} as const;
  visit(parseDocument(text, options), (_key, node, path) => {
    if (isPair(node)) return;
    nodes += 1;
    if (isMap(node)) keys = Math.max(keys, node.items.length);
    if (isCollection(node)) depth = Math.max(depth, path.filter(isCollection).length + 1);
  });
  return {depth, keys, nodes};
}

const PIECE = fc.constantFrom(
  ...[
    '- ',
    '-',
    ': ',
    ':',
    '? ',
    'a',
    'bc',
    'a: ',
    '"',
    "'",
    '"x"',
    "'y'",
    '|',
    '>',
    '|\n',
    '>-\n',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    '[[',
    '{a: ',
    ', ',
    ',',
    '#',
    ' # c',
    '&a ',
    '!t ',
    '*a ',
    '*a',
    '%',
    '\\',
  ],
  ...[
    '\n',
    '\n ',
    '\n  ',
    '\n    ',
    '\n- ',
    '\n  - ',
    '\n# c\n',
    '\n---\n',
    '\n...\n',
    '\t',
    '  ',
    ' ',
  ],
);
const TEXT = fc.array(PIECE, {maxLength: 40}).map((pieces) => pieces.join(''));

describe('agreement with the package', () => {
  /** With a small limit, so that generated texts reach it: nesting repeated must be seen. */
  test('what repeats into depth there is counted here', () => {
    const property = fc.property(
      TEXT,
      TEXT,
      fc.integer({min: 0, max: 3}),
      (start, part, indent) => {
        const repeated = Array.from({length: 150}, (_, i) =>
          part.replaceAll('\n', `\n${' '.repeat(i * indent)}`),
        );
        const text = start + repeated.join('');
        if (text.length > 20_000 || !passes(text)) return;
        // A list item or flow pair may be a map without brackets of its own: two levels for one.
        expect(shapeOf(text).depth).toBeLessThanOrEqual(2 * MAX_YAML_DEPTH + 2);
      },
    );
    fc.assert(property, {numRuns: whole ? part(60_000) : 1500, seed: SEED});
  });

  test('what is counted as values there is counted here', () => {
    const property = fc.property(TEXT, (part) => {
      const text = part.repeat(600);
      if (!passes(text)) return;
      const shape = shapeOf(text);
      expect(shape.nodes).toBeLessThanOrEqual(3 * MAX_YAML_NODES);
      expect(shape.keys).toBeLessThanOrEqual(2 * MAX_KEYS_PER_MAP + 2);
    });
    fc.assert(property, {numRuns: whole ? part(20_000) : 300, seed: SEED});
  });

  test('nothing that passes makes the package throw', () => {
    const property = fc.property(TEXT, (text) => {
      if (!passes(text)) return;
      expect([...new Lexer().lex(text)].length).toBeGreaterThanOrEqual(0);
      shapeOf(text);
    });
    fc.assert(property, {numRuns: whole ? part(200_000) : 3000, seed: SEED});
  });
});

describe('texts that are fine', () => {
  test.each([
    ['a key with brackets in its value', 'where: a[1] > 2 AND b = {x}\n'],
    ['a continued expression', 'where: delay > 15\n  AND (a * b) > 1\n  || c\n  - d\n  "e"\n'],
    ['quotes over lines', "a: 'it''s\n  [[[ fine'\nb: \"x \\\" [\n\n  y\"\n"],
    ['a block text with anything in it', 'a: |\n    - [[[ {{{ "\n    ? x\n\n     & more\nb: 1\n'],
    ['a folded text at the end', 'a:\n  - >-\n    [[[\n    ]'],
    ['a comment under a block text', 'a: |\n  x\n # c\nb: 1\n'],
    ['brackets over lines', 'a: {\n  b: [1,\n    2], # c\n  c: "x"\n}\nd: 1\n'],
    ['a list as far left as its key', 'a:\n- b: 1\n  c: 2\n- d\nb: 3\n'],
    ['a list of lists', '- - a\n  - b\n- c: - d\n'.replace(': - d', ': d')],
    ['a hash and a colon in words', 'a: b#c:d\nurl: http://x:1/\n'],
    ['blank lines and comments', '\n# a\n\n  # b\na: 1 # c\n\n'],
    ['a text that begins with a question mark', 'a: ?x\nb: -1\n'],
  ])('%s', (_name, text) => {
    expect(ruleOf(text)).toBeUndefined();
    expect(parseDocument(text).errors).toEqual([]);
  });
});

describe('texts that the package would carry on with in its own way', () => {
  test.each([
    ['yaml-tab', 'a:\n\tb: 1\n'],
    ['yaml-syntax', 'a: "x\ny"\n'],
    ['yaml-syntax', 'a: [x,\ny]\n'],
    ['yaml-syntax', 'a: [x\n'],
    ['yaml-syntax', "a: 'x\n"],
    ['yaml-syntax', 'a: |\n    x\n  y\n'],
    ['yaml-syntax', 'a: |2\n  x\n'],
    ['yaml-syntax', '}[[[\n'],
    ['yaml-syntax', '*a:{:{\n'],
    ['yaml-syntax', 'a: %\n    a: %\n'],
    ['yaml-syntax', 'a: b: c\n'],
    ['yaml-syntax', 'a: b\n  c: d\n'],
    ['yaml-syntax', 'a: - b\n'],
    ['yaml-syntax', 'a: "b" c\n'],
    ['yaml-syntax', 'a: [b] c\n'],
    ['yaml-explicit-key', '? a\n: b\n'],
    ['yaml-explicit-key', '{? a : b}\n'],
    ['yaml-directive', '%YAML 1.1\n'],
  ])('are refused as %s: %j', (rule, text) => {
    expect(ruleOf(text)).toBe(rule);
  });
});
