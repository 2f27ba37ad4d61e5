// `/metrics`: what METRICS.md says is what the code has, and the text is what Prometheus reads.

import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {METRICS} from '#src/control/metric-table.js';
import {prometheusText} from '#src/control/prometheus.js';
import {fakeView} from './support/fake-job.js';

const PAGE = readFileSync(
  fileURLToPath(new URL('../../src/control/METRICS.md', import.meta.url)),
  'utf8',
);

test('METRICS.md is the table in the code', () => {
  const rows = METRICS.map(
    ({name, type, unit, flink, help}) =>
      `| \`${name}\` | ${type} | ${unit} | ${flink === null ? '–' : `\`${flink.name}\` (${flink.unit})`} | ${help} |`,
  );
  const written = PAGE.split('\n').filter((line) => line.startsWith('| `tidemark_'));
  expect(written.map((line) => line.replaceAll(/ +/g, ' '))).toEqual(rows);
});

test('names are once there, counters end in _total and nothing else does', () => {
  const names = METRICS.map(({name}) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const {name, type} of METRICS) {
    expect(name).toMatch(/^tidemark_(job|task)_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
  }
});

test('every line is of the text format, each metric has its help and its type before it', () => {
  const text = prometheusText(fakeView({name: 'a"b\\c', watermark: 5_000}));
  const lines = text.trimEnd().split('\n');
  for (const line of lines) {
    expect(line).toMatch(
      /^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ (counter|gauge)|[a-z_]+\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\} -?[0-9.e+-]+)$/,
    );
  }
  expect(text).toContain('job_name="a\\"b\\\\c"');
  expect(text).toContain('tidemark_job_watermark_seconds{');
  expect(text).toMatch(/tidemark_job_state\{[^}]*state="RUNNING"\} 1/);
  expect(text).toMatch(/tidemark_task_busy_ratio\{[^}]*operator="numbers",subtask="1"\} 0\.5/);
  for (const {name} of METRICS) {
    if (!text.includes(`${name}{`)) continue;
    const first = lines.findIndex((line) => line.startsWith(`${name}{`));
    const head = lines.slice(0, first).filter((line) => line.includes(` ${name} `));
    expect(head.map((line) => line.slice(0, 6))).toEqual(['# HELP', '# TYPE']);
  }
});

test('what is not known yet is not there', () => {
  expect(prometheusText(fakeView({watermark: null}))).not.toContain('watermark_seconds');
});
