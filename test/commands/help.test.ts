// Help: every command shows examples, its exit statuses and the environment variable of each flag.

import {describe, expect, test} from 'vitest';
import {EXIT_STATUSES} from '#src/base/errors.js';
import {readCommands} from './contract/commands.ts';
import {tidemark} from './tidemark.ts';

const COMMANDS = (await readCommands()).map(({id}) => id).filter((id) => id !== 'help');

describe('help', () => {
  test('lists every exit status at the root', async () => {
    const {status, stdout} = await tidemark(['--help']);
    expect(status).toBe(0);
    for (const [code, meaning] of Object.entries(EXIT_STATUSES)) {
      expect(stdout).toContain(`${code.padStart(5)}  ${meaning}`);
    }
  });

  test.each(COMMANDS)(
    'of %s has examples, exit statuses and environment variables',
    async (command) => {
      const {status, stdout} = await tidemark([...command.split(' '), '--help']);
      expect(status).toBe(0);
      expect(stdout).toContain(`$ tidemark ${command}`);
      expect(stdout).toMatch(/^EXAMPLES$/m);
      const flags = stdout.slice(stdout.indexOf('GLOBAL FLAGS'));
      expect(flags.match(/\[env: TIDEMARK_[A-Z_]+\]/g)?.length).toBe(4);
      const listed = stdout.slice(stdout.indexOf('EXIT STATUS')).split('\n').slice(1);
      for (const line of listed.filter((text) => text.trim() !== '')) {
        const [, code = '', meaning] = /^ +(\d+) {2}(.+)$/.exec(line) ?? [];
        expect(EXIT_STATUSES).toHaveProperty(code, meaning);
      }
      expect(listed.length).toBeGreaterThanOrEqual(5);
    },
  );

  test('lines up flags with and without a letter, and gives shared ones the variables of the command', async () => {
    const [prune, exported] = await Promise.all([
      tidemark(['checkpoint', 'prune', '--help']),
      tidemark(['checkpoint', 'export', '--help']),
    ]);
    expect(prune.stdout).toMatch(
      /^ {6}--keep-last=N .*\n[^]*^ {6}--keep-within=[^]*^ {2}-y, --yes/mu,
    );
    expect(exported.stdout).toContain('TIDEMARK_CHECKPOINT_EXPORT_OPERATOR');
  });

  test('is the same for `help run` and `run --help`', async () => {
    const [left, right] = await Promise.all([
      tidemark(['help', 'run']),
      tidemark(['run', '--help']),
    ]);
    expect(left.stdout).toBe(right.stdout);
  });

  test("does not show Flink's camelCase names, which work all the same", async () => {
    const {stdout} = await tidemark(['run', '--help']);
    expect(stdout).not.toMatch(/fromSavepoint|claimMode|allowNonRestoredState/);
    const {stderr} = await tidemark(['run', 'a.yaml', '--fromSavepoint', 'x', '--fresh']);
    expect(stderr).toMatch(/--from-savepoint/);
  });
});
