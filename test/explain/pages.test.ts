// Whatever a user may be told has a page, and no page is about nothing. The compiler refuses a finding with
// a rule that is not in the list, and a rule without a page; what it cannot see is checked here.

import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';

import {ERROR_CODES, EXIT_STATUSES} from '#src/base/errors.js';
import {allPages, findPage} from '#src/explain/find-page.js';
import {RULES} from '#src/job/rules.js';
import {ERROR_OF_FINDING} from '#src/storage/finding.js';

const SOURCES = new URL('../../src/', import.meta.url).pathname;

/** All code that may report something; not the lists and not the pages themselves. */
const code = readdirSync(SOURCES, {recursive: true, encoding: 'utf8'})
  .filter((path) => path.endsWith('.ts') && !path.startsWith('explain/'))
  .filter((path) => path !== 'job/rules.ts')
  .map((path) => readFileSync(join(SOURCES, path), 'utf8'))
  .join('\n');

const pages = allPages();
const codesOf = (type: string): string[] =>
  pages.filter((page) => page.type === type).map((page) => page.code);

describe('the list of rules', () => {
  test.each(Object.keys(RULES))('%s is reported somewhere', (rule) => {
    expect(code).toContain(`'${rule}'`);
  });

  test('rules, findings, error codes and exit statuses have a page each, and nothing else has', () => {
    expect(codesOf('rule').toSorted()).toEqual(Object.keys(RULES).toSorted());
    expect(codesOf('finding').toSorted()).toEqual(Object.keys(ERROR_OF_FINDING).toSorted());
    expect(codesOf('error').toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
    expect(codesOf('exit-status').toSorted()).toEqual(Object.keys(EXIT_STATUSES).toSorted());
    const codes = pages.map((page) => page.code.toLowerCase());
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(pages.map((page) => [page.code, page] as const))(
    'the page of %s is whole',
    (_, page) => {
      for (const text of [page.what, page.why, page.fix]) {
        expect(text).toMatch(/^\S.{6,}[.?)]$/s);
        expect(text).not.toContain('\n');
      }
      expect(page.example.trim().length).toBeGreaterThan(5);
    },
  );

  test('a command in an example is one that there is', () => {
    const commands = readdirSync(new URL('../../commands/', import.meta.url), {recursive: true})
      .map((path) => String(path).replace(/\.ts$/, '').replace('/', ' '))
      .filter((path) => !path.startsWith('_shared'));
    const named = pages.flatMap(({what, why, fix, example}) =>
      [
        ...[what, why, fix, example]
          .join('\n')
          .matchAll(/\btidemark ([a-z]+(?: (?:list|verify))?)/g),
      ].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(20);
    for (const name of named) expect(commands).toContain(name);
  });
});

describe('looking for a page', () => {
  test.each([
    ['step-id-missing', 'step-id-missing'],
    ['[step-id-missing]', 'step-id-missing'],
    ['Step-ID-Missing', 'step-id-missing'],
    ['OUTPUT_AHEAD', 'OUTPUT_AHEAD'],
    ['output_ahead', 'OUTPUT_AHEAD'],
    ['16', '16'],
  ])('%s', (written, found) => {
    expect(findPage(written)).toMatchObject({kind: 'found', page: {code: found}});
  });

  test('an unknown one names the nearest, or none', () => {
    expect(findPage('step-id-mising')).toEqual({kind: 'unknown', nearest: 'step-id-missing'});
    expect(findPage('OUTPUT-AHEAD')).toEqual({kind: 'unknown', nearest: 'OUTPUT_AHEAD'});
    expect(findPage('qqqqqqqqqqqq')).toEqual({kind: 'unknown', nearest: null});
    expect(findPage('toString').kind).toBe('unknown');
  });

  test('an error code says its status, a rule how it is reported', () => {
    const of = (written: string) => pages.find((page) => page.code === written);
    expect(of('DAMAGED')).toBeUndefined();
    expect(of('CHECKPOINT_DAMAGED')?.exitStatus).toBe(4);
    expect(of('key-unknown')).toMatchObject({severity: 'error', exitStatus: 3});
    expect(of('short-interval')).toMatchObject({severity: 'advice', exitStatus: null});
    expect(of('143')?.exitStatus).toBe(143);
  });
});
