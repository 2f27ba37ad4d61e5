// Questions are asked only of a person at a terminal; Ctrl-C there is status 130 without a stack.

import {pathToFileURL} from 'node:url';
import {describe, expect, test} from 'vitest';
import {BIN, ROOT, tidemark} from './tidemark.ts';
import {CTRL_C, DOWN, ENTER, inTerminal} from './terminal.ts';

const MODULE = pathToFileURL(`${ROOT}/dist/commands/_shared/`).href;

/** A command that does nothing but ask. */
const ASK = [
  '--input-type=module',
  '-e',
  `
  import {pick} from '${MODULE}prompt.js';
  import {showError} from '${MODULE}base-command.js';
  import {makeStyle} from '${MODULE}style.js';
  const global = {json: false, color: null, noInput: false, verbose: false};
  try {
    const value = await pick({
      question: 'Which checkpoint?',
      instead: 'REF',
      usage: 'tidemark restore REF JOB.yaml',
      global,
      choices: async () => [{value: 'one', label: 'chk-1'}, {value: 'two', label: 'chk-2 \\u001b[2J'}],
    });
    console.log('picked ' + value);
  } catch (thrown) {
    const style = makeStyle({isTTY: true, environment: process.env, color: false});
    process.exitCode = showError(thrown, {global, style, commandName: 'restore'});
  }
  `,
];

describe('on a terminal', () => {
  test('the picked value is taken', async () => {
    const {output, status} = await inTerminal(ASK, {
      keys: [{after: 'chk-2', send: `${DOWN}${ENTER}`}],
    });
    expect(output).toContain('picked two');
    expect(status).toBe(0);
  });

  test('what is offered cannot write to the terminal', async () => {
    const {output} = await inTerminal(ASK, {keys: [{after: 'chk-2', send: ENTER}]});
    expect(output).toContain('chk-2 \\u001b[2J');
  });

  test('Ctrl-C ends with 130 and no stack', async () => {
    const {output, status} = await inTerminal(ASK, {keys: [{after: 'chk-2', send: CTRL_C}]});
    expect(status).toBe(130);
    expect(output).toContain('error: interrupted at the prompt');
    expect(output).not.toMatch(/\n\s+at /);
  });

  test.each([{CI: '1'}, {TIDEMARK_NO_INPUT: '1'}])('with %j nobody is asked', async (variables) => {
    const {output, status} = await inTerminal([BIN, 'restore', 'a.yaml'], {variables});
    expect(status).toBe(2);
    expect(output).toContain('tidemark restore REF JOB.yaml');
  });

  test('with --no-input nobody is asked', async () => {
    const {status} = await inTerminal([BIN, 'restore', 'a.yaml', '--no-input']);
    expect(status).toBe(2);
  });
});

test('without a terminal the missing argument is named', async () => {
  const {status, stderr} = await tidemark(['restore', 'a.yaml']);
  expect(status).toBe(2);
  expect(stderr).toBe(
    'error: REF is missing, and nobody can be asked for it\n' +
      '  next: tidemark restore REF JOB.yaml',
  );
});
