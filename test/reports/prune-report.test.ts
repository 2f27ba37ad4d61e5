// `checkpoint prune` of a directory with several jobs: what is no job's is left and said, and stops nobody.

import {cpSync, existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {pruneCheckpoints, type PruneReport} from '#src/reports/prune-report.js';

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

async function prune(target: string): Promise<PruneReport> {
  return pruneCheckpoints(target, {
    environment: {TIDEMARK_HOME: join(root, 'home')},
    keepLast: 1,
    keepWithinMillis: null,
    keepSavepoints: false,
    orphanAgeMillis: null,
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
