// One module decides on colour and cursor movement: the flag, NO_COLOR, FORCE_COLOR, then the terminal.

import {describe, expect, test} from 'vitest';
import {colorLevel, makeStyle} from '#commands/_shared/style.js';
import {BIN, tidemark} from './tidemark.ts';
import {inTerminal} from './terminal.ts';

const ESCAPE = '\u001b';
const TERMINAL = {TERM: 'xterm'};

describe('the colour level', () => {
  test.each([
    [{isTTY: true, environment: TERMINAL, color: null}, 1],
    [{isTTY: true, environment: {TERM: 'xterm-256color'}, color: null}, 2],
    [{isTTY: true, environment: {...TERMINAL, COLORTERM: 'truecolor'}, color: null}, 3],
    [{isTTY: true, environment: {TERM: 'dumb'}, color: null}, 0],
    [{isTTY: false, environment: TERMINAL, color: null}, 0],
    [{isTTY: true, environment: {...TERMINAL, NO_COLOR: '1'}, color: null}, 0],
    [{isTTY: true, environment: {...TERMINAL, NO_COLOR: ''}, color: null}, 1],
    [{isTTY: false, environment: {...TERMINAL, FORCE_COLOR: ''}, color: null}, 1],
    [{isTTY: false, environment: {...TERMINAL, FORCE_COLOR: '3'}, color: null}, 3],
    [{isTTY: true, environment: {...TERMINAL, FORCE_COLOR: '0'}, color: null}, 0],
    [{isTTY: true, environment: {...TERMINAL, NO_COLOR: '1', FORCE_COLOR: '1'}, color: null}, 0],
    [{isTTY: false, environment: {...TERMINAL, NO_COLOR: '1'}, color: true}, 1],
    [{isTTY: true, environment: {...TERMINAL, FORCE_COLOR: '1'}, color: false}, 0],
    [{isTTY: false, environment: {TERM: 'dumb'}, color: true}, 1],
  ] as const)('of %j is %i', (facts, level) => {
    expect(colorLevel(facts)).toBe(level);
  });
});

describe('a table', () => {
  const columns = [{name: 'ID', align: 'right'}, {name: 'PATH'}] as const;
  const rows = [
    ['7', '/a/very/long/path'.repeat(20)],
    ['12', 'evil\u001b[31m\nname'],
  ];

  test('in a pipe is plain: no colour, no truncation, no trailing blanks', () => {
    const table = makeStyle({isTTY: false, environment: {}, color: null}).table(columns, rows);
    expect(table.split('\n')).toEqual([
      'ID  PATH',
      ` 7  ${'/a/very/long/path'.repeat(20)}`,
      '12  evil\\u001b[31m\\nname',
    ]);
  });

  const narrow = [
    {name: 'ID', align: 'right'},
    {name: 'OWN', drop: 1},
    {name: 'JOB', drop: 2},
    {name: 'VALUE', cut: true},
  ] as const;
  const cells = [['7', 'own', 'job', 'a value that is long']];
  test.each([
    [undefined, ['ID  OWN  JOB  VALUE', ' 7  own  job  a value that is long']],
    [34, ['ID  OWN  JOB  VALUE', ' 7  own  job  a value that is long']],
    [
      33,
      ['ID  JOB  VALUE', ' 7  job  a value that is long', '(too narrow for OWN; --json tells all)'],
    ],
    [18, ['ID  VALUE', ' 7  a value tha...', '(too narrow for OWN, JOB; --json tells all)']],
  ])('on a terminal of %s characters leaves out what may go, then cuts', (columns, lines) => {
    const style = makeStyle({isTTY: true, environment: {TERM: 'dumb'}, color: null, columns});
    expect(style.table(narrow, cells).split('\n')).toEqual(lines);
    const pipe = makeStyle({isTTY: false, environment: {}, color: null, columns});
    expect(pipe.table(narrow, cells).split('\n')).toHaveLength(2);
  });

  test.each([
    ['ab', ['ID  NAME  END', ' 7  ab    x', '12  b     y']],
    ['日本', ['ID  NAME  END', ' 7  日本  x', '12  b     y']],
  ])('lines up behind %s, however wide it is', (name, lines) => {
    const wide = [{name: 'ID', align: 'right'}, {name: 'NAME'}, {name: 'END'}] as const;
    const style = makeStyle({isTTY: false, environment: {}, color: null});
    const table = style.table(wide, [
      ['7', name, 'x'],
      ['12', 'b', 'y'],
    ]);
    expect(table.split('\n')).toEqual(lines);
  });

  test('with colour only its head is coloured', () => {
    const table = makeStyle({isTTY: true, environment: TERMINAL, color: null}).table(columns, rows);
    const [head, ...body] = table.split('\n');
    expect(head).toContain(ESCAPE);
    expect(body.join('\n')).not.toContain(ESCAPE);
  });
});

describe('a command', () => {
  const coloured = async (args: readonly string[], variables: Record<string, string> = {}) => {
    const {stdout, stderr} = await tidemark(args, variables);
    return `${stdout}${stderr}`.includes(ESCAPE);
  };

  test.each([
    [['--help'], {}, false],
    [['run'], {}, false],
    [['run'], {FORCE_COLOR: '1'}, true],
    [['run', '--color'], {}, true],
    [['run', '--no-color'], {FORCE_COLOR: '1'}, false],
    [['run'], {FORCE_COLOR: '1', NO_COLOR: '1'}, false],
    [['run'], {TIDEMARK_COLOR: '1'}, true],
    [['--help'], {FORCE_COLOR: '1', NO_COLOR: '1'}, false],
    [['run', '--json'], {FORCE_COLOR: '1'}, false],
  ] as const)('in a pipe, %j with %j: coloured %s', async (args, variables, expected) => {
    expect(await coloured(args, variables)).toBe(expected);
  });

  test.each([
    [['run'], {}, true],
    [['run'], {NO_COLOR: '1'}, false],
    [['run'], {TERM: 'dumb'}, false],
    [['--help'], {TERM: 'dumb'}, false],
    [['run', '--no-color'], {}, false],
  ] as const)('on a terminal, %j with %j: coloured %s', async (args, variables, expected) => {
    const {output} = await inTerminal([BIN, ...args], {variables});
    expect(output.includes(ESCAPE)).toBe(expected);
  });
});
