// Promise: README's walk works as it stands there. A damaged checkpoint is found, explained, another one chosen and looked at, and the
// job restored from it with the exact output.

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterAll, expect, test} from 'vitest';

import {whole} from '../hostile/support/sample.ts';
import {Tidemark} from '../kills/support/process.ts';
import {ROOT, tidemark, type Ending} from './tidemark.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-walk-'));
const home = {TIDEMARK_HOME: join(root, 'home')};
const NAME = 'windowed-aggregate';
const job = join(root, `${NAME}.job.yaml`);
const checkpoints = join(root, 'state/checkpoints', NAME);

afterAll(() => rmSync(root, {recursive: true, force: true}));

const walked: string[] = [];

async function walk(...args: readonly string[]): Promise<Ending> {
  walked.push(args.join(' '));
  return tidemark(args, home);
}

/** Ids, oldest first. */
function ids(): number[] {
  return readdirSync(checkpoints)
    .flatMap((name) => /^chk-(\d+)$/u.exec(name)?.slice(1).map(Number) ?? [])
    .sort((left, right) => left - right);
}

function lines(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .sort();
}

async function interruptedAfterEight(): Promise<void> {
  const slow = [
    'sources.readings.rate-limit=1',
    'checkpointing.interval=400ms',
    'checkpointing.min-pause=0s',
    'checkpointing.num-retained=1000',
  ];
  const running = new Tidemark(
    ['run', job, '--json', ...slow.flatMap((setting) => ['--set', setting])],
    home,
  );
  expect(await running.printed('"id":8')).toBe(true);
  running.signal('SIGINT');
  expect((await running.outcome).status).toBe(130);
}

/** One byte of its state is another one. */
function damage(id: number): string {
  const file = join(checkpoints, `chk-${id}`, 'per-minute/0.groups');
  const bytes = readFileSync(file);
  bytes[100]! ^= 1;
  writeFileSync(file, bytes);
  return file;
}

test.runIf(whole)('the walk of README', {timeout: 120_000}, async () => {
  expect((await walk('init', root, '--template', NAME)).status).toBe(0);
  await interruptedAfterEight();
  const [before, good, newest] = ids().slice(-3) as [number, number, number];
  const file = damage(newest);

  const refused = await walk('run', job);
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain(`the newest good one is chk-${good}`);
  const verified = await walk('checkpoint', 'verify', job);
  expect(verified.status).toBe(4);
  expect(verified.stdout + verified.stderr).toContain(file);
  const explained = await walk('explain', 'CHECKPOINT_DAMAGED');
  expect([explained.status, explained.stdout]).toEqual([0, expect.stringContaining('What to do')]);
  expect((await walk('checkpoint', 'list', job)).stdout).toContain(`chk-${good}`);

  const inspected = await walk('checkpoint', 'inspect', `${NAME}@${good}`);
  expect(inspected.status, inspected.stderr).toBe(0);
  expect(inspected.stdout).toMatch(/source +readings: data\/readings\.csv at byte \d+/u);
  const deep = await walk('checkpoint', 'verify', `${NAME}@${good}`, '--level', 'restore');
  expect(deep.status, deep.stdout + deep.stderr).toBe(0);
  const compared = await walk('checkpoint', 'diff', `${NAME}@${before}`, `${NAME}@${good}`);
  expect([0, 1]).toContain(compared.status);

  const planned = await walk('restore', `${NAME}@${good}`, job, '--dry-run');
  expect(planned.stdout, planned.stderr).toContain('This start is possible.');
  const restored = await walk(...['restore', `${NAME}@${good}`, job, '--output-ahead', 'withdraw']);
  expect(restored.status, restored.stderr).toBe(0);
  const expected = readFileSync(join(root, 'expected.txt'), 'utf8').trimEnd().split('\n').sort();
  expect(lines(join(root, 'out'))).toEqual(expected);

  const pruned = await walk('checkpoint', 'prune', job, '--keep-last', '3', '--dry-run');
  expect(pruned.status, pruned.stderr).toBe(0);
  expect(pruned.stdout).toContain('the newest that can be restored');
  expect(ids()).toContain(newest);

  const [before8, good8] = ['clicks@7', 'clicks@8'];
  const asWritten = walked.map((line) =>
    line
      .replaceAll(job, 'clicks.job.yaml')
      .replaceAll(`${NAME}@${before}`, before8)
      .replaceAll(`${NAME}@${good}`, good8),
  );
  // The first of each is what makes the job and its checkpoints.
  expect(walkOfReadme().slice(1)).toEqual(asWritten.slice(1));
});

/** The commands of the block, without their comments. */
function walkOfReadme(): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, block = ''] =
    /^## When a checkpoint is damaged$[^]*?^```\n([^]*?)^```/mu.exec(readme) ?? [];
  const commands = block.split('\n').filter((line) => line.startsWith('tidemark '));
  return commands.map((line) => line.replace(/^tidemark | *#.*$/gu, '').trim());
}
