// Units as people read them, and reports that other programs read: GitHub annotations and JUnit.

import {describe, expect, test} from 'vitest';
import {
  findingAnnotation,
  junitXml,
  validationAnnotations,
  validationText,
} from '#commands/_shared/reports.js';
import {ProgressBar, type BytesProgress} from '#commands/_shared/progress-bar.js';
import {makeStyle} from '#commands/_shared/style.js';
import {formatBytes, formatCount, formatDuration} from '#commands/_shared/units.js';
import {findingText, verifyEventJson} from '#commands/_shared/verify-view.js';
import type {ValidationReport, VerifyEvent} from '#src/index.js';

describe('units', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [10_000, '9.8 KiB'],
    [10_240, '10 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [34 * 1024 ** 2, '34 MiB'],
    [2 ** 53, '8.0 PiB'],
  ])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0.4, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [4200, '4.2 s'],
    [59_960, '1 min'],
    [125_000, '2 min 5 s'],
    [3_599_600, '1 h'],
    [12_000_000, '3 h 20 min'],
    [187_200_000, '2 d 4 h'],
  ])('%d ms are %s', (millis, text) => expect(formatDuration(millis)).toBe(text));

  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1234567.6, '1,234,568'],
  ])('%d counts as %s', (count, text) => expect(formatCount(count)).toBe(text));
});

const REPORT: ValidationReport = {
  files: [
    {
      file: `${process.cwd()}/jobs/a,b.yaml`,
      jobName: 'a',
      findings: [
        {
          rule: 'key-unknown',
          severity: 'error',
          message: 'unknown key "wher"\n100%',
          line: 3,
          column: 5,
          suggestion: 'did you mean where?',
        },
        {
          rule: 'no-effect',
          severity: 'warning',
          message: 'w',
          line: null,
          column: null,
          suggestion: null,
        },
      ],
    },
  ],
  errors: 1,
  warnings: 1,
};

describe('a validation report', () => {
  test('as text has the place first and the count last', () => {
    const style = makeStyle({isTTY: false, environment: {}, color: null});
    expect(validationText(REPORT, style)).toEqual([
      'jobs/a,b.yaml:3:5: error: unknown key "wher"\\n100%; did you mean where? [key-unknown]',
      'jobs/a,b.yaml: warning: w [no-effect]',
      '1 error, 1 warning in 1 file',
    ]);
  });

  test('as GitHub annotations is one workflow command each, escaped as GitHub asks', () => {
    expect(validationAnnotations(REPORT)).toEqual([
      '::error file=jobs/a%2Cb.yaml,line=3,col=5,title=key-unknown::unknown key "wher"%0A100%25; did you mean where?',
      '::warning file=jobs/a%2Cb.yaml,title=no-effect::w',
    ]);
  });
});

test('JUnit is well-formed whatever a message contains', () => {
  const xml = junitXml(
    'suite',
    [
      {
        name: 'a<b>&"',
        failures: ['one \u0000 \u001b[m \ufffe \ud800 &', 'two'],
        remarks: ['hint'],
        skipped: 'x',
      },
      {name: 'good', failures: [], remarks: [], skipped: null},
      {name: 'part', failures: [], remarks: [], skipped: '1 of 2 <read>'},
    ],
    1.5,
  );
  expect(xml.split('\n')).toEqual([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="tidemark" tests="3" failures="1" errors="0" skipped="1" time="1.500">',
    '  <testsuite name="suite" tests="3" failures="1" errors="0" skipped="1" time="1.500">',
    '    <testcase classname="suite" name="a&lt;b&gt;&amp;&quot;">',
    '      <failure message="one \\u0000 \\u001b[m \\ufffe \\ud800 &amp;">one \\u0000 \\u001b[m \\ufffe \\ud800 &amp;',
    'two</failure>',
    '      <system-out>hint</system-out>',
    '    </testcase>',
    '    <testcase classname="suite" name="good"/>',
    '    <testcase classname="suite" name="part">',
    '      <skipped message="1 of 2 &lt;read&gt;"/>',
    '    </testcase>',
    '  </testsuite>',
    '</testsuites>',
  ]);
});

describe('a verification', () => {
  const finding: Extract<VerifyEvent, {type: 'finding'}> = {
    type: 'finding',
    at: Date.UTC(2026, 0, 1),
    ref: 'chk-1',
    checkpoint: '/s/chk-1',
    severity: 'error',
    code: 'checksum',
    path: '/s/chk-1/a/0.keyed',
    offset: 1048576,
    expected: 'aa',
    found: 'bb',
    message: 'chunk differs',
  };

  test('names path, offset, expected and found', () => {
    expect(findingText(finding, null)).toBe(
      '/s/chk-1/a/0.keyed:1048576: error: chunk differs (expected aa, found bb) [checksum]',
    );
    expect(JSON.parse(verifyEventJson(finding))).toMatchObject({
      type: 'finding',
      ts: '2026-01-01T00:00:00.000Z',
      severity: 'error',
      offset: 1048576,
    });
  });

  test('as a GitHub annotation is one line without anything that a terminal acts on', () => {
    const bad = {...finding, path: '/s/a\u001b[2J:b', message: 'bell \u0007\r\n100%'};
    expect(findingAnnotation(bad)).toBe(
      '::error file=/s/a\\u001b[2J%3Ab,title=checksum::bell \\u0007\\r%0A100%25 (expected aa, found bb)',
    );
  });

  test('draws a bar on a terminal, and a line in ten seconds elsewhere', () => {
    const progress = (second: number): BytesProgress => ({
      at: second * 1000,
      bytesDone: second * 1024,
      bytesTotal: 24 * 1024,
    });
    const drawnBy = (isTTY: boolean): string => {
      let drawn = '';
      const style = makeStyle({isTTY, environment: {TERM: 'xterm'}, color: false});
      const bar = new ProgressBar(style, (text) => (drawn += text));
      for (let second = 0; second <= 24; second += 1) bar.show(progress(second));
      bar.erase();
      return drawn;
    };
    expect(drawnBy(true)).toContain(
      `[${'#'.repeat(6)}${'.'.repeat(18)}] 6.0 KiB of 24 KiB, 18.0 s left`,
    );
    expect(drawnBy(false).split('\n')).toEqual([
      '1970-01-01T00:00:10.000Z 10 KiB of 24 KiB, 14.0 s left',
      '1970-01-01T00:00:20.000Z 20 KiB of 24 KiB, 4.0 s left',
      '',
    ]);
  });
});
