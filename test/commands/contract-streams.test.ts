// The contract of every command, part 3: what it says does not depend on how it is watched. No terminal, colours
// switched on and off, a terminal that cannot do anything, a reader that leaves, a closed stdin. One run is a sixth of the
// matrix, in which every command and every way stands; TIDEMARK_PROOF=1: another part with each seed.

import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {
  Scratches,
  around,
  before,
  contractOf,
  inScratch,
  lineOf,
  readCommands,
} from './contract/commands.ts';
import {isInTurn} from '../hostile/support/sample.ts';
import {inTerminal} from './terminal.ts';
import {BIN} from './tidemark.ts';

const ESCAPE = '\u001b';
/** Colours and nothing else: no movement of a cursor. */
const COLOURS = /\u001b\[[\d;]*m/g; // eslint-disable-line no-control-regex -- finding escape codes is what it is for

const commands = await readCommands();
let scratches: Scratches;

beforeAll(async () => {
  scratches = await Scratches.make();
});

afterAll(async () => scratches.remove());

describe.each(commands.map(({id}, index) => ({id, index})))('$id', ({id, index}) => {
  const [work] = contractOf(id).works;
  const line = lineOf(work.args);

  test
    .runIf(isInTurn(index + 0))
    .concurrent('without a terminal there is no escape code, and nobody is asked', async () => {
      const ending = await inScratch(await scratches.copy(), around(work, line));
      expect(ending.status, ending.stderr).toBe(work.status);
      expect(`${ending.stdout}${ending.stderr}`).not.toContain(ESCAPE);
      expect(ending.stdout).toMatch(/\S/);
    });

  test
    .runIf(isInTurn(index + 1))
    .concurrent('FORCE_COLOR colours, and moves no cursor; --json is never coloured', async () => {
      const forced = {FORCE_COLOR: '1'};
      const [text, json] = await Promise.all([
        inScratch(await scratches.copy(), around(work, line), forced),
        inScratch(await scratches.copy(), around(work, `${line} --json`), forced),
      ]);
      expect([text.status, json.status]).toEqual([work.status, work.status]);
      expect(`${text.stdout}${text.stderr}`.replaceAll(COLOURS, '')).not.toContain(ESCAPE);
      expect(`${json.stdout}${json.stderr}`).not.toContain(ESCAPE);
    });

  test.runIf(isInTurn(index + 2)).concurrent('NO_COLOR is stronger than FORCE_COLOR', async () => {
    const variables = {FORCE_COLOR: '1', NO_COLOR: '1'};
    const ending = await inScratch(await scratches.copy(), around(work, line), variables);
    expect(ending.status).toBe(work.status);
    expect(`${ending.stdout}${ending.stderr}`).not.toContain(ESCAPE);
  });

  test
    .runIf(isInTurn(index + 3))
    .concurrent('on a terminal with TERM=dumb there is no escape code', async () => {
      const {path, variables} = await scratches.copy();
      await inScratch({path, variables}, before(work) || ':');
      const ending = await inTerminal([BIN, ...work.args], {
        cwd: path,
        variables: {...variables, TERM: 'dumb'},
      });
      await inScratch({path, variables}, work.after ?? ':');
      expect(ending.status).toBe(work.status);
      expect(ending.output).not.toContain(ESCAPE);
    });

  test
    .runIf(isInTurn(index + 4))
    .concurrent('a reader that leaves after a line is no error, in both forms', async () => {
      const pipe = (flags: string): string =>
        `set -o pipefail\n${around(work, `${line}${flags} | head -n 1`)}`;
      for (const flags of ['', ' --json']) {
        const ending = await inScratch(await scratches.copy(), pipe(flags));
        expect(ending.status, ending.stderr).toBe(work.status);
        expect(ending.stderr).not.toMatch(/EPIPE|\n {4}at /);
        expect(ending.stdout.split('\n')).toHaveLength(1);
      }
    });

  test.runIf(isInTurn(index + 5)).concurrent('a closed stdin changes nothing', async () => {
    const ending = await inScratch(await scratches.copy(), around(work, `${line} <&-`));
    expect(ending.status, ending.stderr).toBe(work.status);
    expect(ending.stderr).not.toMatch(/EBADF|\n {4}at /);
  });
});
