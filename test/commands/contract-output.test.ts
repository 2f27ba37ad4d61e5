// The contract of every command, part 1: its help, its --json against the schema that ships, and bad usage. The
// commands are those that `help --json` lists, so a new one without a contract fails here.

import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {EXIT_STATUSES} from '#src/base/errors.js';
import {
  Scratches,
  around,
  contractOf,
  inScratch,
  lineOf,
  readCommands,
  violations,
} from './contract/commands.ts';
import {CONTRACTS} from './contract/contracts.ts';
import {isInTurn, whole} from '../hostile/support/sample.ts';
import {ROOT, errorOf, tidemark} from './tidemark.ts';

const commands = await readCommands();
const files = (await readdir(join(ROOT, 'schema/output'))).map((file) =>
  file.replace(/\.json$/, ''),
);
let scratches: Scratches | null = null;

beforeAll(async () => {
  if (!whole) scratches = await Scratches.make();
});

afterAll(async () => scratches?.remove());

test('every command has a contract, and every contract a command', () => {
  expect(Object.keys(CONTRACTS).sort()).toEqual(commands.map(({id}) => id).sort());
});

test('every schema that ships is held against some output', () => {
  const used = Object.values(CONTRACTS).flatMap(({works}) => works.map(({schema}) => schema));
  expect([...new Set([...used, 'error'])].sort()).toEqual([...files].sort());
});

describe.skipIf(whole).each(commands)('$id', (command) => {
  const {id, summary, flags, args, examples, exit_statuses: statuses} = command;

  test('has help: a summary, examples with a word about each, and a variable for each flag', () => {
    expect(summary).toMatch(/^[A-Z].*\.$/);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example.description).toMatch(/\S/);
      expect(example.command).toContain(`tidemark ${id}`);
    }
    for (const flag of flags) {
      expect(flag.description, flag.name).toMatch(/^\S.*[.)]$/s);
      expect(flag.env, flag.name).toMatch(/^TIDEMARK_[A-Z_]+$/);
    }
    for (const argument of args) expect(argument.description, argument.name).toMatch(/\.$/);
    for (const status of statuses) expect(EXIT_STATUSES).toHaveProperty(String(status));
  });

  test.concurrent.each(contractOf(id).works)(
    '--json of $args is as its schema says',
    async (work) => {
      const scratch = await scratches!.copy();
      const ending = await inScratch(scratch, around(work, lineOf([...work.args, '--json'])));
      expect(ending.stderr).toBe('');
      expect(ending.status, ending.stdout).toBe(work.status);
      if (work.status !== 0) {
        expect([0, 1, 2, ...statuses], 'the help names the status').toContain(work.status);
      }
      if (work.prints === 'object') {
        const value: unknown = JSON.parse(ending.stdout);
        expect(await violations(work.schema, value), ending.stdout).toEqual([]);
        return;
      }
      const lines = ending.stdout.split('\n').map((line) => JSON.parse(line) as {type: string});
      for (const line of lines) {
        expect(await violations(work.schema, line), JSON.stringify(line)).toEqual([]);
      }
      if (work.prints === 'rows') return;
      expect(lines.at(-1)?.type).toBe('summary');
      expect(lines.filter(({type}) => type === 'summary')).toHaveLength(1);
    },
  );

  test.concurrent('a bad flag is 2: three lines at most, or one error object', async () => {
    const words = [...id.split(' '), '--no-such-flag'];
    const [text, json] = await Promise.all([tidemark(words), tidemark([...words, '--json'])]);
    expect({status: text.status, stdout: text.stdout}).toEqual({status: 2, stdout: ''});
    expect(text.stderr).toMatch(/^error: .*--no-such-flag/);
    expect(text.stderr.split('\n').length).toBeLessThanOrEqual(3);
    expect({status: json.status, stderr: json.stderr}).toEqual({status: 2, stderr: ''});
    expect(errorOf(json)).toMatchObject({code: 'USAGE', exit_code: 2});
    expect(await violations('error', JSON.parse(json.stdout))).toEqual([]);
  });
});

test('the schemas of a command are printed by `schema --output`', async () => {
  const all = await Promise.all(
    commands
      .filter((_, index) => isInTurn(index))
      .map(async ({id}) => tidemark(['schema', '--output', id])),
  );
  for (const {status, stdout} of all) {
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty('$schema');
  }
});
