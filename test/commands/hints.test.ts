// Promise: what a message says is so, and a hint that ends with a command can be pasted: it does what the hint says.

import {existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync} from 'node:fs';
import {cp, mkdir, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {Tidemark} from '../kills/support/process.ts';
import {FROM_FLINK} from './contract/prepared.ts';
import {DOWN, ENTER, inTerminal} from './terminal.ts';
import {BIN, errorOf, shell, tidemark, type Ending} from './tidemark.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-hints-'));
const home = {TIDEMARK_HOME: join(root, 'home')};
const file = join(root, 'numbers.job.yaml');
const checkpoints = join(root, 'state/numbers');

const JOB = `name: numbers
sources:
  numbers: {connector: generator, rate-limit: 200, fields: {n: {kind: sequence}}}
sinks:
  out: {connector: file, input: numbers, path: out, format: json}
checkpointing: {interval: 50ms, dir: file:./state, num-retained: 1000}
`;

beforeAll(async () => {
  await writeFile(file, JOB);
  const running = new Tidemark(['run', file, '--json'], home);
  expect(await running.printed('"id":4')).toBe(true);
  running.signal('SIGINT');
  expect((await running.outcome).status).toBe(130);
});

afterAll(() => rmSync(root, {recursive: true, force: true}));

async function run(...args: readonly string[]): Promise<Ending> {
  return tidemark(args, home);
}

/** The error of a command that fails, with its hint. */
async function failed(...args: readonly string[]): Promise<ReturnType<typeof errorOf>> {
  const ending = await run(...args, '--json');
  expect(ending.status, ending.stdout).not.toBe(0);
  return errorOf(ending);
}

/** What a person does with the command at the end of a hint. */
async function pasted(hint: string | null): Promise<Ending> {
  const command = /(?:^|: )(tidemark [^`]*)$/u.exec(hint ?? '')?.[1];
  if (command === undefined) throw new Error(`no command at the end of: ${hint}`);
  return shell(`tidemark() { "$NODE" "$BIN" "$@"; }\n${command}`, home);
}

/** Ids of checkpoints, oldest first. */
function ids(): number[] {
  return readdirSync(checkpoints)
    .flatMap((name) => /^chk-(\d+)$/u.exec(name)?.slice(1).map(Number) ?? [])
    .sort((left, right) => left - right);
}

describe('output that is ahead of the restored checkpoint', () => {
  const asked = (): string[] => ['restore', `numbers@${ids().at(-3)}`, file];

  test('a plan that refuses it says with which call it goes on', async () => {
    const ending = await run(...asked(), '--dry-run');
    expect(ending.status).toBe(16);
    const again = await pasted(ending.stdout);
    expect(again.status, again.stdout).toBe(0);
    expect(again.stdout).toContain('This start is possible.');
  });

  test('a checkpoint that was picked stands in it as if it had been typed', async () => {
    const {status, screen} = await inTerminal([BIN, 'restore', file, '--dry-run'], {
      columns: 1000,
      variables: home,
      keys: [
        {after: 'navigate', send: DOWN},
        {after: '❯', send: DOWN},
        {after: '❯', send: ENTER},
      ],
    });
    expect(status, screen).toBe(16);
    const picked = join(checkpoints, `chk-${ids().at(-3)}`);
    expect(screen).toContain(
      `tidemark restore ${picked} ${file} --dry-run --output-ahead withdraw`,
    );
    expect((await pasted(screen)).stdout).toContain('This start is possible.');
  });

  test('so does a start in the background, with the flags that it was given', async () => {
    const {code, hint} = await failed(...asked(), '-d', '-p', '2');
    expect(code).toBe('OUTPUT_AHEAD');
    expect(hint).toContain(`-d -p 2 --json --output-ahead withdraw`);
    const again = await pasted(hint);
    expect(again.status, again.stdout).toBe(0);
    expect((await run('cancel', 'numbers')).status).toBe(0);
    expect(readdirSync(join(root, 'out/.withdrawn'))).not.toEqual([]);
  });
});

test('a plan is refused as its start is where FORMAT is of another version', async () => {
  const other = join(root, 'other.job.yaml');
  await writeFile(other, JOB.replace('name: numbers', 'name: other'));
  await cp(checkpoints, join(root, 'state/other'), {recursive: true});
  await writeFile(join(root, 'state/other/FORMAT'), '{"format":"tidemark","major":9}\n');
  for (const more of [['--dry-run'], []]) {
    expect(await failed('run', other, '--fresh', ...more)).toMatchObject({
      code: 'INCOMPATIBLE',
      exit_code: 12,
    });
  }
});

describe.each(['list', 'prune --keep-last 1 --dry-run'])('`checkpoint %s`', (words) => {
  const target = async (path: string): ReturnType<typeof failed> => {
    const [command = '', ...flags] = words.split(' ');
    return failed('checkpoint', command, path, ...flags);
  };

  test.each([
    ['a directory of checkpoints', 'state/numbers'],
    ['nothing', 'nowhere'],
    ['itself', 'link to itself'],
  ])('does not follow a link to %s', async (what, to) => {
    const link = join(root, `link to ${what === 'itself' ? what : to.replace('/', '-')}`);
    if (!readdirSync(root).includes(link.slice(root.length + 1))) symlinkSync(to, link);
    const error = await target(link);
    expect(error).toMatchObject({code: 'REFUSED', exit_code: 13, file: link});
    expect(error.message).toContain('is a link');
    // What reads one checkpoint says the same.
    const inspected = await failed('checkpoint', 'inspect', link);
    expect(inspected).toMatchObject({code: 'REFUSED', exit_code: 13, hint: error.hint});
  });

  test('says that a path is not there, and does not say that it was looked into', async () => {
    const error = await target(join(root, 'nowhere'));
    expect(error).toMatchObject({code: 'NOT_FOUND', exit_code: 10});
    expect(error.message).toContain('is not there');
    const jobs = await pasted(error.hint);
    expect([jobs.status, jobs.stdout]).toEqual([0, expect.stringContaining('numbers')]);
  });

  test('of one checkpoint says how all of its job are named', async () => {
    const error = await target('numbers@latest');
    expect(error).toMatchObject({code: 'USAGE', exit_code: 2});
    const all = await pasted(error.hint);
    expect([all.status, all.stdout]).toEqual([0, expect.stringContaining('chk-')]);
  });
});

test('an id that is gone leads to those that are there', async () => {
  const error = await failed('checkpoint', 'inspect', 'numbers@999');
  expect(error.exit_code).toBe(10);
  expect((await pasted(error.hint)).stdout).toContain(`chk-${ids()[0]}`);
});

test.each(['list', 'verify'])('`checkpoint %s` of a job that never ran is 10', async (command) => {
  const never = join(root, 'never.job.yaml');
  await writeFile(never, JOB.replace('name: numbers', 'name: never'));
  const error = await failed('checkpoint', command, never);
  expect(error).toMatchObject({code: 'NOT_FOUND', exit_code: 10, hint: `tidemark run ${never}`});
});

describe('`checkpoint copy` with one argument', () => {
  test('that is a checkpoint misses where the copy goes', async () => {
    const error = await failed('checkpoint', 'copy', 'numbers@latest');
    expect(error).toMatchObject({
      exit_code: 2,
      hint: 'tidemark checkpoint copy numbers@latest TO',
    });
  });

  test('that is none misses which one is copied', async () => {
    const to = join(root, 'copied');
    const error = await failed('checkpoint', 'copy', to);
    expect(error).toMatchObject({exit_code: 2, hint: `tidemark checkpoint copy REF ${to}`});
    expect(existsSync(to)).toBe(false);
  });
});

test('`checkpoint diff` names what is missing', async () => {
  expect((await failed('checkpoint', 'diff')).message).toContain('A is missing');
  expect((await failed('checkpoint', 'diff', 'numbers@latest')).message).toContain('B is missing');
});

test('`checkpoint prune` without a rule shows one that can be tried', async () => {
  const error = await failed('checkpoint', 'prune', checkpoints);
  expect(error.exit_code).toBe(2);
  const tried = await pasted(error.hint);
  expect([tried.status, tried.stdout]).toEqual([0, expect.stringContaining('"dry_run":true')]);
});

test('`checkpoint prune` of the directory of a job file leads to the job', async () => {
  const directory = join(root, 'with a job file');
  await mkdir(directory);
  const own = JOB.replace('file:./state', `'file:${root}/state'`);
  await writeFile(join(directory, 'numbers.job.yaml'), own);
  const error = await failed('checkpoint', 'prune', directory, '--keep-last', '1', '--dry-run');
  expect(error).toMatchObject({code: 'NOT_FOUND', exit_code: 10});
  expect((await pasted(error.hint)).stdout).toContain('chk-');
});

describe('what cannot be held', () => {
  const held = async (path: string): ReturnType<typeof failed> =>
    failed('checkpoint', 'hold', path);

  test('is told apart: a directory without FORMAT, in which a job worked', async () => {
    const directory = join(root, 'state/unformatted');
    await cp(checkpoints, directory, {recursive: true});
    rmSync(join(directory, 'FORMAT'));
    const error = await held(join(directory, `chk-${ids()[0]}`));
    expect(error).toMatchObject({code: 'REFUSED', exit_code: 13});
    expect(error.message).toContain('FORMAT is not there');
    expect(error.message).not.toContain('nothing deletes it');
  });

  test('what Flink wrote', async () => {
    expect((await shell(`cd '${root}' && ${FROM_FLINK.before}`)).status).toBe(0);
    const error = await held(join(root, 'fl'));
    expect(error).toMatchObject({code: 'REFUSED', exit_code: 13});
    expect(error.message).toContain('Apache Flink wrote it');
    expect((await pasted(error.hint)).status).toBe(0);
  });

  test('a copy, and one that cannot be read', async () => {
    const copied = join(root, 'copied-one');
    await cp(join(checkpoints, `chk-${ids()[0]}`), copied, {recursive: true});
    const copy = await held(copied);
    expect(copy).toMatchObject({code: 'REFUSED', exit_code: 13});
    expect((await pasted(copy.hint)).status).toBe(0);
    await writeFile(join(copied, '_metadata'), 'nothing');
    const damaged = await held(copied);
    expect(damaged.message).toContain('_metadata is damaged');
    expect((await pasted(damaged.hint)).status).toBe(4);
  });
});

test.each(['savepoint', 'stop'])(
  '`%s` with no directory anywhere says where one goes',
  async (command) => {
    expect((await run('run', '-d', file, '--fresh', '--set', 'name=live')).status).toBe(0);
    try {
      const error = await failed(command, 'live');
      expect(error.exit_code).toBe(2);
      const target = join(root, `savepoints of ${command}`);
      const again = await pasted((error.hint ?? '').replace(/DIR$/u, `'${target}'`));
      expect([again.status, readdirSync(target)]).toEqual([0, [expect.any(String)]]);
    } finally {
      await run('cancel', 'live');
    }
  },
);
