// State in RocksDB that is many times its cache: built, checkpointed, killed, and restored at another parallelism, it gives what state in
// memory gives. In the proof with 20 MiB; `npm run proof -- --large` with a gibibyte (TIDEMARK_STATE_MEBIBYTES).

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {whole} from '../hostile/support/sample.ts';
import {Tidemark, tidemark} from '../kills/support/process.ts';
import {publishedCheckpoints} from '../kills/support/published-checkpoints.ts';

const MEBIBYTES = Number(process.env['TIDEMARK_STATE_MEBIBYTES'] ?? 20);
const KEY_BYTES = 1000;
const KEYS = Math.floor((MEBIBYTES * 2 ** 20) / KEY_BYTES);
const ROWS = KEYS * 3;
/** Of the cache. */
const TIMES = 20;
const SECONDS = 2 + MEBIBYTES / 20;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-large-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

/** The same records, but for the length of their key. */
function jobFile(name: string, prefix: string, more: string): string {
  const file = join(directory, `${name}.job.yaml`);
  const text = `name: ${name}
sources:
  rows:
    connector: generator
    rows: ${ROWS}
    fields:
      user: {kind: uniform, max: ${KEYS - 1}, prefix: '${prefix}'}
steps:
  - {id: by-user, type: aggregate, input: rows, group-by: [user], emit: at-end, select: {n: COUNT(*)}}
  - {id: counts, type: project, input: by-user, select: {n: n}}
sinks:
  out: {connector: file, input: counts, path: ${name}-out/, format: json}
checkpointing: {interval: ${Math.ceil(SECONDS / 8)}s, dir: 'file:./${name}-state'}
lint: {off: [short-interval, no-min-pause]}
${more}`;
  writeFileSync(file, text);
  return file;
}

/** How many groups have so many records. */
function histogram(name: string): ReadonlyMap<number, number> {
  const out = join(directory, `${name}-out`);
  const found = new Map<number, number>();
  for (const part of readdirSync(out).filter((it) => !it.startsWith('.'))) {
    for (const line of readFileSync(join(out, part), 'utf8').split('\n')) {
      if (line === '') continue;
      const {n} = JSON.parse(line) as {n: number};
      found.set(n, (found.get(n) ?? 0) + 1);
    }
  }
  return new Map([...found].sort(([left], [right]) => left - right));
}

test.runIf(whole)(
  'state of many times the cache, killed and restored at another parallelism',
  {timeout: 1_800_000},
  async () => {
    const reference = await tidemark(['run', jobFile('memory', 'u', ''), '--json']);
    expect(reference.status, reference.stderr).toBe(0);

    const cache = Math.round((MEBIBYTES * 2 ** 20) / TIMES / 1024);
    const large = jobFile(
      'large',
      'u'.repeat(KEY_BYTES - 40),
      `state: {backend: rocksdb, rocksdb: {cache-size: ${cache}kb}}\n`,
    );
    const slowly = ['--set', `sources.rows.rate-limit=${Math.ceil(ROWS / SECONDS)}`];
    const running = new Tidemark(['run', large, '--json', ...slowly]);
    // The third: most keys are there.
    for (let id = 1; id <= 3; id += 1) {
      const text = `"id":${id},"kind":"checkpoint"`;
      expect(await running.printed(text), (await peek(running)).stdout).toBe(true);
    }
    running.signal('SIGKILL');
    await running.outcome;
    const [newest] = publishedCheckpoints(join(directory, 'large-state', 'large')).slice(-1);
    expect(newest).toBeDefined();

    const last = await tidemark(['run', large, '--json', '-p', '2']);
    expect(last.status, last.stderr).toBe(0);
    expect(last.stdout).toContain('"decision":"resumed"');
    expect(histogram('large')).toEqual(histogram('memory'));
  },
);

/** What a process that ended said; of one that runs, nothing. */
async function peek(running: Tidemark): Promise<{readonly stdout: string}> {
  return running.process.exitCode === null ? {stdout: ''} : running.outcome;
}
