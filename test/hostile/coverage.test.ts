// COVERAGE.md says which test covers which hostile input and which known bug: every row that concerns what
// exists has one, and every test that is named is there.

import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {ROOT} from '../kills/support/process.ts';

const ROWS = [
  ...span('H', 1, 22),
  ...span('H', 25, 35),
  ...span('H', 37, 39),
  ...['H40', 'H42', 'H43', 'H44', 'H45', 'H66', 'H67', 'H74', 'H75', 'H76'],
  ...span('H', 46, 48),
  ...span('H', 50, 55),
  ...span('H', 60, 65),
  ...span('H', 79, 83),
  ...['H36', 'H85', 'H86'],
  ...span('B', 1, 37),
  ...['H41', 'B38', 'B39', 'B44', 'B55'],
];

function span(letter: string, first: number, last: number): string[] {
  return Array.from(
    {length: last - first + 1},
    (_, index) => `${letter}${String(first + index).padStart(2, '0')}`,
  );
}

interface Line {
  readonly row: string;
  readonly file: string;
  readonly title: string | null;
}

const LINES = readFileSync(join(ROOT, 'test/hostile/COVERAGE.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| [HB]\d/.test(line))
  .map((line): Line => {
    const [, row = '', , file = '', cell = ''] = line
      .split(' | ')
      .join('|')
      .split(/\s*\|\s*/);
    return {row, file, title: /^`(.*)`$/.exec(cell)?.[1] ?? null};
  });

/** A title in a test file, between quotes of any kind. */
function holds(file: string, title: string): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8').replaceAll("\\'", "'");
  return ["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`));
}

test('every row that concerns what exists has a line', () => {
  const covered = new Set(LINES.map(({row}) => row));
  expect(ROWS.filter((row) => !covered.has(row))).toEqual([]);
});

test('every test that is named exists', () => {
  const missing = LINES.filter(({file, title}) =>
    title === null ? !/^not here: \S/.test(file) : !holds(file, title),
  );
  expect(missing).toEqual([]);
});
