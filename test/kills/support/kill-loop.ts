// Kills a job again and again, from outside, and checks after every death what a reader can see.
// Every decision comes from the seed, so a failure can be repeated up to the machine's own timing.

import {SeededRandom} from '#src/base/random.js';

import {KillJob, rowsOf, type KillJobOptions} from './kill-job.ts';
import {pause, Tidemark, tidemark} from './process.ts';

export interface KillCounts {
  beforeEnd: number;
  inRecovery: number;
  betweenPublishAndCommit: number;
  /** At another failpoint: fence, publish, delete. */
  elsewhere: number;
  /** The process had ended by itself before the signal. */
  tooLate: number;
  jobs: number;
}

export interface KillPlan {
  readonly seed: number;
  /** SIGKILL at log-uniform times between 20 ms and 3 s after the start. */
  readonly timed: number;
  /** At each of these failpoints, in turn. */
  readonly failpoints: readonly {readonly name: string; readonly kills: number}[];
  readonly job: Omit<KillJobOptions, 'seed'>;
}

const RECOVERY = /^recovery\./;
const PUBLISHED = /^(storage\.publish\.after-rename|sink\.commit\.)/;

export async function runKills(plan: KillPlan): Promise<KillCounts> {
  const random = new SeededRandom(plan.seed);
  const counts: KillCounts = {
    beforeEnd: 0,
    inRecovery: 0,
    betweenPublishAndCommit: 0,
    elsewhere: 0,
    tooLate: 0,
    jobs: 0,
  };
  const kills = shuffle(
    [
      ...Array.from({length: plan.timed}, () => null),
      ...plan.failpoints.flatMap(({name, kills: count}) => Array.from({length: count}, () => name)),
    ],
    random,
  );
  while (kills.length > 0) {
    const job = new KillJob({...plan.job, seed: plan.seed + counts.jobs});
    counts.jobs += 1;
    await killThroughOneJob(job, kills, random, counts);
    job.remove();
  }
  return counts;
}

async function killThroughOneJob(
  job: KillJob,
  kills: (string | null)[],
  random: SeededRandom,
  counts: KillCounts,
): Promise<void> {
  const seen = new Map<string, string>();
  let ended = false;
  while (!ended && kills.length > 0) {
    const failpoint = kills.pop() ?? null;
    const killed =
      failpoint === null ? await killAtTime(job, random) : await killAt(job, failpoint);
    // The signal may come between the end record and the exit: another run would be a fresh one.
    const died = killed && !job.finished;
    ended = !died;
    if (!died) counts.tooLate += 1;
    else if (failpoint === null) counts.beforeEnd += 1;
    else if (RECOVERY.test(failpoint)) counts.inRecovery += 1;
    else if (PUBLISHED.test(failpoint)) counts.betweenPublishAndCommit += 1;
    else counts.elsewhere += 1;
    checkVisible(job, seen);
  }
  if (!ended) expectStatus(await tidemark(['run', job.file, '--json']), 0);
  checkVisible(job, seen);
  checkEnd(job);
  const verify = await tidemark(['checkpoint', 'verify', job.checkpointDirectory, '--json']);
  expectStatus(verify, 0);
}

async function killAtTime(job: KillJob, random: SeededRandom): Promise<boolean> {
  const millis = 20 * (3000 / 20) ** random.next();
  const running = new Tidemark(['run', job.file, '--json']);
  const first = await Promise.race([running.outcome, pause(millis)]);
  if (first === undefined) running.signal('SIGKILL');
  return isKilled(await running.outcome);
}

async function killAt(job: KillJob, failpoint: string): Promise<boolean> {
  return isKilled(await tidemark(['run', job.file, '--json'], {TIDEMARK_FAILPOINT: failpoint}));
}

/** True when it died by our signal; false when it finished; anything else is a failure of the run. */
function isKilled(outcome: Awaited<Tidemark['outcome']>): boolean {
  if (outcome.signal === 'SIGKILL') return true;
  expectStatus(outcome, 0);
  return false;
}

export function expectStatus(outcome: Awaited<Tidemark['outcome']>, status: number): void {
  if (outcome.status === status) return;
  throw new Error(
    `exit status ${String(outcome.status)}, expected ${status}\n${outcome.stdout.slice(-2000)}\n${outcome.stderr}`,
  );
}

/** What was once visible stays as it is, and every visible file is whole. */
function checkVisible(job: KillJob, seen: Map<string, string>): void {
  for (const sink of ['high', 'per-minute'] as const) {
    const parts = job.parts(sink);
    for (const [name, text] of seen) {
      if (name.startsWith(`${sink}/`) && parts.get(name) !== text) {
        throw new Error(`committed part file changed or vanished: ${name}`);
      }
    }
    for (const [name, text] of parts) {
      if (!text.endsWith('\n')) throw new Error(`visible part file is not whole: ${name}`);
      seen.set(name, text);
    }
    const rows = rowsOf(parts);
    const reference = sink === 'high' ? job.referenceHigh() : job.referencePerMinute();
    const missing = firstNotIn(rows, reference);
    if (missing !== null) throw new Error(`${sink}: a row that must not be there: ${missing}`);
    checkWholeEpochs(sink, rows, reference);
  }
}

/** Epochs become visible one after the other, and the input is ordered: no row is visible before an earlier one. */
function checkWholeEpochs(
  sink: 'high' | 'per-minute',
  rows: readonly string[],
  reference: readonly string[],
): void {
  const places = rows.map(placeOf);
  const furthest = places.reduce((left, right) => (left > right ? left : right), '');
  const due = reference.filter((row) => placeOf(row) <= furthest).length;
  if (rows.length === due) return;
  throw new Error(`${sink}: ${rows.length} rows are visible of the ${due} up to ${furthest}`);
}

/** Texts that sort as the rows go out: by id, or by window. */
function placeOf(row: string): string {
  const {id, minute} = JSON.parse(row) as {id?: number; minute?: string};
  return minute ?? String(id).padStart(9, '0');
}

function checkEnd(job: KillJob): void {
  for (const sink of ['high', 'per-minute'] as const) {
    const rows = rowsOf(job.parts(sink));
    const reference = sink === 'high' ? job.referenceHigh() : job.referencePerMinute();
    const lost = firstNotIn(reference, rows);
    if (lost !== null) throw new Error(`${sink}: a row is lost: ${lost}`);
  }
  const leftovers = job.leftovers();
  if (leftovers.length > 0) throw new Error(`temporaries are left: ${leftovers.join(', ')}`);
}

/** The first row of sorted `rows` that sorted `of` does not hold (as multisets), or null. */
function firstNotIn(rows: readonly string[], of: readonly string[]): string | null {
  let position = 0;
  for (const row of rows) {
    while (position < of.length && of[position]! < row) position += 1;
    if (of[position] !== row) return row;
    position += 1;
  }
  return null;
}

function shuffle<T>(items: T[], random: SeededRandom): T[] {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random.next() * (index + 1));
    [items[index], items[other]] = [items[other]!, items[index]!];
  }
  return items;
}
