// Patterns match as documented, hidden names only on purpose, and in linear time.

import {expect, test} from 'vitest';
import {expandBraces, glob, matchesPart} from '#src/connectors/file/glob.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {putFile} from './support/context.ts';

test.each([
  ['*', 'a.txt', true],
  ['*', '.a.txt', false],
  ['.*', '.a.txt', true],
  ['*.txt', 'a.txt', true],
  ['*.txt', 'a.txt2', false],
  ['a*b*c', 'aXbXbc', true],
  ['a*b*c', 'aXbXb', false],
  ['?', 'a', true],
  ['?', 'ab', false],
  ['[a-c]1', 'b1', true],
  ['[a-c]1', 'd1', false],
  ['[!a-c]1', 'd1', true],
  ['[]]', ']', true],
  ['[a-]', '-', true],
  ['[', '[', true],
  ['**', 'abc', true],
  ['', '', true],
])('%s against %s is %s', (part, name, matches) => {
  expect(matchesPart(part, name)).toBe(matches);
});

test('many stars take no exponential time', () => {
  expect(matchesPart(`${'a*'.repeat(60)}b`, 'a'.repeat(250))).toBe(false);
});

test('braces expand, nested and across directories', () => {
  expect(expandBraces('x{a,b/{c,d},}y')).toEqual(['xay', 'xb/cy', 'xb/dy', 'xy']);
  expect(expandBraces('{a}')).toEqual(['{a}']);
  expect(expandBraces('a{b')).toEqual(['a{b']);
});

async function tree(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  for (const path of [
    'a.json',
    'b.json',
    'c.csv',
    'x/d.json',
    'x/y/e.json',
    '.h/f.json',
    '[1].json',
  ])
    await putFile(files, `/t/${path}`, 'x');
  return files;
}

test.each([
  ['/t/*.json', ['[1].json', 'a.json', 'b.json']],
  ['/t/{b,c}.*', ['b.json', 'c.csv']],
  ['/t/*/*.json', ['x/d.json']],
  ['/t/**/*.json', ['[1].json', 'a.json', 'b.json', 'x/d.json', 'x/y/e.json']],
  ['/t/x/**/e.json', ['x/y/e.json']],
  ['/t/[1].json', ['[1].json']],
  ['/t/.h/*', ['.h/f.json']],
  ['/t/none*', []],
  ['/none/*', []],
  ['/t/a.json/*', []],
])('%s finds %j', async (pattern, wanted) => {
  const found = await glob(await tree(), pattern);
  expect(found.map(({path}) => path.slice('/t/'.length))).toEqual(wanted);
});
