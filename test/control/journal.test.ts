// A trigger id is one operation: for this process, and for the one after it. What came of it is never lost, whatever
// becomes of the process or of the journal's disk.

import {mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {EngineError} from '#src/base/errors.js';
import {SeededRandom} from '#src/base/random.js';
import {Operations} from '#src/control/operations.js';
import {readTrigger, TRIGGERS_KEPT, type TriggerOutcome} from '#src/control/trigger-journal.js';

let journal: string;
beforeEach(() => {
  journal = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(journal, {recursive: true, force: true});
});

const TAKEN = {
  kind: 'savepoint',
  savepoint: {id: 3, path: '/sp/savepoint-x', bytes: 9, durationMillis: 1, format: 'canonical'},
} as const satisfies TriggerOutcome;
const ID = 'cd'.repeat(16);
const ASKED = {
  kind: 'savepoint',
  request: {directory: '/sp', format: 'canonical'},
  triggerId: ID,
} as const;

function operations(runId: string, warnings: string[] = []): Operations {
  return new Operations({
    journal,
    runId,
    now: () => 1_700_000_000_000,
    random: new SeededRandom(7),
    warn: (message) => void warnings.push(message),
  });
}

test('the next process answers with what the first one took, and takes nothing again', async () => {
  const first = operations('1'.repeat(16));
  first.start(ASKED, async () => Promise.resolve(TAKEN));
  await first.idle();
  const second = operations('2'.repeat(16));
  expect(second.look(ID)).toMatchObject({outcome: TAKEN, runId: '1'.repeat(16)});
  expect(second.start(ASKED, async () => Promise.reject(new Error('asked again')))).toBe(ID);
  await second.idle();
  expect(readTrigger(journal, ID)?.outcome).toEqual(TAKEN);
});

test('what a process left under way is answered as unknown, and says where to look', () => {
  const first = operations('1'.repeat(16));
  first.start(ASKED, async () => new Promise(() => undefined));
  expect(readTrigger(journal, ID)).toMatchObject({outcome: null});
  const outcome = operations('2'.repeat(16)).look(ID)?.outcome;
  expect(outcome).toMatchObject({kind: 'failed', failure: {code: 'JOB_FAILED'}});
});

test('it is on disk before the work begins', () => {
  let seen: unknown = 'nothing';
  operations('1'.repeat(16)).start(ASKED, async () => {
    seen = readTrigger(journal, ID);
    return Promise.resolve(TAKEN);
  });
  expect(seen).toMatchObject({triggerId: ID, outcome: null});
});

test('a journal that cannot be written stops nobody, and is told of', async () => {
  const warnings: string[] = [];
  const table = operations('1'.repeat(16), warnings);
  rmSync(journal, {recursive: true});
  table.start(ASKED, async () => Promise.resolve(TAKEN));
  await table.idle();
  expect(table.look(ID)?.outcome).toEqual(TAKEN);
  expect(warnings[0]).toContain('ENOENT');
});

test('an outcome that only this process knows is owed until somebody has asked', async () => {
  const kept = operations('1'.repeat(16));
  kept.start(ASKED, async () => Promise.resolve(TAKEN));
  await kept.idle();
  expect([kept.isOwed(true), kept.isOwed(false)]).toEqual([false, true]);
  rmSync(journal, {recursive: true});
  const unkept = operations('2'.repeat(16));
  unkept.start(ASKED, async () => Promise.resolve(TAKEN));
  expect(unkept.isOwed(true)).toBe(false);
  await unkept.idle();
  expect([unkept.isOwed(true), unkept.isOwed(false)]).toEqual([true, true]);
  unkept.look(ID);
  expect(unkept.isOwed(false)).toBe(false);
});

test('an error keeps its code and its hint', async () => {
  const table = operations('1'.repeat(16));
  const error = new EngineError('STORAGE_FAILED', 'the disk is full', {hint: 'make room'});
  table.start(ASKED, async () => Promise.reject(error));
  await table.idle();
  expect(readTrigger(journal, ID)?.outcome).toEqual({
    kind: 'failed',
    failure: {code: 'STORAGE_FAILED', message: 'the disk is full', hint: 'make room'},
  });
});

test('half an entry is none', async () => {
  const table = operations('1'.repeat(16));
  table.start(ASKED, async () => Promise.resolve(TAKEN));
  await table.idle();
  const path = join(journal, `${ID}.json`);
  const {length} = readFileSync(path);
  for (const size of [0, 1, 50, length - 2]) {
    truncateSync(path, size);
    expect(readTrigger(journal, ID)).toBeNull();
    expect(operations('2'.repeat(16)).look(ID)).toBeNull();
    writeFileSync(path, '{}');
  }
});

test(`the newest ${TRIGGERS_KEPT} are remembered, on disk too; none that is under way is forgotten`, async () => {
  const table = operations('1'.repeat(16));
  table.start(ASKED, async () => new Promise(() => undefined));
  for (let index = 0; index < TRIGGERS_KEPT + 10; index += 1) {
    table.start({...ASKED, triggerId: null}, async () => Promise.resolve(TAKEN));
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(readdirSync(journal).length).toBeLessThanOrEqual(TRIGGERS_KEPT);
  expect(table.look(ID)).not.toBeNull();
});
