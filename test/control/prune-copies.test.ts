// `checkpoint prune --orphans` removes what copies left behind whose process is dead, tells of it before, and touches no copy
// that is, or may be, under way.

import {mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {spawnSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, expect, test} from 'vitest';

import type {ProcessIdentity} from '#src/base/process-identity.js';
import {pruneCheckpoints} from '#src/reports/prune-report.js';
import {systemProcessTable} from '#src/storage/process-table.js';
import {unfinishedCopyAt} from '#src/storage/unfinished-copies.js';

const root = mkdtempSync(join(tmpdir(), 'tidemark-prune-copies-'));

afterAll(() => rmSync(root, {recursive: true, force: true}));

let made = 0;

function unfinished(changes: Partial<ProcessIdentity>): string {
  const self = {...systemProcessTable.self(), ...changes};
  const table = {...systemProcessTable, self: () => self};
  made += 1;
  const path = unfinishedCopyAt(join(root, 'kept'), table, String(made).padStart(12, '0'));
  mkdirSync(path);
  writeFileSync(join(path, 'part'), 'some bytes');
  return path;
}

test('of a dead process at once, of an unknown one when it is old, of a live one never', async () => {
  const {pid} = spawnSync('true');
  const dead = unfinished({pid, startTime: '1'});
  const alive = unfinished({});
  const young = unfinished({bootId: 'another'});
  const old = unfinished({bootId: null});
  utimesSync(old, 1, 1);
  const request = {
    ...{environment: {}, keepLast: null, keepWithinMillis: null, keepSavepoints: false},
    ...{takeOver: false, among: null, orphanAgeMillis: 3_600_000, dryRun: true},
  };
  const unasked = await pruneCheckpoints(root, {...request, keepLast: 1, orphanAgeMillis: null});
  expect(unasked.orphans.map(({path, deleted}) => [path, deleted])).toEqual([
    ...[young, dead, old].sort().map((path) => [path, false]),
  ]);
  const planned = await pruneCheckpoints(root, request);
  const {orphans, kept, freedBytes} = planned;
  expect(orphans.filter(({deleted}) => deleted).map(({path}) => path)).toEqual([dead, old].sort());
  expect(kept).toEqual([{path: young, reason: 'too-young'}]);
  expect(freedBytes).toBe(2 * 'some bytes'.length);
  expect(readdirSync(root)).toHaveLength(4);
  await pruneCheckpoints(root, {...request, dryRun: false});
  expect(readdirSync(root).map((name) => join(root, name))).toEqual([alive, young].sort());
});
