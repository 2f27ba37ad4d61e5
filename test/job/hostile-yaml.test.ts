// Hostile YAML (HOSTILE H01 to H13): each is refused with a place and a reason, in less than a
// second and without growing the heap, and nothing of the process is changed by it.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, findingsOf, load, loaded} from './load.js';
import {MAX_JOB_FILE_BYTES} from '#src/job/decode-job-file.js';

/** Findings, and the processor time they take: the best of three, the first of which compiles the code. */
function timed(
  text: string | Uint8Array,
  budgetMillis = 1000,
): {findings: readonly string[]; millis: number} {
  let millis = Infinity;
  let findings: readonly string[] = [];
  for (let round = 0; round < 3 && millis > budgetMillis / 2; round += 1) {
    const start = process.cpuUsage();
    findings = findingsOf(text);
    const {user, system} = process.cpuUsage(start);
    millis = Math.min(millis, (user + system) / 1000);
  }
  return {findings, millis};
}

function bytes(...parts: (string | readonly number[])[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  );
}

describe('H01 yaml-empty', () => {
  test.each([
    ['an empty file', ''],
    ['blank lines', ' \n\n  \n'],
    ['comments', '# nothing\n  # here\n'],
    ['a byte order mark', '\uFEFF'],
    ['a document marker', '---\n'],
    ['null', 'null\n'],
  ])('%s holds no job', (_name, text) => {
    expect(findingsOf(text)[0]).toContain('job-empty: no job in /jobs/a.job.yaml');
  });

  test('a list or a text is not a job either', () => {
    expect(findingsOf('- a\n')[0]).toContain('1:1 job-not-a-map');
    expect(findingsOf('run\n')[0]).toContain('1:1 job-not-a-map');
  });
});

describe('H02 yaml-deep-x2', () => {
  const deep: [string, string, string][] = [
    ['brackets', 'a: '.concat('['.repeat(1000)), '1:67'],
    ['braces', `a: ${'{b: '.repeat(1000)}`, '1:256'],
    ['dashes', '- '.repeat(1000), '1:129'],
    ['indentation', Array.from({length: 1000}, (_, i) => `${' '.repeat(i)}a:`).join('\n'), '65:65'],
  ];

  test.each(deep)('%s 1,000 deep are refused, twice in one process', (_name, text, place) => {
    for (let round = 0; round < 2; round += 1) {
      const {findings, millis} = timed(text);
      expect(findings).toHaveLength(1);
      expect(findings[0]).toContain('yaml-too-deep: nested deeper than 64 levels');
      expect(findings[0]!.split(' ')[0]).toBe(place);
      expect(millis).toBeLessThan(1000);
    }
  });

  test('keys 1,000 deep on one line are no YAML', () => {
    expect(findingsOf('a: '.repeat(1000))[0]).toContain(
      '1:4 yaml-syntax: a second key on one line',
    );
  });

  test('64 levels are read', () => {
    const text = `${'['.repeat(64)}${']'.repeat(64)}`;
    expect(findingsOf(text)[0]).toContain('job-not-a-map');
    expect(findingsOf(`[${text}]`)[0]).toContain('yaml-too-deep');
  });
});

describe('H03 yaml-wide', () => {
  test.each([
    ['a block map', 1001, (i: number) => `key${i}: 1\n`, ''],
    ['a block map', 20_000, (i: number) => `key${i}: 1\n`, ''],
    ['a flow map', 20_000, (i: number) => `key${i}: 1,\n `, 'a: {'],
  ])('%s of %i keys is refused', (_name, count, entry, start) => {
    const text = start + Array.from({length: count}, (_, i) => entry(i)).join('');
    const {findings, millis} = timed(text);
    expect(findings[0]).toContain('yaml-too-many-keys: a map has at most 1000 keys');
    expect(millis).toBeLessThan(1000);
  });

  test('100,000 keys are refused by their size', () => {
    const text = Array.from({length: 100_000}, (_, i) => `keys${i}: 1\n`).join('');
    const {findings, millis} = timed(text);
    expect(findings).toEqual([
      '1:1 file-too-large: a job file has at most 1048576 bytes (is this the right file?)',
    ]);
    expect(millis).toBeLessThan(1000);
  });

  test('a list of 30,000 values is refused', () => {
    expect(timed(`a: [${'1,'.repeat(30_000)}]`).findings[0]).toContain('yaml-too-many-nodes');
    expect(timed('- 1\n'.repeat(30_000)).findings[0]).toContain('yaml-too-many-nodes');
  });

  test('1,000 keys are read', () => {
    const text = Array.from({length: 1000}, (_, i) => `key${i}: 1\n`).join('');
    expect(findingsOf(text).every((finding) => finding.includes('key-'))).toBe(false);
    expect(findingsOf(text).some((finding) => finding.includes('too-many'))).toBe(false);
  });
});

describe('H04 yaml-billion-laughs', () => {
  test('nested aliases are refused before they grow', () => {
    const lines = ['a0: &a0 [lol, lol]'];
    for (let level = 1; level < 60; level += 1) {
      lines.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}*a${level - 1}]`);
    }
    const before = process.memoryUsage().heapUsed;
    const {findings, millis} = timed(`${lines.join('\n')}\n`, 100);
    expect(findings.join('\n')).toContain('the alias "*a0" is over the alias limit');
    expect(millis).toBeLessThan(100);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 2 ** 20);
  });
});

describe('H05 yaml-cyclic-anchor', () => {
  test('an alias inside its own value is called cyclic', () => {
    expect(findingsOf('a: &x [*x]\n')).toEqual([
      '1:7 yaml-anchor: the anchor "&x" is refused: a job file has no anchors and aliases (write the value out where it is used)',
      '1:8 yaml-alias: cyclic alias: "*x" stands inside the value that it names (write the value out where it is used)',
    ]);
  });
});

describe('H06 yaml-proto', () => {
  test.each(['__proto__', 'constructor', 'prototype', '"__proto__"', '"\\x5f_proto__"'])(
    'the key %s is refused wherever it stands',
    (key) => {
      for (const text of [
        `${key}: {x: 1}\n`,
        `a: {${key}: {x: 1}}\n`,
        `a:\n  - ${key}:\n      x: 1\n`,
      ]) {
        expect(findingsOf(text).join()).toContain('yaml-forbidden-key');
      }
      expect(({} as {x?: unknown}).x).toBeUndefined();
    },
  );

  test('merge keys are refused', () => {
    expect(findingsOf('a: {<<: {__proto__: {x: 1}}}\n').join('\n')).toMatch(
      /1:5 yaml-merge-key(.|\n)*1:10 yaml-forbidden-key|1:10 yaml-forbidden-key/,
    );
    expect(findingsOf('<<: {x: 1}\n')[0]).toContain('1:1 yaml-merge-key');
    expect(({} as {x?: unknown}).x).toBeUndefined();
  });

  test('--set cannot reach them either', () => {
    const result = load(PLAIN_JOB, {overrides: {flink: [], set: [['__proto__.x', '1']]}});
    expect(result.kind).toBe('invalid');
    expect(({} as {x?: unknown}).x).toBeUndefined();
  });
});

describe('H07 yaml-js-tag', () => {
  test.each(['!!js/function "x"', '!exec x', '!!str x', '!<tag:a> x', '! x', '!!binary aGk='])(
    'the tag of %s is refused',
    (value) => {
      expect(findingsOf(`name: ${value}\n`)[0]).toMatch(/^1:7 yaml-tag: the tag "!/);
    },
  );
});

describe('H08 yaml-dup-key', () => {
  test('both places are shown, whatever the quotes', () => {
    expect(findingsOf('name: a\nsinks: {}\n"name": b\n')[0]).toBe(
      '3:1 yaml-duplicate-key: the key "name" stands here and at 1:1 (remove one of them)',
    );
    expect(findingsOf("a: {b: 1, 'b': 2}\n")[0]).toContain('1:11 yaml-duplicate-key');
  });
});

describe('H09 yaml-multi-doc', () => {
  test.each([
    ['a second document', `${PLAIN_JOB}---\nname: b\n`, '23:1'],
    ['a second one after an end marker', 'name: a\n...\n---\nname: b\n', '3:1'],
    ['two empty ones', '---\n---\n', '2:1'],
  ])('%s is refused', (_name, text, place) => {
    expect(findingsOf(text)[0]).toContain(`${place} yaml-documents`);
  });

  test('a marker before the only document is fine', () => {
    expect(load(`# a job\n---\n${PLAIN_JOB}`).kind).toBe('ok');
    expect(load(`${PLAIN_JOB}...\n`).kind).toBe('ok');
  });
});

describe('H10 yaml-1.1', () => {
  test('directives are refused', () => {
    expect(findingsOf('%YAML 1.1\n---\nname: a\n')[0]).toContain('1:1 yaml-directive');
    expect(findingsOf('%TAG ! tag:a,2000:\n---\nname: a\n')[0]).toContain('1:1 yaml-directive');
  });

  test('no, 010 and 12:30:45 are what YAML 1.2 says, and fields coerce none of them', () => {
    const withKey = (line: string): readonly string[] =>
      findingsOf(PLAIN_JOB.replace('    format: json', `    format: json\n    ${line}`));
    expect(withKey('bounded: no')[0]).toContain(
      'bounded must be true or false, not "no" (write false, without quotes)',
    );
    expect(withKey('skip-until: 010')[0]).toContain('a leading 0 means octal elsewhere: write 10');
    expect(withKey('skip-until: 12:30:45')[0]).toContain('not "12:30:45"');
    expect(withKey('skip-until: "10"')[0]).toContain('not "10" (without quotes: 10)');
    expect(findingsOf(PLAIN_JOB.replace('delays', '2024'))[0]).toContain(
      '1:7 value-type: the job.name must be a text, not 2024 (quote it: "2024")',
    );
  });
});

describe('H11 yaml-bigint', () => {
  test('a whole number beyond 2^53 is refused, never rounded', () => {
    const text = PLAIN_JOB.replace(
      '    format: json',
      '    format: json\n    skip-until: 9007199254740993',
    );
    expect(findingsOf(text)[0]).toContain('not 9007199254740993');
    const exact = text.replace('9007199254740993', '9007199254740991');
    expect(loaded(exact).sources[0]?.options['skip-until']).toBe(9_007_199_254_740_991);
  });
});

describe('H12 yaml-bad-utf8', () => {
  test.each([
    ['0xff 0xfe at the start', bytes([0xff, 0xfe], 'n\0a\0'), '1:1 file-encoding', 'UTF-16'],
    ['0xff in a line', bytes('name: a\nx: ü', [0xff], '\n'), '2:5 file-encoding', 'offset 13'],
    ['a cut character', bytes('a: ', [0xe2, 0x82]), '1:4 file-encoding', '0xe2'],
    ['an overlong form', bytes('a: ', [0xc0, 0xaf]), '1:4 file-encoding', '0xc0'],
    ['an encoded surrogate', bytes('a: ', [0xed, 0xa0, 0x80]), '1:4 file-encoding', '0xed'],
    ['NUL', bytes('a: b\nc: \0'), '2:4 file-nul', 'U+0000'],
    ['an escape character', bytes('a: \x1b[31m'), '1:4 file-control-character', 'U+001B'],
    ['a byte order mark inside', bytes('a: \uFEFF'), '1:4 file-control-character', 'U+FEFF'],
    ['CR alone', bytes('a: b\rc: d'), '1:5 file-control-character', 'U+000D'],
    [
      'half a surrogate pair as an escape',
      bytes('name: "\\ud800"\n'),
      '1:7 yaml-text',
      'surrogate',
    ],
    ['NUL as an escape', bytes('name: "\\0"\n'), '1:7 yaml-text', 'NUL'],
  ])('%s is refused with its place', (_name, file, place, reason) => {
    const [finding] = findingsOf(file);
    expect(finding).toContain(place);
    expect(finding).toContain(reason);
  });

  test('a byte order mark at the start and CR LF are fine, and places stay right', () => {
    expect(load(`\uFEFF${PLAIN_JOB.replaceAll('\n', '\r\n')}`).kind).toBe('ok');
    expect(findingsOf('\uFEFFname: a\r\nx: 1\r\n').join()).toContain('2:1 key-unknown');
  });
});

describe('H13 yaml-100mb', () => {
  test('a file beyond the limit is refused unread', () => {
    const {findings, millis} = timed(new Uint8Array(MAX_JOB_FILE_BYTES + 1));
    expect(findings[0]).toContain('file-too-large');
    expect(millis).toBeLessThan(100);
  });

  test.each([
    ['spaces', ' '],
    ['line ends', '\n'],
    ['dashes', '-\n'],
    ['quotes', '"'],
    ['escaped quotes', '"\\""\n'],
    ['open brackets and closed', '[]'],
    ['comments', '#\n'],
    ['colons', ':'],
    ['colons and spaces', ': '],
    ['block texts', '|\n'],
    ['anchors', '&a '],
    ['tags', '!a '],
    ['keys', 'a:\n'],
    ['a text', 'x '],
    ['indented comments', ' #\n'],
    ['quoted keys', '"a":\n'],
    ['commas', ','],
    ['question marks', '? '],
    ['markers', '---\n'],
    ['ends', '...\n'],
  ])('a megabyte of %s takes less than a second', (_name, part) => {
    const text = part.repeat(Math.floor(MAX_JOB_FILE_BYTES / part.length));
    for (const start of ['', 'a: ', 'a: [', 'a: "', 'a: |\n  ']) {
      const {millis} = timed((start + text).slice(0, MAX_JOB_FILE_BYTES));
      expect(millis).toBeLessThan(1000);
    }
  });
});
