// Exit statuses are one table: errors.ts, `--help`, the README and what commands do agree, with and
// without --json.

import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {ERROR_CODES, EXIT_STATUSES, EngineError} from '#src/base/errors.js';
import {errorLines, reportOf} from '#commands/_shared/error-report.js';
import {makeStyle} from '#commands/_shared/style.js';
import {ROOT, errorOf, tidemark} from './tidemark.ts';
import type {ErrorCode} from '#src/base/errors.js';

const USAGE_ERRORS = [
  {what: 'an unknown command', args: ['nonsense']},
  {what: 'an unknown command in a topic', args: ['checkpoint', 'nonsense']},
  {what: 'a missing argument', args: ['run']},
  {what: 'a missing argument of many', args: ['validate']},
  {what: 'an unknown flag', args: ['run', 'a.yaml', '--nonsense']},
  {what: 'an argument too many', args: ['info', 'a.yaml', 'b.yaml']},
  {what: 'a choice that there is not', args: ['info', 'a.yaml', '--format', 'svg']},
  {what: 'a number that is none', args: ['run', 'a.yaml', '-p', 'two']},
  {what: 'a number that is too small', args: ['run', 'a.yaml', '-p', '0']},
  {
    what: 'two parallelisms that differ',
    args: ['run', 'a.yaml', '-p', '2', '--set', 'parallelism=3'],
  },
  {what: 'an override without a value', args: ['run', 'a.yaml', '--set', 'name']},
  {what: 'an override without a key', args: ['run', 'a.yaml', '--set', '=1']},
  {what: 'a duration that is none', args: ['run', 'a.yaml', '--shutdown-timeout', 'soon']},
  {what: 'flags that exclude each other', args: ['run', 'a.yaml', '--fresh', '-s', 'chk-1']},
  {what: 'an unknown level', args: ['checkpoint', 'verify', 'chk-1', '--level', 'deep']},
  {
    what: 'a seed of no sample',
    args: ['checkpoint', 'verify', 'chk-1', '--seed', '7'],
  },
  {what: 'help for nothing', args: ['help', 'nonsense']},
  {what: 'an answer that nobody can give', args: ['restore', 'a.yaml']},
];

test.each([
  [['checkpoint', 'export', 'sp'], 'missing: --to', 'tidemark checkpoint export --help'],
  [
    ['run', 'a.yaml', '--fresh', '-s', 'b c'],
    '--from-savepoint excludes --fresh',
    'tidemark run --help',
  ],
  [
    ['restore', 'chk-1'],
    'JOB.yaml is missing, and nobody can be asked for it',
    'tidemark restore REF JOB.yaml',
  ],
  [
    ['checkpoint', 'hold'],
    'REF is missing, and nobody can be asked for it',
    'tidemark checkpoint hold REF',
  ],
  [
    ['checkpoint', 'verify'],
    'REF is missing, and nobody can be asked for it',
    'tidemark checkpoint verify REF...',
  ],
  [['state', 'scan'], 'REF is missing, and nobody can be asked for it', 'tidemark state scan REF'],
  [
    ['checkpoint', 'export', '--to', 'x'],
    'REF is missing, and nobody can be asked for it',
    'tidemark checkpoint export REF --to DIR',
  ],
  [
    ['checkpoint', 'prune', 'a b.yaml', '--keep-last', '3'],
    'nobody can be asked for a yes: give --yes',
    "tidemark checkpoint prune 'a b.yaml' --keep-last 3 --json --yes",
  ],
] as const)('%j is told what is wrong, and what to write', async (args, message, hint) => {
  const error = errorOf(await tidemark([...args, '--json']));
  expect(error).toMatchObject({message, hint});
});

describe.each(USAGE_ERRORS)('$what', ({args}) => {
  test('ends with 2: one to three lines on stderr, or one object on stdout', async () => {
    const [text, json] = await Promise.all([tidemark(args), tidemark([...args, '--json'])]);
    const {status, stdout, stderr} = text;
    expect({status, stdout}).toEqual({status: 2, stdout: ''});
    expect(stderr).toMatch(/^error: \S/);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(3);
    expect({status: json.status, stderr: json.stderr}).toEqual({status: 2, stderr: ''});
    const error = errorOf(json);
    expect(Object.keys(error)).toEqual([
      'code',
      'message',
      'exit_code',
      'hint',
      'file',
      'line',
      'column',
    ]);
    expect(error).toMatchObject({code: 'USAGE', exit_code: 2});
  });
});

test('a flag that cannot be read is named first', async () => {
  const {stderr} = await tidemark(['run', 'a.yaml', '-p', 'two']);
  expect(stderr.split('\n')[0]).toBe('error: --parallelism: expected an integer but received: two');
});

describe('every error code', () => {
  const style = makeStyle({isTTY: false, environment: {}, color: null});

  test.each(Object.entries(ERROR_CODES))('%s means status %i', (code, status) => {
    const error = new EngineError(code as ErrorCode, 'what happened', {
      hint: 'what to do',
      file: '/jobs/a.yaml',
      line: 3,
      column: 7,
    });
    const report = reportOf(error, 'run');
    expect(report).toEqual({
      code,
      message: 'what happened',
      exit_code: status,
      hint: 'what to do',
      file: '/jobs/a.yaml',
      line: 3,
      column: 7,
    });
    expect(errorLines(report, style)).toEqual([
      'error: what happened',
      '  at /jobs/a.yaml:3:7',
      '  next: what to do',
    ]);
  });

  test('what is no error of ours is unexpected', () => {
    expect(reportOf(new TypeError('x is not a function'), 'run')).toMatchObject({
      code: 'UNEXPECTED',
      exit_code: 1,
    });
    expect(reportOf('a string', 'run')).toMatchObject({code: 'UNEXPECTED', message: 'a string'});
  });

  test('a path that this user may not use is a failure of storage, with the path and the user', () => {
    const error = Object.assign(new Error("EACCES: permission denied, open '/s/_metadata'"), {
      code: 'EACCES',
      path: '/s/_metadata',
    });
    expect(reportOf(error, 'checkpoint list')).toMatchObject({
      code: 'STORAGE_FAILED',
      exit_code: 15,
      file: '/s/_metadata',
      message: `${error.message} (as user ${process.getuid?.()})`,
      hint: 'give this user access to that path, then run the same again',
    });
  });

  test('a message cannot write to the terminal', () => {
    const error = new EngineError('RECORD_FAILED', 'key "\u001b[2J\nroot# \u009b1m"');
    expect(errorLines(reportOf(error, 'run'), style)).toEqual([
      'error: key "\\u001b[2J\\nroot# \\u009b1m"',
    ]);
  });
});

describe('the environment', () => {
  test('sets a flag, as TIDEMARK_<COMMAND>_<FLAG>', async () => {
    const ending = await tidemark(['info', 'a.yaml'], {TIDEMARK_INFO_FORMAT: 'svg'});
    expect(ending.status).toBe(2);
    expect(ending.stderr).toContain('svg');
  });

  test('asks for JSON, as --json does', async () => {
    expect(errorOf(await tidemark(['run'], {TIDEMARK_JSON: '1'}))).toMatchObject({code: 'USAGE'});
  });
});

test("the README's table is that of errors.ts", async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, text]) => [
    code,
    text,
  ]);
  expect(rows).toEqual(Object.entries(EXIT_STATUSES));
});
