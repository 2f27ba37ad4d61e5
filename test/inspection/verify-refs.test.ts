// What a REF of `checkpoint verify` stands for: what `list` shows of a directory, savepoints too. What several REFs have in
// common counts for each, and what was not read has not passed.

import {cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {verificationCases} from '#commands/_shared/verify-view.js';
import {verifyCheckpoints, type VerifyEvent} from '#src/index.js';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const SAVEPOINTS = join(KEPT, 'savepoint-canonical-0.1.0/files/savepoints');
const [SAVEPOINT = ''] = readdirSync(SAVEPOINTS);

let root: string;
let job: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-verify-refs-'));
  job = join(root, 'kept');
  cpSync(join(KEPT, 'hashmap-full-0.1.0/files/state/kept'), job, {recursive: true});
});
afterEach(() => rmSync(root, {recursive: true}));

interface More {
  readonly failFast?: boolean;
  readonly sample?: string;
  readonly level?: 'manifest' | 'checksum';
}

async function verify(refs: readonly string[], more: More = {}) {
  const findings: Extract<VerifyEvent, {type: 'finding'}>[] = [];
  const summary = await verifyCheckpoints(refs, {
    ...{
      level: more.level ?? 'checksum',
      environment: {TIDEMARK_HOME: root},
      failFast: more.failFast,
    },
    sample: more.sample === undefined ? undefined : {text: more.sample, seed: 1},
    onEvent: (event) => {
      if (event.type === 'finding') findings.push(event);
    },
  });
  const cases = verificationCases(summary, findings).map(({failures, skipped}) =>
    failures.length > 0 ? 'failed' : skipped === null ? 'passed' : 'skipped',
  );
  return {summary, findings, cases};
}

function damage(directory: string): void {
  writeFileSync(join(directory, '_metadata'), 'x');
}

test('the directory of a job has savepoints too', async () => {
  cpSync(join(SAVEPOINTS, SAVEPOINT), join(job, SAVEPOINT), {recursive: true});
  expect((await verify([job])).summary).toMatchObject({checkpoints: 3, verdict: 'ok'});
  damage(join(job, SAVEPOINT));
  const {summary, findings} = await verify([job]);
  expect(summary).toMatchObject({errorCode: 'CHECKPOINT_DAMAGED'});
  expect(findings[0]).toMatchObject({checkpoint: join(job, SAVEPOINT), ref: job});
});

test('a directory of savepoints alone is all of them; one of them is itself, whatever lies in it', async () => {
  expect((await verify([SAVEPOINTS])).summary).toMatchObject({checkpoints: 1, verdict: 'ok'});
  cpSync(join(SAVEPOINTS, SAVEPOINT), join(root, 'sp'), {recursive: true});
  mkdirSync(join(root, 'sp/savepoint-aaaaaa-bbbbbbbbbbbb'));
  expect((await verify([join(root, 'sp')])).summary).toMatchObject({checkpoints: 1, verdict: 'ok'});
});

test('copies count whatever they are called; a directory of nothing is no damage, and what lost its _metadata is', async () => {
  cpSync(join(job, 'chk-5'), join(root, 'kept/before'), {recursive: true});
  cpSync(join(job, 'chk-5'), join(root, 'copies/before'), {recursive: true});
  expect((await verify([job])).summary).toMatchObject({checkpoints: 3, verdict: 'ok'});
  expect((await verify([join(root, 'copies')])).summary).toMatchObject({checkpoints: 1});
  mkdirSync(join(root, 'nothing'));
  await expect(verify([join(root, 'nothing')])).rejects.toMatchObject({code: 'NOT_FOUND'});
  rmSync(join(root, 'copies/before/_metadata'));
  const {findings} = await verify([join(root, 'copies/before')]);
  expect(findings[0]).toMatchObject({code: 'metadata-missing'});
});

test('one checkpoint under two names fails under both', async () => {
  const path = join(job, 'chk-5');
  damage(path);
  const {cases, summary} = await verify([path, `${path}/`, join(job, 'chk-4')]);
  expect(cases).toEqual(['failed', 'failed', 'passed']);
  expect(summary.checkpoints).toBe(2);
});

test('what was left out has not passed', async () => {
  damage(join(job, 'chk-5'));
  const refs = [join(job, 'chk-5'), join(job, 'chk-4')];
  expect((await verify(refs, {failFast: true})).cases).toEqual(['failed', 'skipped']);
  const {cases, summary} = await verify([join(job, 'chk-4')], {sample: '1/5'});
  expect([cases, summary.errorCode]).toEqual([['skipped'], 'INCOMPLETE']);
});

test('a sample of files that are not read is refused', async () => {
  const sampled = verify([job], {sample: '10%', level: 'manifest'});
  await expect(sampled).rejects.toMatchObject({code: 'USAGE'});
});
