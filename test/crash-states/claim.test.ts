// After a power loss at any instant: a hold that was told is there, one that was released does not come back, what was
// claimed is claimed; what was claimed is whole where it was until an own checkpoint is, and never half there; and whoever
// comes next removes what is left of it.

import {describe, expect, it} from 'vitest';

import {readClaim} from '#src/storage/claims.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {statusOrNull} from '#src/storage/derive-checkpoint-state.js';
import {listHolds} from '#src/storage/holds.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths} from '#src/storage/paths.js';
import {readHistory} from '#src/storage/read-history.js';
import {SavepointAttempt} from '#src/storage/savepoint-attempt.js';
import {writeSavepoint} from '#src/savepoints/write-savepoint.js';
import {whole} from '../hostile/support/sample.ts';
import {JOB_DIRECTORY, LINEAGE, publish, start} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {
  findViolation,
  RECORDED_OWNERS,
  say,
  withoutEachSync,
  type Promised,
  type Recording,
} from './crash-disks.ts';

const paths = new JobPaths(JOB_DIRECTORY);
const OTHER = '/other/flights';
const SAVEPOINT = '/savepoints/savepoint-012345-aaaaaaaaaaaa';
const OTHERS = [`${OTHER}/chk-1`, `${OTHER}/chk-2`] as const;
const CLAIM = {jobDirectory: JOB_DIRECTORY, lineage: LINEAGE};
const HOLD = {checkpointId: 2, lineage: null};

/** `begun`: where the savepoint and the other directory are durable, which is the user's business. */
async function record(
  droppedSyncs: ReadonlySet<number>,
): Promise<Recording & {readonly begun: number}> {
  const disk = new MemoryFileSystem({droppedSyncs});
  const promises: Promised[] = [];
  const promise = (what: string, holds: Promised['holds']): Promised => {
    const made = {what, since: disk.log.length, until: Infinity, holds};
    promises.push(made);
    return made;
  };
  disk.phase = 'before';
  await makeOthers(disk);
  const begun = disk.log.length;
  const owner = await start(disk, RECORDED_OWNERS[1]);

  disk.phase = 'claim';
  await owner.claim(SAVEPOINT, LINEAGE);
  const claimed = promise('the claim', async (crashed) => isClaimed(crashed, SAVEPOINT));
  const origin = {
    kind: 'checkpoint',
    checkpointId: 1,
    path: SAVEPOINT,
    metadataSha256: '0'.repeat(64),
    claimed: true,
  } as const;
  disk.phase = 'before';
  await owner.beginLineage({lineage: LINEAGE, origin, ancestors: [], outputAhead: null});
  await publish(disk, owner, 2);
  promise('the first own checkpoint', async (crashed) => isWhole(crashed, paths.checkpoint(2)));

  disk.phase = 'hold';
  await owner.placeHold(HOLD);
  const held = promise('the hold', async (crashed) => (await listHolds(crashed, paths)).length > 0);
  disk.phase = 'before';
  await publish(disk, owner, 3);

  disk.phase = 'remove';
  claimed.until = disk.log.length;
  await owner.removeClaimed(SAVEPOINT, LINEAGE);
  promise('the savepoint is gone', async (crashed) => isGone(crashed, SAVEPOINT));

  disk.phase = 'claim-chk';
  await owner.claim(OTHERS[1], LINEAGE);
  const other = promise('the other claim', async (crashed) => isClaimed(crashed, OTHERS[1]));
  disk.phase = 'before';
  await owner.beat();
  disk.phase = 'remove-chk';
  other.until = disk.log.length;
  await owner.removeClaimed(OTHERS[1], LINEAGE);
  promise('the other checkpoint is gone', async (crashed) => isGone(crashed, OTHERS[1]));

  disk.phase = 'release';
  held.until = disk.log.length;
  await owner.releaseHold(HOLD);
  promise('nothing is held', async (crashed) => (await listHolds(crashed, paths)).length === 0);
  return {disk, promises, begun};
}

/** A savepoint of a user's, and another job directory, whose owner is dead. */
async function makeOthers(disk: MemoryFileSystem): Promise<void> {
  const other = await start(disk, {...RECORDED_OWNERS[0], directory: OTHER});
  await publish(disk, other, 1);
  const {path, metadata} = await publish(disk, other, 2);
  const place = {path: SAVEPOINT, jobId: '0123456789abcdef0123456789abcdef', generation: 1};
  const attempt = await SavepointAttempt.begin(disk, place);
  const convert = async () => Promise.reject(new Error('nothing is converted'));
  await writeSavepoint(disk, {directory: path, metadata}, attempt, 'native', convert);
}

async function isWhole(files: MemoryFileSystem, directory: string): Promise<boolean> {
  const onFinding = (): void => undefined;
  const result = await checkCheckpoint({files, directory, level: 'checksum', onFinding});
  return result.state.kind === 'complete' && result.errors === 0;
}

async function isGone(files: MemoryFileSystem, path: string): Promise<boolean> {
  return (await statusOrNull(files, path)) === null;
}

async function isClaimed(files: MemoryFileSystem, path: string): Promise<boolean> {
  const claim = await readClaim(files, path);
  return claim?.jobDirectory === CLAIM.jobDirectory && claim.lineage === CLAIM.lineage;
}

/** Its own directory knows that it was claimed and taken away. */
async function isKnownThere(files: MemoryFileSystem): Promise<boolean> {
  const {generations} = await readHistory(files, new JobPaths(OTHER), Infinity);
  return generations.some(({claimed}) => claimed?.checkpointId === 2);
}

/** On every disk after any crash, once the others are durable. */
async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  const hasOwn = !(await isGone(disk, paths.checkpoint(2)));
  for (const path of [SAVEPOINT, ...OTHERS]) {
    const isThere = !(await isGone(disk, path));
    if (isThere && !(await isWhole(disk, path))) return `${path} is torn`;
    if (!isThere && !hasOwn) return `${path} is gone before the first own checkpoint`;
    // Half a claim would keep everybody off.
    if (isThere) await readClaim(disk, path);
  }
  if ((await isGone(disk, OTHERS[1])) && !(await isKnownThere(disk))) {
    return `${OTHERS[1]} is gone, and whoever resumes there does not hear of it`;
  }
  if (await isGone(disk, OTHERS[0])) return 'one that nobody claimed is gone';
  for (const {name} of (await isGone(disk, paths.holdsDirectory))
    ? []
    : await disk.list(paths.holdsDirectory)) {
    const content = disk.contentOf(`${paths.holdsDirectory}/${name}`);
    if (content.at(-1) !== 10) return `holds/${name} is torn`;
  }
  return hasOwn ? leftAfter(disk) : null;
}

/** What the next generation leaves of what is claimed. */
async function leftAfter(disk: MemoryFileSystem): Promise<string | null> {
  const next = await start(disk);
  for (const path of [SAVEPOINT, OTHERS[1]]) {
    if (!(await isGone(disk, path))) await next.claim(path, LINEAGE);
    await next.removeClaimed(path, LINEAGE);
    if (!(await isGone(disk, path))) return `${path} is left`;
  }
  const hidden = (await disk.list('/savepoints')).map(({name}) => name);
  return hidden.length > 0 ? `left behind: ${hidden.join()}` : null;
}

/** The pruning generation's, which crash-states.test.ts is about: that others are fenced off is not looked at here. */
/** Needed while the owner of what is claimed has not synced its publish: test/storage/use-marks.test.ts. */
const OF_LATE_PUBLISH = /^claim +\/savepoints$|^claim-chk +\/other\/flights$/;
const OF_TAKE_OVER = /^remove-chk (\/other\/flights\/(owner\/aside|work$)|\/other$|\/$)/;

function placeOf(path: string): string {
  return path
    .replace(JOB_DIRECTORY, '<job>')
    .replace(/\d{10}/g, 'G')
    .replace(/chk-\d+/, 'chk-N')
    .replace(/record-\d+/, 'record');
}

describe('crash states of claims and holds', () => {
  it('nothing is lost, torn or half claimed, whatever was not synced', async () => {
    const recording = await record(new Set());
    const {violation, disks} = await findViolation(recording, alwaysHolds, recording.begun);
    say(`crash states: ${recording.disk.log.length} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(100);
  }, 300_000);

  it.runIf(whole)(
    'each single sync is needed',
    async () => {
      const own = await withoutEachSync(record, alwaysHolds, placeOf);
      expect(own.length).toBeGreaterThan(8);
      const unneeded = own.filter(([place, violation]) => {
        return violation === null && !OF_TAKE_OVER.test(place) && !OF_LATE_PUBLISH.test(place);
      });
      expect(unneeded).toEqual([]);
    },
    300_000,
  );
});

describe('the n-th call fails', () => {
  /** Claims, publishes, holds, removes, releases; stops at the first failure, as a run does. */
  async function work(owner: Ownership, disk: MemoryFileSystem): Promise<void> {
    await owner.claim(SAVEPOINT, LINEAGE);
    await publish(disk, owner, 2);
    await owner.placeHold(HOLD);
    await owner.removeClaimed(SAVEPOINT, LINEAGE);
    await owner.claim(OTHERS[1], LINEAGE);
    await owner.removeClaimed(OTHERS[1], LINEAGE);
    await owner.releaseHold(HOLD);
  }

  it.skipIf(whole).each([
    ['fails', 'ENOSPC'],
    ['fails', 'EIO'],
    ['happens and its reply is lost', 'EIO'],
  ] as const)(
    'and %s (%s): nothing is lost, and the next one ends the work',
    async (how, code) => {
      for (let n = 1; ; n += 1) {
        const disk = new MemoryFileSystem({});
        await makeOthers(disk);
        const owner = await start(disk);
        disk.settle();
        disk.callCount = 0;
        const kind = how === 'fails' ? 'fail' : 'reply-lost';
        disk.options = {fault: ({count}) => (count === n ? {kind, code} : null)};
        const failure: unknown = await work(owner, disk).then(
          () => null,
          (error: unknown) => error,
        );
        const calls = disk.callCount;
        disk.options = {};
        if (failure !== null) {
          const known = /^(STORAGE_FAILED|EIO|ENOSPC)$/;
          expect((failure as {code: string}).code, `n = ${n}`).toMatch(known);
        }
        for (const survives of ['whole', 'lost'] as const) {
          const after = disk.afterCrash(disk.log.length, () => survives);
          expect(await alwaysHolds(after), `n = ${n}, unsynced ${survives}`).toBeNull();
        }
        if (calls < n) return;
      }
    },
    120_000,
  );
});
