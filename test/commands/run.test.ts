// `run` and its neighbours over a real job, as a child process: signals, a reader that leaves, what is
// printed where, and the questions of `restore`.

import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {errorOf, shell, tidemark} from './tidemark.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-run-'));
  file = join(directory, 'numbers.job.yaml');
});

afterEach(async () => {
  await rm(directory, {recursive: true, force: true});
});

/** `rows` numbers to the console, at `rate` a second. */
async function givenNumbers(
  rows: number,
  rate: number,
  sink = '{connector: console, input: numbers}',
): Promise<void> {
  await writeFile(
    file,
    `name: numbers
sources:
  numbers:
    connector: generator
    rows: ${rows}
    rate-limit: ${rate}
    fields:
      n: {kind: sequence}
sinks:
  show: ${sink}
checkpointing:
  interval: 200ms
  dir: file:./state
`,
  );
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('in a pipe', () => {
  test('rows are on stdout, everything else is on stderr, and the status is 0', async () => {
    await givenNumbers(20, 10_000);
    const {status, stdout, stderr} = await tidemark(['run', file]);
    expect(status).toBe(0);
    expect(linesOf(stdout).map((line) => Object.keys(JSON.parse(line) as object))).toEqual(
      Array.from({length: 20}, () => ['n']),
    );
    expect(stderr).toMatch(/^numbers: fresh start/);
    expect(stderr).toMatch(/^numbers finished after /m);
    expect(stderr).toMatch(/^next: tidemark checkpoint list /m);
    expect(`${stdout}${stderr}`).not.toContain('\u001b');
  });

  test('--json prints JSON Lines, of which the last is the summary', async () => {
    await givenNumbers(20, 10_000);
    const {status, stdout, stderr} = await tidemark(['run', file, '--json']);
    expect({status, stderr}).toEqual({status: 0, stderr: ''});
    const lines = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({type: 'started', job_name: 'numbers', decision: 'fresh'});
    expect(lines.at(-1)).toMatchObject({type: 'summary', state: 'FINISHED', records_in: 20});
    for (const line of lines) expect(line).toHaveProperty('ts');
  });

  test('a reader that leaves does not end the job, unless it is told to', async () => {
    await givenNumbers(600, 1000);
    const script = (flags: string) =>
      `set -o pipefail; "$NODE" "$BIN" run "${file}" --fresh ${flags} | head -n 1`;
    const goesOn = await shell(script(''));
    expect(goesOn.status).toBe(0);
    expect(goesOn.stderr).toMatch(/numbers finished after /);
    const stops = await shell(script('--on-closed-output stop'));
    expect(stops.status).toBe(0);
    expect(stops.stderr).not.toMatch(/numbers finished after /);
  });

  test.each([
    ['INT', 130, 'INTERRUPTED'],
    ['TERM', 143, 'INTERRUPTED'],
  ])(
    'SIG%s takes a last checkpoint and ends with %i; the next run resumes',
    async (name, status, state) => {
      await givenNumbers(1800, 1000);
      const out = join(directory, 'out.txt');
      const first = await shell(
        `"$NODE" "$BIN" run "${file}" --json > "${out}" & job=$!
       until grep -q '"row"' "${out}"; do sleep 0.05; done
       kill -${name} $job; wait $job; status=$?; cat "${out}"; exit $status`,
      );
      expect(first.status).toBe(status);
      expect(JSON.parse(linesOf(first.stdout).at(-1) ?? '')).toMatchObject({
        type: 'summary',
        state,
      });
      const second = await tidemark(['run', file]);
      expect(second.status).toBe(0);
      expect(second.stderr).toMatch(/^numbers: resumed from /);
    },
  );
});

test('a claim without anything to claim is 2, and so is a mode that is none', async () => {
  await givenNumbers(1, 1000);
  for (const [mode, said] of [
    ['claim', 'nothing is named that could be claimed'],
    ['mine', 'to be one of: no-claim, claim'],
  ] as const) {
    for (const flags of [[], ['--dry-run']]) {
      const refused = await tidemark(['run', file, ...flags, '--claim-mode', mode, '--json']);
      expect(refused.status).toBe(2);
      expect(errorOf(refused).message).toContain(said);
    }
  }
});

test('a job that is not there is 10, an invalid one 3, in both forms', async () => {
  await writeFile(file, 'name: numbers\nsteps: 7\n');
  for (const [path, status] of [
    [join(directory, 'none.yaml'), 10],
    [file, 3],
  ] as const) {
    const [text, json] = await Promise.all([
      tidemark(['run', path]),
      tidemark(['run', path, '--json']),
    ]);
    expect([text.status, json.status]).toEqual([status, status]);
    expect(linesOf(text.stderr).length).toBeLessThanOrEqual(3);
    expect(errorOf(json).exit_code).toBe(status);
  }
  expect((await tidemark(['validate', file])).status).toBe(3);
  const annotations = await tidemark(['validate', file, '--format', 'github']);
  expect(annotations.stdout).toMatch(/^::error file=.*,line=\d+,col=\d+,title=/);
});

test('list and verify find what a run left; a flipped byte is 4 and named', async () => {
  await givenNumbers(20, 10_000);
  await tidemark(['run', file]);
  const list = await tidemark(['checkpoint', 'list', file, '--json']);
  const {items} = JSON.parse(list.stdout) as {items: {path: string; state: string}[]};
  expect(items[0]).toMatchObject({state: 'complete', newest_restorable: true});
  const path = items[0]?.path ?? '';
  expect((await tidemark(['checkpoint', 'verify', path])).status).toBe(0);
  await shell(`printf X | dd of="${path}/_metadata" bs=1 seek=20 conv=notrunc`);
  const report = join(directory, 'verify.xml');
  const damaged = await tidemark(['checkpoint', 'verify', path, '--junit', report]);
  expect(damaged.status).toBe(4);
  expect(damaged.stdout).toContain('_metadata');
  expect(damaged.stderr).toContain(`written: ${report}`);
  const page = join(directory, 'list.html');
  expect((await tidemark(['checkpoint', 'list', file, '--html', page])).stderr).toContain(
    `written: ${page}`,
  );
  expect((await shell(`cat "${report}"`)).stdout).toMatch(/<failure message=".*_metadata/);
  expect((await tidemark(['checkpoint', 'verify', path, '--json'])).status).toBe(4);
});

test('--dry-run refuses what the restore would refuse: output that is ahead', async () => {
  await givenNumbers(1000, 1000, '{connector: file, input: numbers, path: out/, format: json}');
  await tidemark(['run', file]);
  const list = await tidemark(['checkpoint', 'list', file, '--json']);
  const {items} = JSON.parse(list.stdout) as {items: {path: string}[]};
  const args = ['restore', items[1]?.path ?? '', file];
  const before = (await shell(`find "${directory}" -type f | sort`)).stdout;
  const planned = await tidemark([...args, '--dry-run']);
  expect((await shell(`find "${directory}" -type f | sort`)).stdout).toBe(before);
  expect(planned.status).toBe(16);
  // The plan is there all the same, then the refusal and what to do.
  expect(planned.stdout).toMatch(/^OPERATOR +ACTION/m);
  expect(planned.stdout).toMatch(/^numbers +restore/m);
  const refused = await tidemark(args);
  expect(refused.status).toBe(16);
  const [, message = ''] =
    /^\S+:? ?(the output is ahead of checkpoint .*)$/m.exec(refused.stderr) ?? [];
  expect(planned.stdout).toContain(`refused: ${message}`);
  expect(planned.stdout).toMatch(/^This start is refused \(OUTPUT_AHEAD\)\.$/m);
  expect(planned.stdout).toMatch(/^to go on: .*--output-ahead withdraw/m);
  const withdrawn = await tidemark([...args, '--dry-run', '--output-ahead', 'withdraw']);
  expect(withdrawn.status).toBe(0);
});

test('verify takes a job file for its job, and the name of a job that ran here', async () => {
  await givenNumbers(20, 10_000);
  const home = {TIDEMARK_HOME: join(directory, 'home')};
  await tidemark(['run', file], home);
  expect((await tidemark(['checkpoint', 'verify', file], home)).stdout).toMatch(/^ok: 0 errors/);
  const named = await tidemark(['checkpoint', 'verify', 'numbers@latest'], home);
  expect(named.stdout, named.stderr).toMatch(/^ok: 0 errors/);
  const unknown = await tidemark(['checkpoint', 'verify', 'nobody@1'], home);
  expect(unknown.status).toBe(10);
  expect(unknown.stderr).toMatch(/next: /);
});

test('a directory in place of a job file is told so', async () => {
  const {status, stderr} = await tidemark(['run', directory]);
  expect(status).toBe(10);
  expect(stderr).toMatch(/is a directory, not a job file$/m);
});
