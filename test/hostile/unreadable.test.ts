// Three savepoints in one directory, of which another user may not read the second: verify and list tell of it and look at the
// others, and prune deletes nothing. A verification that is ended tells what it has found until then.

import {chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, unlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {shell, tidemark, type Ending} from '../commands/tidemark.ts';

const KEPT = fileURLToPath(
  new URL('../formats/kept/savepoint-canonical-0.1.0/files/savepoints', import.meta.url),
);
const [SAVEPOINT = ''] = readdirSync(KEPT);
const IS_ROOT = process.getuid?.() === 0;
const AS_USER = IS_ROOT ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : '';
const USER = IS_ROOT ? 65534 : process.getuid?.();

let root: string;
let directory: string;
let savepoints: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-unreadable-'));
  directory = join(root, 'savepoints');
  savepoints = [1, 2, 3].map((index) => join(directory, `savepoint-00000${index}-aaaaaaaaaaaa`));
  for (const savepoint of savepoints) cpSync(join(KEPT, SAVEPOINT), savepoint, {recursive: true});
  unlinkSync(join(savepoints[0]!, 'SHA256SUMS'));
  unlinkSync(join(savepoints[2]!, 'running/1.groups'));
  chmodSync(root, 0o755);
  // Whoever may delete there.
  chmodSync(directory, 0o1777);
});
afterEach(() => rmSync(root, {recursive: true, force: true}));

async function asUser(command: string): Promise<Ending> {
  const {status, stdout, stderr} = await shell(
    `exec ${AS_USER} env TIDEMARK_HOME=${root}/home "$NODE" "$BIN" ${command}`,
  );
  return {status, stdout, stderr};
}

interface Line {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly checkpoints?: number;
  readonly errors?: number;
}

function linesOf({stdout}: Ending): {findings: Line[]; last: Line} {
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as Line);
  return {findings: lines.filter(({type}) => type === 'finding'), last: lines.at(-1)!};
}

test.each(['_metadata', '.'])('of the second %s may not be read', async (closed) => {
  const path = join(savepoints[1]!, closed);
  chmodSync(path, 0);
  const named = savepoints.join(' ');
  for (const refs of [directory, named]) {
    const ending = await asUser(`checkpoint verify ${refs} --json`);
    const {findings, last} = linesOf(ending);
    expect(ending.status, ending.stdout).toBe(4);
    expect(findings.map(({code}) => code)).toEqual([
      'checksums-missing',
      'file-not-read',
      'file-absent',
    ]);
    expect(findings[1]!.message).toContain(`cannot be read (as user ${USER})`);
    expect(last).toMatchObject({type: 'summary', checkpoints: 3, errors: 3, verdict: 'damaged'});
  }
  expect(await asUser(`checkpoint verify ${savepoints[1]!}`)).toMatchObject({status: 5});

  const list = await asUser(`checkpoint list ${directory} --json`);
  expect(list.status, list.stdout).toBe(0);
  const {items, warnings} = JSON.parse(list.stdout) as {
    items: {path: string; state: string}[];
    warnings: string[];
  };
  expect(items.map((item) => [item.path, item.state]).sort()).toEqual([
    [savepoints[0], 'damaged'],
    [savepoints[1], 'incomplete'],
    [savepoints[2], 'damaged'],
  ]);
  expect(warnings).toHaveLength(3);
  expect(warnings[1]).toContain(`cannot be read (as user ${USER})`);
  expect(warnings[1]).toContain(savepoints[1]);

  const pruned = await asUser(`checkpoint prune ${directory} --keep-last 1 --yes --json`);
  expect(pruned.status, pruned.stdout).toBe(15);
  expect(pruned.stdout).toContain(savepoints[1]);
  chmodSync(path, 0o755);
  expect(readdirSync(directory)).toHaveLength(3);
});

test('of the directory that was asked for: 15', async () => {
  chmodSync(directory, 0);
  for (const command of ['verify', 'list']) {
    const ending = await asUser(`checkpoint ${command} ${directory} --json`);
    expect(ending.status, ending.stdout).toBe(15);
    expect(ending.stdout).toContain(`(as user ${USER})`);
  }
  chmodSync(directory, 0o755);
});

test('a verification that a signal ends tells what it has found until then', async () => {
  // At its first finding, by itself: the others are still to be looked at.
  const interrupting = `data:text/javascript,${encodeURIComponent(`
    const write = process.stdout.write.bind(process.stdout);
    let isSent = false;
    process.stdout.write = (text, ...more) => {
      if (!isSent && String(text).includes('"type":"finding"')) {
        isSent = true;
        process.kill(process.pid, 'SIGINT');
      }
      return write(text, ...more);
    };
  `)}`;
  const many = Array.from({length: 40}, (_, index) => join(directory, `copy-${index}`));
  for (const copy of many) cpSync(savepoints[1]!, copy, {recursive: true});
  const ending = await tidemark(['checkpoint', 'verify', ...savepoints, ...many, '--json'], {
    NODE_OPTIONS: `--import=${interrupting}`,
    TIDEMARK_HOME: join(root, 'home'),
  });
  expect(ending.status, ending.stdout + ending.stderr).toBe(130);
  const {last} = linesOf(ending);
  expect(last).toMatchObject({type: 'summary', verdict: 'damaged'});
  expect(last.errors).toBeGreaterThan(0);
  expect(last.checkpoints).toBeGreaterThan(0);
  expect(last.checkpoints).toBeLessThan(43);
});
