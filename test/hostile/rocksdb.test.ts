// The live database of a job is damaged, vanishes, or has no room while the job runs (H49): the task fails with a sentence, the job
// goes on from its newest checkpoint, and what cannot be mended ends with exit 15. Nothing hangs, and no row is lost or doubled.

import {existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {afterEach, expect, test} from 'vitest';

import {sampleTest, whole} from './support/sample.ts';
import {airportDelays, asMultiset} from '../jobs/support/reference.ts';
import {ScratchJob} from '../jobs/support/run-job.ts';
import {shell} from '../commands/tidemark.ts';

const CAN_MOUNT = (await shell('unshare -m mount -t tmpfs none /mnt')).status === 0;

let job: ScratchJob;
afterEach(() => job.remove());

function startWith(settings: readonly string[]): ReturnType<ScratchJob['start']> {
  job = new ScratchJob('airport-delays', [
    'sources.flights.rate-limit=6000',
    'checkpointing.interval=100ms',
    'state.backend=rocksdb',
    'state.rocksdb.cache-size=1kb',
    ...settings,
  ]);
  return job.start();
}

/** The directories of live databases. Only directories that stand still are read: the databases themselves change meanwhile. */
function databases(): string[] {
  const work = join(job.directory, 'state', 'airport-delays', 'work');
  return readdirSync(work)
    .map((generation) => join(work, generation, 'rocksdb'))
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name, 'db')));
}

function shared(): string {
  return join(job.directory, 'state', 'airport-delays', 'shared');
}

/** Cuts off every table of a live database but those that a compaction has just taken away. */
function cutTables(directory: string): void {
  for (const name of readdirSync(directory).filter((it) => it.endsWith('.sst'))) {
    const path = join(directory, name);
    if (existsSync(path)) truncateSync(path, 100);
  }
}

/** The running job may write a file anew between the look at a directory and its removal: then it is removed again. */
function deleteDatabases(): void {
  for (const directory of databases())
    rmSync(directory, {recursive: true, force: true, maxRetries: 100, retryDelay: 1});
}

sampleTest(
  'a database whose files are cut off is given up, and the job resumes',
  {timeout: 120_000},
  async () => {
    const running = startWith(['restart-strategy.initial-backoff=100ms']);
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    for (const directory of databases()) cutTables(directory);
    const outcome = await running.outcome;
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

sampleTest(
  'a file of shared/ that vanishes, or is cut, under the running job: the next checkpoint has all state, and is whole',
  {timeout: 120_000},
  async () => {
    const running = startWith([
      'checkpointing.incremental=true',
      'restart-strategy.type=none',
      // One that had begun before its files went cannot be published.
      'checkpointing.tolerable-failed-checkpoints=3',
    ]);
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    const [cut, ...gone] = readdirSync(shared(), {recursive: true, withFileTypes: true})
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    if (existsSync(cut!)) truncateSync(cut!, 10);
    for (const path of gone) rmSync(path, {force: true});
    expect(await running.printed('SHARED_MISSING')).toBe(true);
    const outcome = await running.outcome;
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

test.runIf(whole)(
  'a database that is deleted under the running job: resumed from the checkpoint',
  {timeout: 120_000},
  async () => {
    const running = startWith(['restart-strategy.initial-backoff=100ms']);
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    deleteDatabases();
    const outcome = await running.outcome;
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(/"type":"restarting"/);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

sampleTest(
  'without restarts it ends with exit 15 and says which database, and the next run resumes',
  {timeout: 120_000},
  async () => {
    const running = startWith(['restart-strategy.type=none']);
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    deleteDatabases();
    const outcome = await running.outcome;
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(15);
    expect(outcome.stdout + outcome.stderr).toMatch(/RocksDB database .*by-day/);
    const next = await job.run();
    expect(next.status, next.stderr).toBe(0);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

sampleTest(
  "local directories: used in turn, what a dead run left of its own goes, what is another's stays",
  {timeout: 120_000},
  async () => {
    const running = startWith([]);
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    running.signal('SIGKILL');
    await running.outcome;
    const local = join(job.directory, 'local');
    mkdirSync(local);
    // Names that are nearly those of a left-over: another job directory, another subtask (B39).
    for (const name of ['tidemark-0000000000000000-0000000001-by-day.0', 'by-day.0', 'notes']) {
      mkdirSync(join(local, name));
      writeFileSync(join(local, name, 'file'), 'x');
    }
    const before = readdirSync(local);
    const settings = [`state.rocksdb.local-directories=[${local}]`];
    const killed = job.start({settings});
    expect(await killed.printed('"type":"checkpoint"')).toBe(true);
    killed.signal('SIGKILL');
    await killed.outcome;
    expect(readdirSync(local).length).toBe(before.length + 1);
    const last = await job.run({settings});
    expect(last.status, last.stdout + last.stderr).toBe(0);
    expect(readdirSync(local)).toEqual(before);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

test.runIf(whole && CAN_MOUNT)(
  'the disk of the live database fills up: exit 15 with its path, nothing is lost, and the next run resumes',
  {timeout: 240_000},
  async () => {
    job = new ScratchJob('airport-delays', [
      'sources.flights.rate-limit=6000',
      'checkpointing.interval=100ms',
      'state.backend=rocksdb',
      'state.rocksdb.cache-size=1kb',
      'restart-strategy.type=none',
    ]);
    const local = join(job.directory, 'local');
    mkdirSync(local);
    const words = job.arguments({settings: [`state.rocksdb.local-directories=[${local}]`]});
    const run = words.map((word) => `'${word}'`).join(' ');
    const ending = await shell(`exec unshare -m bash -c "$SCRIPT"`, {
      SCRIPT: `
        mount -t tmpfs -o size=8m none '${local}'
        (until ls -d '${job.directory}'/state/airport-delays/chk-* > /dev/null 2>&1; do sleep 0.01; done
         head -c 9m /dev/zero > '${local}/ballast' 2> /dev/null) & filling=$!
        "$NODE" "$BIN" ${run}; first=$?
        wait $filling; rm '${local}/ballast'
        "$NODE" "$BIN" ${run}; second=$?
        echo "first=$first second=$second"`,
    });
    expect(ending.stdout, ending.stderr).toContain('first=15 second=0');
    expect(ending.stdout + ending.stderr).toMatch(/RocksDB database [^ ]*local.*No space left/);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);
