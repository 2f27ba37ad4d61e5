// `checkpoint prune` of a directory with several jobs: what is no job's is left and said, and stops nobody.

import {cpSync, existsSync, mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {pruneCheckpoints, type PruneReport} from '#src/reports/prune-report.js';
import {systemProcessTable} from '#src/storage/process-table.js';
import {unfinishedCopyAt} from '#src/storage/unfinished-copies.js';

const KEPT = fileURLToPath(
  new URL('../formats/kept/hashmap-full-0.1.0/files/state/kept', import.meta.url),
);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'prune-report-'));
});
afterEach(() => {
  rmSync(root, {recursive: true, force: true});
});

async function prune(target: string, orphanAgeMillis: number | null = null): Promise<PruneReport> {
  return pruneCheckpoints(target, {
    environment: {TIDEMARK_HOME: join(root, 'home')},
    keepLast: 1,
    keepWithinMillis: null,
    keepSavepoints: false,
    orphanAgeMillis,
    takeOver: true,
    among: null,
    dryRun: false,
  });
}

test('a copied checkpoint beside jobs is left and said; named itself it is refused', async () => {
  const jobs = join(root, 'jobs');
  cpSync(KEPT, join(jobs, 'kept'), {recursive: true});
  cpSync(join(KEPT, 'chk-4'), join(jobs, 'copied/chk-4'), {recursive: true});
  const {deleted, kept} = await prune(jobs);
  expect(deleted).toEqual([join(jobs, 'kept/chk-4')]);
  expect(kept).toContainEqual({path: join(jobs, 'copied'), reason: 'no-job'});
  expect(existsSync(join(jobs, 'copied/chk-4'))).toBe(true);
  await expect(prune(join(jobs, 'copied'))).rejects.toMatchObject({code: 'REFUSED'});
});

test('what killed copies left goes, also beside a copy that is called chk-N', async () => {
  const copies = join(root, 'copies');
  cpSync(join(KEPT, 'chk-4'), join(copies, 'chk-4'), {recursive: true});
  const self = systemProcessTable.self();
  const dead = {...systemProcessTable, self: () => ({...self, pid: 4_194_303, startTime: '1'})};
  const left = unfinishedCopyAt(join(copies, 'chk-5'), dead, 'ffffffffffff');
  cpSync(join(KEPT, 'chk-4'), left, {recursive: true});
  const {kept, orphans} = await prune(copies, 0);
  expect(kept).toEqual([{path: copies, reason: 'no-job'}]);
  expect(orphans).toMatchObject([{path: left, deleted: true}]);
  expect(readdirSync(copies)).toEqual(['chk-4']);
});
