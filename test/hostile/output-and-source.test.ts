// What others do to the output and to the input of a job between two runs, and what stands in the input:
// a run stops with the evidence (16, 17, 21) and overwrites, skips and repeats nothing; when the damage is
// taken back, the same command ends with the exact output.

import {
  appendFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {tidemark, type Outcome} from '../kills/support/process.ts';
import {errorOf, eventsOf, summaryOf} from './support/ending.ts';
import {OrdersJob} from './support/orders-job.ts';
import {sample, sampleTest} from './support/sample.ts';

function expectReference(job: OrdersJob): void {
  expect(job.rows('orders')).toEqual(job.referenceOrders());
  expect(job.rows('totals')).toEqual(job.referenceTotals());
}

function expectNamed(run: Outcome, path: string): void {
  expect(errorOf(run).message).toContain(`cannot commit to ${dirname(path)}: `);
  expect(errorOf(run).message).toContain(basename(path));
}

/** What a terminal would act on, except the line breaks between lines. */
function controlsIn(text: string): string[] {
  return Array.from(text).filter(
    (one) => one !== '\n' && (one < ' ' || (one >= '\u007f' && one <= '\u009f')),
  );
}

describe('after a crash', () => {
  let job: OrdersJob;
  let pending: string;

  beforeAll(async () => {
    job = new OrdersJob({rowsPerSecond: 100});
    // Published, and its part neither linked nor removed.
    await job.crashWithCheckpoints(3, 'sink.commit.before-link');
    pending = join(job.output, 'orders', hidden());
    job.save();
  });

  afterAll(() => {
    job.remove();
  });

  beforeEach(() => {
    job.reset();
  });

  /** The part that checkpoint 3 prepared: the oldest temporary that is left. */
  function hidden(): string {
    const names = readdirSync(join(job.output, 'orders')).filter((name) => name.startsWith('.'));
    return names.sort()[0] ?? '';
  }

  function finalOf(): string {
    const text = readFileSync(join(job.checkpoint(3), '_metadata'), 'utf8');
    const name = /"final":"([^"]*c000003-[^"]*)"/.exec(text)?.[1] ?? '';
    return join(job.output, 'orders', name);
  }

  sampleTest(
    'sink-pending-gone: stops with 16, names the file; back again, the output is exact',
    async () => {
      renameSync(pending, join(job.directory, 'cleaned'));
      const before = job.parts();
      const run = await job.run(['--json']);
      expect(run.status, run.stdout).toBe(16);
      expect(errorOf(run)).toMatchObject({code: 'COMMIT_UNDECIDED', exit_code: 16});
      expectNamed(run, finalOf());
      expect(job.parts()).toEqual(before);
      renameSync(join(job.directory, 'cleaned'), pending);
      const again = await job.finish();
      expect(again.status, again.stdout).toBe(0);
      expectReference(job);
    },
  );

  test.each(sample([0], [1]))(
    'sink-final-exists-other: a final of %i bytes more is not overwritten',
    async (more) => {
      const right = readFileSync(pending);
      const other = Buffer.concat([right.map((byte) => byte ^ 1), Buffer.alloc(more, 10)]);
      writeFileSync(finalOf(), other);
      const run = await job.run(['--json']);
      expect(run.status, run.stdout).toBe(16);
      expectNamed(run, finalOf());
      expect(readFileSync(finalOf()).equals(other)).toBe(true);
      rmSync(finalOf());
      expect((await job.finish()).status).toBe(0);
      expectReference(job);
    },
  );

  const CHANGES: readonly (readonly [string, (bytes: Buffer) => Buffer | null])[] = [
    ['src-file-truncated', (bytes) => bytes.subarray(0, bytes.length - 40)],
    ['src-file-rotated: another head', (bytes) => Buffer.from(bytes).fill('7', 6, 7)],
    ['src-file-grew-in-the-middle', insertLine],
    ['src-file-gone', () => null],
  ];

  sampleTest.each(CHANGES)('%s: 17, the file named, kept', async (_what, change) => {
    const changed = change(readFileSync(job.input));
    if (changed === null) rmSync(job.input);
    else writeFileSync(job.input, changed);
    const before = job.kept();
    const run = await job.run(['--json']);
    expect(run.status, run.stdout).toBe(17);
    expect(errorOf(run)).toMatchObject({code: 'SOURCE_LOST_DATA', exit_code: 17});
    expect(errorOf(run).message).toContain('a.ndjson');
    expect(errorOf(run).hint).toMatch(/./);
    for (const [path, bytes] of before) expect(job.kept().get(path), path).toBe(bytes);
  });

  sampleTest('B55 input that was put right again after 17 is read to the exact end', async () => {
    const right = readFileSync(job.input);
    writeFileSync(job.input, right.subarray(0, 100));
    expect((await job.run()).status).toBe(17);
    writeFileSync(job.input, right);
    expect((await job.finish()).status).toBe(0);
    expectReference(job);
  });

  sampleTest(
    'src-inode-reused: the same bytes in another file, grown at its end: told, and read only by a fresh start',
    async () => {
      const copy = `${job.input}.copy`;
      writeFileSync(copy, readFileSync(job.input));
      renameSync(copy, job.input);
      appendFileSync(job.input, '{"id":9999,"user":"new","amount":99}\n');
      const run = await job.finish();
      expect(run.status, run.stdout).toBe(0);
      expect(JSON.stringify(eventsOf(run, 'warning'))).toContain('a.ndjson has grown');
      expectReference(job);
    },
  );

  function insertLine(bytes: Buffer): Buffer {
    const at = bytes.indexOf('\n') + 1;
    return Buffer.concat([bytes.subarray(0, at), Buffer.from('{"id":5}\n'), bytes.subarray(at)]);
  }
});

describe('a new run', () => {
  let job: OrdersJob;

  beforeEach(() => {
    job = new OrdersJob({rows: 60, rowsPerSecond: 10_000});
  });

  afterEach(() => {
    job.remove();
  });

  sampleTest(
    'B44 output names are never used again: a second run overwrites nothing of the first',
    async () => {
      expect((await job.run()).status).toBe(0);
      const first = job.kept();
      const names = job.parts();
      expect((await job.run()).status).toBe(0);
      for (const name of names) {
        expect(job.parts()).toContain(name);
        const inside = name.slice(job.directory.length + 1);
        expect(readFileSync(name, 'latin1')).toBe(first.get(inside));
      }
      expect(job.rows('orders').length).toBe(2 * job.referenceOrders().length);
    },
  );

  sampleTest(
    'mode overwrite: a fresh start removes the parts of earlier runs, and nothing else',
    async () => {
      expect((await job.run()).status).toBe(0);
      const earlier = job.parts();
      expect(earlier.length).toBeGreaterThan(0);
      const foreign = join(job.output, 'orders', 'notes.ndjson');
      writeFileSync(foreign, '');
      expect((await job.run(['--set', 'sinks.orders-out.mode=overwrite'])).status).toBe(0);
      expect(job.rows('orders')).toEqual(job.referenceOrders());
      expect(job.parts().filter((name) => earlier.includes(name))).toEqual([]);
      expect(existsSync(foreign)).toBe(true);
      // The other sink appends.
      expect(job.rows('totals').length).toBe(2 * job.referenceTotals().length);
    },
  );

  sampleTest('how a run ended is what its end record says', async () => {
    const owner = join(job.state, 'owner');
    const ends = (): string[] =>
      readdirSync(owner)
        .filter((name) => name.endsWith('.end'))
        .sort()
        .map((name) => /"how":"([a-z]+)"/.exec(readFileSync(join(owner, name), 'utf8'))?.[1] ?? '');
    appendFileSync(job.input, '{"id": "no number"}\n');
    expect((await job.run()).status).toBe(21);
    expect(ends()).toEqual(['failed']);
    // Not resumed as if it had finished: it fails there again, and once the input is right it ends.
    expect((await job.run()).status).toBe(21);
    expect(ends()).toEqual(['failed', 'failed']);
    writeFileSync(job.input, readFileSync(job.input, 'utf8').replace(/.*no number.*\n/u, ''));
    expect((await job.run()).status).toBe(0);
    expect(ends()).toEqual(['failed', 'failed', 'finished']);
    expect(job.rows('orders')).toEqual(job.referenceOrders());
  });

  sampleTest('src-last-line-open: no line break at the end, and CR LF, lose nothing', async () => {
    const text = readFileSync(job.input, 'utf8').trimEnd().replaceAll('\n', '\r\n');
    writeFileSync(job.input, text);
    expect((await job.run()).status).toBe(0);
    expectReference(job);
  });

  sampleTest('src-gzip-cut: 21 with the file, and what was committed is right', async () => {
    const whole = gzipSync(readFileSync(job.input));
    rmSync(job.input);
    writeFileSync(job.input, whole.subarray(0, whole.length - 30));
    const run = await job.run(['--json']);
    expect(run.status, run.stdout).toBe(21);
    expect(errorOf(run).message).toContain('a.ndjson');
    const reference = new Set(job.referenceOrders());
    expect(job.rows('orders').filter((row) => !reference.has(row))).toEqual([]);
  });

  sampleTest(
    'src-gzip-bomb: 96 MiB without a line break, out of 96 KiB: 21 with the place, in a heap of 32 MB',
    async () => {
      writeFileSync(join(job.directory, 'data', 'b.ndjson'), gzipSync(Buffer.alloc(96 << 20, '1')));
      const run = await job.run(['--json'], {NODE_OPTIONS: '--max-old-space-size=32'});
      expect(run.status, run.stdout + run.stderr).toBe(21);
      expect(errorOf(run).message).toContain('b.ndjson');
    },
  );

  sampleTest(
    'log-injection: a record, a key and a file name cannot write to the terminal',
    async () => {
      const name = 'z\u001b[2J\nroot.ndjson';
      const bad = '{"id":1,"user":"\u001b]0;owned\u0007\u009b31m\r\nx","amount":"\u001b[1mno"}\n';
      writeFileSync(join(job.directory, 'data', name), bad);
      for (const flags of [[], ['--json']]) {
        const run = await job.run(flags);
        expect(run.status, run.stdout).toBe(21);
        expect(controlsIn(`${run.stdout}${run.stderr}`)).toEqual([]);
        expect(`${run.stdout}${run.stderr}`).toContain('root.ndjson');
      }
    },
  );

  sampleTest('B27 two jobs in one root do not touch each other', async () => {
    const other = join(job.directory, 'other.job.yaml');
    writeFileSync(
      other,
      readFileSync(job.file, 'utf8').replace('name: orders', 'name: orders-two'),
    );
    const runs = await Promise.all([job.run(['--json']), tidemark(['run', other, '--json'])]);
    expect(runs.map(({status}) => status)).toEqual([0, 0]);
    expect(runs.map((run) => summaryOf(run)['state'])).toEqual(['FINISHED', 'FINISHED']);
    const verify = await tidemark(['checkpoint', 'verify', join(job.directory, 'state')]);
    expect(verify.status, verify.stdout).toBe(0);
    expect(job.rows('orders').length).toBe(2 * job.referenceOrders().length);
  });
});
