// What a person sees, at 80 and at 40 columns: pickers, the live line of a run, Ctrl-C once, twice and in a
// prompt. The screens are kept in screens/, with every digit as 9; `npx vitest run test/commands/terminal.test.ts -u` writes them again.

import {existsSync, readdirSync} from 'node:fs';
import {cp, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {makeHeavyCheckpoint} from '../bench/inspect-fixtures.js';
import {makeScratch, type Scratch} from './contract/scratch.ts';
import {
  CTRL_C,
  DOWN,
  ENTER,
  inTerminal,
  render,
  type TerminalEnding,
  type TerminalOptions,
} from './terminal.ts';
import {BIN, tidemark as outside} from './tidemark.ts';

/** Of digits only, so that screens can be compared; not in TMPDIR, whose length is another elsewhere. */
const DIRECTORY = `/tmp/tidemark-${String(process.pid).padStart(10, '0')}`;
let scratch: Scratch;

beforeAll(async () => {
  scratch = await makeScratch(DIRECTORY);
  await writeFile(join(DIRECTORY, 'endless.job.yaml'), ENDLESS);
  await writeFile(join(DIRECTORY, 'stuck.job.yaml'), STUCK);
});

afterAll(async () => {
  await rm(DIRECTORY, {recursive: true, force: true});
});

const ENDLESS = `name: endless
sources:
  numbers: {connector: generator, rate-limit: 1000, fields: {n: {kind: sequence}}}
sinks:
  out: {connector: blackhole, input: numbers}
checkpointing: {interval: 1h, timeout: 2h, dir: file:./endless}
`;

/** Its last checkpoint waits behind records that wait for a batch that takes minutes. */
const STUCK = `name: stuck
parallelism: 2
sources:
  numbers: {connector: generator, fields: {key: {kind: choice, values: [a, b, c, d]}}}
steps:
  - {id: counts, type: aggregate, input: numbers, group-by: [key], emit: on-update, select: {n: COUNT(*)}}
  - {id: one, type: filter, input: counts, where: "key = 'a'"}
sinks:
  out: {connector: blackhole, input: one, rate-limit: 1}
checkpointing: {interval: 1h, timeout: 2h, dir: file:./stuck}
`;

async function tidemark(
  args: readonly string[],
  options: TerminalOptions,
): Promise<TerminalEnding> {
  return inTerminal([BIN, ...args], {
    cwd: DIRECTORY,
    ...options,
    variables: {...scratch.variables, ...options.variables},
  });
}

/** Its name is random. */
const hidden = (screen: string | undefined): string =>
  digits(screen?.replaceAll(/savepoint-[0-9a-f]{6}-[0-9a-f\n]{12,13}/g, 'savepoint-9'));

const digits = (screen: string | undefined): string => `${(screen ?? '').replaceAll(/\d/g, '9')}\n`;

describe.each([80, 40])('at %i columns', (columns) => {
  test('`restore JOB.yaml` offers the checkpoints, and goes on with the one that is picked', async () => {
    const {status, screen, screens} = await tidemark(['restore', 'my.job.yaml', '--dry-run'], {
      columns,
      keys: [
        {after: 'navigate', send: DOWN},
        {after: '❯', send: ENTER},
      ],
    });
    expect(status).toBe(0);
    await expect(digits(screens[0])).toMatchFileSnapshot(`screens/restore-picker-${columns}.txt`);
    await expect(digits(screen)).toMatchFileSnapshot(`screens/restore-picked-${columns}.txt`);
  });

  test('`checkpoint inspect` without REF offers what is known here, and shows what is picked', async () => {
    const {status, screen, screens} = await tidemark(['checkpoint', 'inspect'], {
      columns,
      rows: 60,
      keys: [{after: 'navigate', send: ENTER}],
    });
    expect(status, screen).toBe(0);
    expect(screens[0]).toContain('Which checkpoint?');
    const [, job, id] = /❯ (\S+) {2}checkpoint (\d+)/.exec(screens[0] ?? '') ?? [];
    expect(id).toMatch(/^\d+$/);
    expect(screen.replaceAll('\n', '')).toContain(`checkpoint ${id} of ${job}: complete`);
  });

  test('`checkpoint diff` and `checkpoint copy` offer what was left out', async () => {
    const compared = await tidemark(['checkpoint', 'diff'], {
      columns,
      rows: 60,
      keys: [
        {after: 'navigate', send: ENTER},
        {after: 'Which one is it compared with?', send: ENTER},
      ],
    });
    // Whether a record came between the two is the run's affair.
    const same = compared.screen.includes('same state');
    expect(compared.status, compared.screen).toBe(same ? 0 : 1);
    // The first choice is not offered again.
    const [, from, to] =
      /from {2}(\S+), \d.*to {4}(\S+), \d/.exec(compared.screen.replaceAll('\n', '')) ?? [];
    expect(from).toMatch(/chk-\d+$/);
    expect(to).not.toBe(from);
    const copy = `copied-${columns}`;
    const copied = await tidemark(['checkpoint', 'copy', copy], {
      columns,
      rows: 60,
      keys: [{after: 'navigate', send: ENTER}],
    });
    expect(copied.status, copied.screen).toBe(0);
    expect(copied.screens[0]?.replaceAll('\n', '')).toContain(
      `Which checkpoint is copied to ${copy}?`,
    );
    expect(existsSync(join(DIRECTORY, copy, '_metadata'))).toBe(true);
  });

  test('`checkpoint prune` shows what would go and asks; no keeps it, yes deletes it', async () => {
    const kept = (): string[] =>
      readdirSync(target).filter(
        (name) => name.startsWith('chk-') && existsSync(join(target, name)),
      );
    const target = join(DIRECTORY, `prune-${columns}/my-job`);
    await cp(join(DIRECTORY, 'state/checkpoints/my-job'), target, {recursive: true});
    const before = kept();
    expect(before.length).toBeGreaterThan(2);
    const prune = ['checkpoint', 'prune', target, '--keep-last', '2', '--take-over'];
    const options = {columns, rows: 200};
    const no = await tidemark(prune, {
      ...options,
      keys: [{after: 'Delete', send: `n${ENTER}`}],
    });
    expect(no.status).toBe(130);
    expect(no.screens[0]).toContain('would delete');
    expect(no.screens[0]?.replaceAll('\n', ' ')).toContain(
      `Delete ${before.length - 2} checkpoints and`,
    );
    expect(kept()).toEqual(before);
    const yes = await tidemark(prune, {
      ...options,
      keys: [{after: 'Delete', send: `y${ENTER}`}],
    });
    expect(yes.status, yes.screen).toBe(0);
    expect(kept()).toHaveLength(2);
  });

  test('`init` offers the templates', async () => {
    const {status, screen, screens} = await tidemark(['init', `new-${columns}`], {
      columns,
      keys: [
        {after: 'navigate', send: DOWN},
        {after: '❯', send: ENTER},
      ],
    });
    expect(status).toBe(0);
    await expect(digits(screens[0])).toMatchFileSnapshot(`screens/init-picker-${columns}.txt`);
    await expect(digits(screen)).toMatchFileSnapshot(`screens/init-picked-${columns}.txt`);
  });

  test('Ctrl-C in a prompt ends with 130, says so, and shows no stack', async () => {
    const {status, screen} = await tidemark(['restore', 'my.job.yaml'], {
      columns,
      keys: [{after: 'navigate', send: CTRL_C}],
    });
    expect(status).toBe(130);
    await expect(digits(screen)).toMatchFileSnapshot(`screens/prompt-ctrl-c-${columns}.txt`);
  });

  test('a run has one live line that never wraps; Ctrl-C says what a second one does', async () => {
    const {status, screen, screens} = await tidemark(['run', 'endless.job.yaml', '--fresh'], {
      columns,
      keys: [{after: ' in  ', send: CTRL_C}],
    });
    expect(status).toBe(130);
    const lines = (screens[0] ?? '').split('\n');
    expect(lines[0]).toMatch(/^endless: fresh start/);
    const live = lines.at(-1) ?? '';
    const whole = /^[\d,]+ in {2}[\d,]+ out {2}no checkpoint yet {2}[\d,]+\/s {2}no watermark yet$/;
    if (columns === 80) expect(live).toMatch(whole);
    expect(live.length, 'there is room for ^C').toBeLessThanOrEqual(columns - 3);
    const told = screen.replaceAll(/\n(?=\S)/g, columns === 80 ? '\n' : '');
    expect(told).toContain(
      'SIGINT: taking a last checkpoint, then stopping; a second one aborts at once',
    );
    expect(told).toMatch(/endless interrupted after \d/);
    expect(screen, 'the live line is erased').not.toMatch(/records\/s/);
  });

  test('a second Ctrl-C ends a run whose last checkpoint does not come', async () => {
    const {status, output} = await tidemark(['run', 'stuck.job.yaml', '--fresh'], {
      columns,
      keys: [
        {after: ' in  ', send: CTRL_C},
        {after: 'aborts at once', send: CTRL_C},
      ],
    });
    expect(status).toBe(130);
    // Whether the last checkpoint had begun is a matter of luck, and so are the numbers.
    const told = output
      .replace(/^[^\n]*given up, because[^\n]*\n/m, '')
      .replaceAll(/\d[\d,]*(?= records?)/g, '9')
      .replaceAll(/\d+(?= %)/g, '9')
      .replaceAll(/after \d[\d.]* (ms|s|min)( \d+ s)?/g, 'after 9 s');
    const screen = await render(told, {columns, rows: 24});
    await expect(digits(screen)).toMatchFileSnapshot(`screens/run-ctrl-c-twice-${columns}.txt`);
  });

  test('deleting a savepoint asks; no keeps it, yes deletes it', async () => {
    const job = `dispose-${columns}.job.yaml`;
    await writeFile(join(DIRECTORY, job), ENDLESS.replaceAll('endless', `dispose-${columns}`));
    const run = async (...args: string[]): Promise<string> => {
      const {status, stdout, stderr} = await outside(args, scratch.variables);
      expect(status, stderr).toBe(0);
      return stdout;
    };
    await run('run', '-d', join(DIRECTORY, job));
    const taken = await run(
      'savepoint',
      `dispose-${columns}`,
      join(DIRECTORY, 'savepoints'),
      '--json',
    );
    const {path} = JSON.parse(taken) as {path: string};
    await run('cancel', `dispose-${columns}`);
    const dispose = ['savepoint', '--dispose', path];
    const no = await tidemark(dispose, {columns, keys: [{after: 'Delete', send: `n${ENTER}`}]});
    expect(no.status).toBe(130);
    expect(existsSync(path)).toBe(true);
    await expect(hidden(no.screens[0])).toMatchFileSnapshot(`screens/dispose-asks-${columns}.txt`);
    const yes = await tidemark(dispose, {columns, keys: [{after: 'Delete', send: `y${ENTER}`}]});
    expect(yes.status).toBe(0);
    expect(existsSync(path)).toBe(false);
  });
});

test('Ctrl-C while a checkpoint is copied ends with 130, and nothing is left of the copy', async () => {
  const large = makeHeavyCheckpoint(join(DIRECTORY, 'large'), 1, 400 * 1024 * 1024);
  const {status, screen} = await tidemark(['checkpoint', 'copy', large, 'large-copies/one'], {
    keys: [{after: ' MiB of 400 MiB', send: CTRL_C}],
  });
  expect(status, screen).toBe(130);
  // What was drawn is gone before anything else is said.
  expect(screen.split('\n').filter((line) => line !== '')).toEqual([
    expect.stringMatching(/^(?:\^C)?error: interrupted by SIGINT$/u),
  ]);
  expect(readdirSync(join(DIRECTORY, 'large-copies'))).toEqual([]);
});
