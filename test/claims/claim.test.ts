// Promise: with a claim the job owns what it was restored from, and removes it once it has a checkpoint of its own, by
// whichever generation gets there; nobody else restores it meanwhile (H41). Without one the original is never touched, also
// not by the retention of its own directory (B20). No row is made twice or lost either way.

import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {execa} from 'execa';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';

import {planRestore, type RunEvent, type RunRequest} from '#src/index.js';
import {sealJson} from '#src/storage/sealed-json.js';
import {sampleTest, whole} from '../hostile/support/sample.ts';
import {REQUEST, Scratch, type Running} from '../savepoints/running-job.ts';

const ENTRY = fileURLToPath(new URL('../savepoints/support/stop-entry.js', import.meta.url));

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => rmSync(scratch.directory, {recursive: true, force: true}));

const NO_SAVEPOINT = {drain: false, savepoint: null} as const;

/** What is committed is one cut through the input, and no row is there twice. */
function expectOneCut(): void {
  const ids = scratch.ids();
  expect(new Set(ids).size).toBe(ids.length);
  const total = [...scratch.totals().values()].reduce((left, right) => left + right, 0);
  expect(total).toBe(ids.length);
}

/** The job ran, and was stopped with a savepoint. */
async function savepoint(): Promise<string> {
  const job = scratch.run();
  await job.checkpoint();
  const outcome = await job.commands.stop({
    drain: false,
    savepoint: {directory: null, format: 'canonical'},
  });
  await job.finished;
  if (outcome.kind !== 'stopped' || outcome.savepoint === null) throw new Error(outcome.kind);
  return outcome.savepoint.path;
}

/** The job was killed, and left this newest checkpoint. */
async function crashed(): Promise<string> {
  await killed('storage.publish.after-rename:3', {});
  const [newest] = idsIn(scratch.state);
  return join(scratch.state, `chk-${newest}`);
}

/** The same directory under another name. */
function throughLink(path: string): string {
  const link = join(scratch.directory, 'link');
  symlinkSync(dirname(path), link);
  return join(link, basename(path));
}

/** Newest first. */
function idsIn(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => /^chk-(\d+)$/.exec(name)?.slice(1).map(Number) ?? [])
    .sort((left, right) => right - left);
}

function holdsIn(directory: string): string[] {
  const holds = join(directory, 'holds');
  return existsSync(holds) ? readdirSync(holds).sort() : [];
}

function claimedBy(path: string): {job_directory: string; lineage: string} {
  return JSON.parse(readFileSync(join(path, 'claimed-by'), 'utf8')) as ReturnType<typeof claimedBy>;
}

async function killed(failpoint: string, request: Partial<RunRequest>): Promise<void> {
  const asked = {...REQUEST, file: scratch.file, ...request};
  const {signal, stderr} = await execa(
    process.execPath,
    [ENTRY, JSON.stringify(asked), JSON.stringify(NO_SAVEPOINT)],
    {env: {TIDEMARK_FAILPOINT: failpoint}, reject: false},
  );
  if (signal !== 'SIGKILL') throw new Error(`not killed: ${stderr}`);
}

async function started(job: Running): Promise<Extract<RunEvent, {type: 'started'}>> {
  const event = await job.event(({type}) => type === 'started');
  return event as Extract<RunEvent, {type: 'started'}>;
}

async function stopped(job: Running): Promise<readonly RunEvent[]> {
  await job.checkpoint();
  await job.commands.stop(NO_SAVEPOINT);
  expect((await job.finished).state).toBe('STOPPED');
  return job.events;
}

const claim = (restoreFrom: string): Partial<RunRequest> => ({restoreFrom, claimMode: 'claim'});
/** The same job in another checkpoint directory, with its own output. */
function elsewhere(request: Partial<RunRequest>): Partial<RunRequest> {
  const set = [
    ['checkpointing.dir', `file:${join(scratch.directory, 'other')}`],
    ['sinks.ids.path', 'other-ids/'],
    ['sinks.counted.path', 'other-totals/'],
    ['sinks.windowed.path', 'other-windows/'],
  ] as const;
  return {...request, overrides: {flink: [], set}};
}

describe('a savepoint', () => {
  sampleTest('that is claimed goes on and is gone after the first own checkpoint', async () => {
    const moved = join(scratch.directory, 'moved');
    renameSync(await savepoint(), moved);
    const job = scratch.run(claim(moved));
    const {decision, reason} = await started(job);
    expect([decision, reason]).toEqual(['restored', expect.stringContaining('is claimed')]);
    await stopped(job);
    expect(existsSync(moved)).toBe(false);
    expect(readdirSync(scratch.directory).filter((name) => name.startsWith('.'))).toEqual([]);
    expectOneCut();
    // What it left stands alone.
    const again = scratch.run({restoreFrom: join(scratch.state, `chk-${idsIn(scratch.state)[0]}`)});
    await stopped(again);
    expectOneCut();
  });

  test.runIf(whole)('without a claim stays as it was', async () => {
    const path = await savepoint();
    const before = readdirSync(path).sort();
    await stopped(scratch.run({restoreFrom: path}));
    expect(readdirSync(path).sort()).toEqual(before);
    await stopped(scratch.run({restoreFrom: path, outputAhead: 'withdraw'}));
    expectOneCut();
  });

  sampleTest('H41: claimed once, nobody else restores it; the same lineage goes on', async () => {
    const path = await savepoint();
    await killed('recovery.before-settle', claim(path));
    const claimed = claimedBy(path);
    expect(claimed.job_directory).toBe(scratch.state);
    for (const request of [claim(path), {restoreFrom: path}]) {
      const other = scratch.run({...elsewhere(request), takeOver: true});
      await expect(other.finished).rejects.toMatchObject({code: 'ALREADY_RUNNING', exitStatus: 11});
      const again = scratch.run({...request, takeOver: true});
      await expect(again.finished).rejects.toMatchObject({code: 'ALREADY_RUNNING', exitStatus: 11});
    }
    expect(claimedBy(path)).toEqual(claimed);
    const job = scratch.run({takeOver: true});
    expect((await started(job)).decision).toBe('resumed');
    await stopped(job);
    expect(existsSync(path)).toBe(false);
    expectOneCut();
  });

  sampleTest(
    'claimed by a run that died before it was recorded: the next one goes on with that claim',
    async () => {
      const path = await savepoint();
      await killed('recovery.before-record', claim(path));
      const {lineage} = claimedBy(path);
      const job = scratch.run(claim(path));
      await stopped(job);
      const metadata = readFileSync(
        join(scratch.state, `chk-${idsIn(scratch.state)[0]}`, '_metadata'),
      );
      expect((JSON.parse(metadata.toString()) as {lineage: string}).lineage).toBe(lineage);
      expect(existsSync(path)).toBe(false);
      expectOneCut();
    },
  );

  test.runIf(whole)(
    'half removed by a run that was killed: the next one removes the rest',
    async () => {
      const path = await savepoint();
      await killed('storage.claim.after-rename', claim(path));
      expect(existsSync(path)).toBe(false);
      expect(scratch.savepointNames().filter((name) => name.startsWith('.claimed-'))).toHaveLength(
        1,
      );
      await stopped(scratch.run());
      expect(scratch.savepointNames()).toEqual([]);
      expectOneCut();
    },
  );

  test.runIf(whole)(
    'with a file in it that is none of its own is left, and that is said',
    async () => {
      const path = await savepoint();
      writeFileSync(join(path, 'notes.txt'), 'mine');
      const events = await stopped(scratch.run(claim(path)));
      expect(events).toContainEqual(expect.objectContaining({type: 'warning', code: 'CLAIM'}));
      expect(readFileSync(join(path, 'notes.txt'), 'utf8')).toBe('mine');
    },
  );

  sampleTest('copied half-way, or of another job, is refused and not claimed', async () => {
    const path = await savepoint();
    const half = join(scratch.directory, 'half');
    cpSync(path, half, {recursive: true});
    rmSync(join(half, 'totals'), {recursive: true});
    await expect(scratch.run(claim(half)).finished).rejects.toMatchObject({exitStatus: 4});
    const text = readFileSync(scratch.file, 'utf8');
    writeFileSync(
      scratch.file,
      text.replaceAll('ticks', 'clicks').replace('name: counts', 'name: other'),
    );
    await expect(scratch.run(claim(path)).finished).rejects.toMatchObject({exitStatus: 12});
    for (const each of [half, path]) expect(existsSync(join(each, 'claimed-by'))).toBe(false);
  });

  test.runIf(whole)(
    "Flink's key says the same, and its removed mode is refused with the reason",
    async () => {
      const path = await savepoint();
      const key = (value: string): Partial<RunRequest> => ({
        restoreFrom: path,
        overrides: {flink: [['execution.state-recovery.claim-mode', value]], set: []},
      });
      await expect(scratch.run(key('LEGACY')).finished).rejects.toMatchObject({
        code: 'JOB_INVALID',
        details: {hint: expect.stringContaining('Flink 2 removed LEGACY') as string},
      });
      const both = {...key('NO_CLAIM'), claimMode: 'claim'} as const;
      await expect(scratch.run(both).finished).rejects.toMatchObject({code: 'USAGE'});
      await expect(scratch.run({claimMode: 'claim'}).finished).rejects.toMatchObject({
        code: 'USAGE',
      });
      await stopped(scratch.run(key('CLAIM')));
      expect(existsSync(path)).toBe(false);
    },
  );
});

describe('a checkpoint of another job directory', () => {
  sampleTest('is refused while its owner lives, and removed there once that is dead', async () => {
    // All are kept: the one that is claimed must not be gone before that.
    const owner = scratch.run({
      overrides: {flink: [], set: [['checkpointing.num-retained', '1000']]},
    });
    await owner.event((event) => event.type === 'checkpoint' && event.id >= 3);
    // The output of the oldest is committed by now, of the newest perhaps not.
    const path = join(scratch.state, `chk-${idsIn(scratch.state).at(-1)}`);
    // By now more may be committed than that checkpoint has.
    const early = scratch.run({...elsewhere(claim(path)), outputAhead: 'keep'});
    await expect(early.finished).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
    expect(existsSync(join(path, 'claimed-by'))).toBe(false);
    // A dry run says so too, there and in the owner's own directory.
    for (const place of [elsewhere(claim(path)), {restoreFrom: path}]) {
      const asked = {...REQUEST, file: scratch.file, ...place, outputAhead: 'keep'} as const;
      await expect(planRestore(asked)).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
    }
    await owner.commands.stop(NO_SAVEPOINT);
    await owner.finished;
    const [newest, ...older] = idsIn(scratch.state);
    const later = claim(join(scratch.state, `chk-${newest}`));
    await stopped(scratch.run({...elsewhere(later), takeOver: true}));
    expect(idsIn(scratch.state)).toEqual(older);
    expect(readdirSync(join(scratch.state, 'owner'))).toContain('0000000002');
  });

  sampleTest('claimed, and not taken away yet: its owner does not go on from it', async () => {
    await killed('storage.publish.before-rename:3', {});
    const [newest] = idsIn(scratch.state);
    const path = join(scratch.state, `chk-${newest}`);
    // With the same output: whoever goes on there as well makes it twice.
    const set = [['checkpointing.dir', `file:${join(scratch.directory, 'other')}`]] as const;
    const later = [...set, ['checkpointing.interval', '3s'] as const];
    const claimer = scratch.run({...claim(path), overrides: {flink: [], set: later}});
    await started(claimer);
    const again = scratch.run({takeOver: true});
    await expect(again.finished).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining('is claimed by') as string,
    });
    await stopped(claimer);
    expectOneCut();
  });

  test.runIf(whole)(
    'claimed by a run that died before it was recorded, while its owner came back',
    async () => {
      await killed('storage.publish.before-rename:3', {});
      const path = join(scratch.state, `chk-${idsIn(scratch.state)[0]}`);
      const owner = scratch.run();
      // As if it had looked for a claim before there was one.
      await started(owner);
      const by = {
        job_directory: join(scratch.directory, 'other', 'counts'),
        lineage: 'c'.repeat(16),
      };
      writeFileSync(join(path, 'claimed-by'), sealJson(by));
      const claimer = scratch.run(elsewhere({...claim(path), outputAhead: 'keep'}));
      await expect(claimer.finished).rejects.toMatchObject({
        code: 'ALREADY_RUNNING',
        message: expect.stringContaining('nothing there can be claimed') as string,
      });
      expect(existsSync(join(path, 'claimed-by'))).toBe(false);
      await owner.commands.stop(NO_SAVEPOINT);
      await owner.finished;
    },
  );

  sampleTest('the newest, claimed and gone: its owner does not make output again', async () => {
    await killed('storage.publish.before-rename:3', {});
    const [newest, older] = idsIn(scratch.state);
    const path = join(scratch.state, `chk-${newest}`);
    await stopped(scratch.run(elsewhere(claim(path))));
    expect(idsIn(scratch.state)[0]).toBe(older);
    const ids = scratch.ids().length;
    const again = scratch.run();
    await expect(again.finished).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      exitStatus: 11,
      message: expect.stringContaining(`chk-${newest}, from which the last run`) as string,
      details: {hint: expect.stringContaining(`-s counts@${older}`) as string},
    });
    // As that hint says, and what it warns of.
    const asked = {restoreFrom: join(scratch.state, `chk-${older}`), takeOver: true};
    await expect(scratch.run(asked).finished).rejects.toMatchObject({code: 'OUTPUT_AHEAD'});
    expect(scratch.ids()).toHaveLength(ids);
    await stopped(scratch.run({...asked, outputAhead: 'withdraw'}));
    expectOneCut();
  });

  test.runIf(whole)('is left, and that is said, when its owner has come back', async () => {
    await stopped(scratch.run());
    const path = join(scratch.state, `chk-${idsIn(scratch.state)[0]}`);
    await killed('recovery.before-settle', elsewhere(claim(path)));
    const owner = scratch.run();
    await owner.checkpoint();
    const events = await stopped(scratch.run(elsewhere({})));
    expect(events).toContainEqual(
      expect.objectContaining({
        code: 'CLAIM',
        message: expect.stringContaining('in use') as string,
      }),
    );
    expect(existsSync(path)).toBe(true);
    await owner.commands.stop(NO_SAVEPOINT);
    await owner.finished;
  });
});

describe('a checkpoint of the own directory', () => {
  sampleTest(
    'B20: without a claim it is held, restores again after ten more, and is released by a later lineage',
    async () => {
      const path = await crashed();
      const id = idsIn(scratch.state)[0];
      const job = scratch.run({restoreFrom: path, outputAhead: 'withdraw'});
      await job.event((event) => event.type === 'checkpoint' && event.id >= (id ?? 0) + 10);
      expect(holdsIn(scratch.state)).toEqual([expect.stringMatching(new RegExp(`^chk-${id}\\.`))]);
      await job.commands.stop(NO_SAVEPOINT);
      await job.finished;
      await stopped(scratch.run({restoreFrom: throughLink(path), outputAhead: 'withdraw'}));
      expect(holdsIn(scratch.state)).toHaveLength(1);
      expectOneCut();
      await stopped(scratch.run({fresh: true}));
      expect(holdsIn(scratch.state)).toEqual([]);
      expect(idsIn(scratch.state)).toContain(id);
    },
  );

  test.runIf(whole)(
    'claimed, it is the first of the new lineage: retention takes it with the others',
    async () => {
      const path = await crashed();
      const id = idsIn(scratch.state)[0] ?? 0;
      const job = scratch.run({...claim(throughLink(path)), outputAhead: 'withdraw'});
      await job.event((event) => event.type === 'checkpoint' && event.id >= id + 6);
      await job.commands.stop(NO_SAVEPOINT);
      await job.finished;
      expect(idsIn(scratch.state)).not.toContain(id);
      expect(holdsIn(scratch.state)).toEqual([]);
      expectOneCut();
    },
  );
});
