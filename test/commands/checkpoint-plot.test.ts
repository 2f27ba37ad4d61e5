// What `checkpoint list --plot` and `--html` draw, of lists made here: bars that say what the numbers say, within the
// columns that there are, and a page that is whole and that no name can get out of.

import {mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, describe, expect, test} from 'vitest';
import {checkpointPage} from '#commands/_shared/checkpoint-page.js';
import {plotLines} from '#commands/_shared/checkpoint-plot.js';
import {seriesOf} from '#commands/_shared/checkpoint-series.js';
import {writeReport, type CheckpointListItem} from '#src/index.js';

const scratch = mkdtempSync(join(tmpdir(), 'tidemark-page-'));
afterAll(() => rmSync(scratch, {recursive: true}));

function item(id: number, change: Partial<CheckpointListItem> = {}): CheckpointListItem {
  return {
    id,
    kind: 'checkpoint',
    state: 'complete',
    path: `/data/orders/chk-${id}`,
    format: 'tidemark',
    formatVersion: '1.0',
    created: 1_700_000_000_000 + id,
    durationMillis: 10 * id,
    bytes: 1024 * id,
    ownBytes: 1024 * id,
    sharedBytes: 0,
    generation: 1,
    jobName: 'orders',
    unaligned: false,
    incremental: false,
    newestRestorable: false,
    held: false,
    ...change,
  };
}

/** Newest first, as they are listed. */
const GROWING = [
  item(9, {state: 'in-progress', created: null, jobName: null, durationMillis: null}),
  item(6, {durationMillis: null}),
  ...[5, 4, 3, 2].map((id) => item(id)),
  item(1, {bytes: 0}),
];

describe('--plot', () => {
  test('draws in Unicode, oldest on the left; what is not known has no bar', () => {
    expect(plotLines(seriesOf(GROWING), {columns: 80, isAscii: false})).toEqual([
      'orders: 6 checkpoints, chk-1 to chk-6',
      'size, at most 6.0 KiB (chk-6)',
      '    6.0 KiB │    ▁█',
      '            │   ▃██',
      '            │  ▄███',
      '            │ ▅████',
      '        0 B │▁█████',
      'duration, at most 50 ms (chk-5)',
      '      50 ms │    █',
      '            │   ██',
      '            │  ███',
      '            │ ████',
      '       0 ms │█████',
      '1 other is not drawn: savepoints, attempts, unreadable',
    ]);
  });

  test('draws the same in ASCII, and breaks its lines at 40 columns', () => {
    expect(plotLines(seriesOf(GROWING), {columns: 40, isAscii: true})).toEqual([
      'orders: 6 checkpoints, chk-1 to chk-6',
      'size, at most 6.0 KiB (chk-6)',
      '    6.0 KiB |     #',
      '            |    ##',
      '            |  ####',
      '            | #####',
      '        0 B |_#####',
      'duration, at most 50 ms (chk-5)',
      '      50 ms |    #',
      '            |   ##',
      '            |  ###',
      '            | ####',
      '       0 ms |#####',
      '1 other is not drawn: savepoints,',
      'attempts, unreadable',
    ]);
  });

  test('the largest of those that share a bar is seen, and named', () => {
    const items = Array.from({length: 1000}, (_unused, index) =>
      item(1000 - index, {bytes: index === 500 ? 8000 : 1000}),
    );
    const lines = plotLines(seriesOf(items), {columns: 40, isAscii: true});
    expect(lines.slice(0, 4)).toEqual([
      'orders: 1,000 checkpoints, chk-1 to',
      'chk-1000',
      'size, at most 7.8 KiB (chk-500); a bar',
      'is the largest of 38',
    ]);
    expect(lines[4]).toMatch(/^ {4}7\.8 KiB \| +#$/);
  });

  test('each job has its own', () => {
    const items = [item(2), item(1, {jobName: 'other', path: '/data/other/chk-1'})];
    const lines = plotLines(seriesOf(items), {columns: 80, isAscii: true});
    expect(lines.filter((line) => line.includes('checkpoint'))).toEqual([
      'orders: 1 checkpoint, chk-2',
      'other: 1 checkpoint, chk-1',
    ]);
  });

  test('no line is wider than the terminal, and in ASCII nothing else is written', () => {
    const some = fc.array(
      fc.record({
        bytes: fc.integer({min: 0, max: 2 ** 44}),
        durationMillis: fc.option(fc.integer({min: 0, max: 10 ** 9})),
      }),
      {minLength: 1, maxLength: 200},
    );
    fc.assert(
      fc.property(some, fc.integer({min: 24, max: 200}), (values, columns) => {
        const items = values.map((value, index) => item(values.length - index, value));
        const lines = plotLines(seriesOf(items), {columns, isAscii: true});
        for (const line of lines) {
          expect(line).toMatch(/^[ -~]+$/);
          expect(line.length).toBeLessThanOrEqual(columns);
        }
      }),
      {numRuns: 50},
    );
  });
});

describe('--html', () => {
  const HOSTILE = '<script>alert(1)</script>"\'&\u001b[2J\u202e';
  const list = {
    items: [
      item(7, {jobName: HOSTILE, path: `/data/${HOSTILE}/chk-7`, newestRestorable: true}),
      ...GROWING,
    ],
    orphans: [{path: '/data/orders/shared/ab/cd', bytes: 5}],
    warnings: [HOSTILE],
  };
  const page = checkpointPage(list, seriesOf(list.items));

  test('is well formed: what is opened is closed, in order, and nothing is left bare', () => {
    expect(unclosed(page)).toEqual([]);
    expect(unclosed('<p><b></p></b>')).not.toEqual([]);
    expect(page.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|apos);)/);
  });

  test('a name is text there, whatever it says', () => {
    expect(page).not.toMatch(/<script|alert\(1\)<\/script/i);
    expect(page).toContain('<h2>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&apos;&amp;');
    // eslint-disable-next-line no-control-regex -- what a terminal acts on
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  test('needs no script and no network, and is light or dark as the reader has it', () => {
    expect(page).not.toMatch(/https?:|\bsrc=|\bhref=|url\(|@import|\son\w+=/);
    expect(page).toContain('@media (prefers-color-scheme: dark)');
  });

  test('has a bar for each known value and a row for each item', () => {
    // Sizes of 7 and durations of 6: one is not known, an attempt is in neither.
    expect(page.match(/<rect /g)).toHaveLength(7 + 6);
    expect(page.match(/<tr>/g)).toHaveLength(1 + list.items.length);
    expect(page).toContain('<td class="number">*7</td>');
    expect(page).toContain('1 orphan.');
  });

  test('takes the place of an older one, and leaves nothing beside it', async () => {
    const path = join(scratch, 'page.html');
    writeFileSync(path, 'old');
    await writeReport(path, page);
    expect(readFileSync(path, 'utf8')).toBe(page);
    expect(readdirSync(scratch)).toEqual(['page.html']);
  });
});

/** Elements that are not closed, or not in order. */
function unclosed(text: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name = '', empty] of text.matchAll(/<(\/?)([a-z][\w-]*)[^<>]*?(\/?)>/gi)) {
    if (close === '/') {
      if (open.pop() !== name) wrong.push(name);
    } else if (empty !== '/') open.push(name);
  }
  return [...wrong, ...open];
}
