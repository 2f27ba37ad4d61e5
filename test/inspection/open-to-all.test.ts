// H45 ck-world-writable: where every user may replace what is there, list warns, verify says so, and with --strict it is refused;
// a sticky directory, as /tmp is, is none of those.

import {chmodSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';

import {ERROR_CODES} from '#src/base/errors.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints, type VerifyEvent} from '#src/reports/verify-report.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {judgeOpenToAll} from '#src/storage/open-to-all.js';
import {makeLargeCheckpoint} from '../bench/inspect-fixtures.js';

const root = mkdtempSync(join(tmpdir(), 'tidemark-open-to-all-'));
const checkpoint = makeLargeCheckpoint(join(root, 'checkpoints'), 0);
const job = dirname(checkpoint);

afterAll(() => rmSync(root, {recursive: true, force: true}));

async function verify(strict: boolean) {
  const findings: Extract<VerifyEvent, {type: 'finding'}>[] = [];
  const {errorCode, verdict, errors, hints} = await verifyCheckpoints([job], {
    ...{level: 'manifest', environment: {}, strict},
    onEvent: (event) => {
      if (event.type === 'finding') findings.push(event);
    },
  });
  const told = findings.map(({severity, code, path}) => [severity, code, path]);
  return {errorCode, verdict, errors, hints, told};
}

const nothing = {errorCode: null, verdict: 'ok', errors: 0, hints: 0, told: []};

describe('H45 ck-world-writable', () => {
  test.each([
    ['the checkpoint', checkpoint],
    ['the directory of its job', job],
    ['the directory of jobs', dirname(job)],
  ])('%s', async (_, open) => {
    chmodSync(open, 0o777);
    const told = (severity: string): unknown => [[severity, 'open-to-all', open]];
    // Four checkpoints are in it: it is told of once.
    expect(await verify(false)).toEqual({...nothing, hints: 1, told: told('hint')});
    const strict = await verify(true);
    expect(strict).toMatchObject({errorCode: 'REFUSED', errors: 1, told: told('error')});
    expect(ERROR_CODES.REFUSED).toBe(13);
    const {warnings, items} = await listCheckpointDirectory(nodeFileSystem, job);
    const warned = open === checkpoint ? [] : [expect.stringContaining(`${open} may be written`)];
    expect(warnings).toEqual(warned);
    expect(items.map(({state}) => state)).toEqual(['complete', 'complete', 'complete', 'complete']);
    for (const mode of [0o1777, 0o775]) {
      chmodSync(open, mode);
      expect(await verify(true)).toEqual(nothing);
    }
  });
});

test('H45 ck-world-writable: a start that is strict is refused; another one hears of each directory once', async () => {
  chmodSync(job, 0o777);
  const warnings: string[] = [];
  const judged = async (strict: boolean) =>
    judgeOpenToAll(nodeFileSystem, [job, checkpoint], {
      strict,
      warn: (message) => warnings.push(message),
    });
  await expect(judged(true)).rejects.toMatchObject({code: 'REFUSED', details: {file: job}});
  expect(warnings).toEqual([]);
  await judged(false);
  expect(warnings).toEqual([expect.stringContaining(`${job} may be written`)]);
  chmodSync(job, 0o775);
  await judged(true);
});
