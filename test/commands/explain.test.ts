// `explain`, and the rules of `validate` that are switched off, as whole processes.

import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {readJob} from '#src/engine.js';
import {adviceFacts} from '#src/reports/advice-facts.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {ROOT, errorOf, tidemark} from './tidemark.ts';

describe('explain', () => {
  test('prints the page: what, why, what to do, an example', async () => {
    const {status, stdout, stderr} = await tidemark(['explain', 'step-id-missing']);
    expect({status, stderr}).toEqual({status: 0, stderr: ''});
    expect(stdout).toMatch(
      /^step-id-missing \(a rule of validate, an error: exit status 3\)\n\nA step keeps state and has no id\.\n\nWhy\n.*\n\nWhat to do\n.*\n\nExample\n {2}- id: by-hour\n {4}type: aggregate$/s,
    );
  });

  test('what verify found, as it prints it', async () => {
    const {status, stdout} = await tidemark(['explain', '[chunk-damaged]']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^chunk-damaged \(a finding of checkpoint verify; .* exit status 4\)/);
    expect(stdout).toContain('CRC-32');
  });

  test('as one object with --json', async () => {
    const {stdout} = await tidemark(['explain', 'output_ahead', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'Explanation',
      apiVersion: 'v1',
      code: 'OUTPUT_AHEAD',
      type: 'error',
      exit_status: 16,
      example: expect.stringContaining('--output-ahead withdraw'),
    });
  });

  test('lists everything without a code', async () => {
    const [text, json] = await Promise.all([
      tidemark(['explain']),
      tidemark(['explain', '--json']),
    ]);
    const {items} = JSON.parse(json.stdout) as {items: {code: string; what: string}[]};
    expect(items.length).toBeGreaterThan(100);
    for (const {code, what} of items) {
      expect(text.stdout).toMatch(new RegExp(`^  ${code} +`, 'm'));
      expect(text.stdout).toContain(what);
    }
  });

  test('an unknown code is 10 and names the nearest', async () => {
    const ending = await tidemark(['explain', 'step-id-mising', '--json']);
    expect(ending.status).toBe(10);
    expect(errorOf(ending)).toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('did you mean "step-id-missing"?'),
    });
    const text = await tidemark(['explain', 'qqqqqqqqqq\u001b[31m']);
    expect(text.status).toBe(10);
    expect(text.stderr).not.toContain('\u001b');
  });
});

describe('validate', () => {
  let directory = '';
  let job = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-lint-'));
    job = join(directory, 'a.job.yaml');
    const shipped = await readFile(join(ROOT, 'jobs/clicks/clicks.job.yaml'), 'utf8');
    await writeFile(job, shipped.replace(/^lint:.*$/m, ''));
  });
  afterAll(async () => rm(directory, {recursive: true, force: true}));

  test('gives advice with line, column, rule and suggestion, and stays 0', async () => {
    const {status, stdout} = await tidemark(['validate', job]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /a\.job\.yaml:42:13: warning: .*; make it 10s or longer.* \[short-interval\]/,
    );
    expect(stdout).toMatch(/0 errors, 2 warnings in 1 file$/);
  });

  test('not the rules that --allow or its variable names', async () => {
    const both = ['--allow', 'short-interval', '--allow', 'no-min-pause'];
    expect((await tidemark(['validate', job, ...both])).stdout).toBe(
      '0 errors, 0 warnings in 1 file',
    );
    const variable = {TIDEMARK_VALIDATE_ALLOW: 'short-interval'};
    expect((await tidemark(['validate', job], variable)).stdout).toContain('1 warning in');
  });

  test('an override may stand in the environment, one to a line', async () => {
    const {status, stdout} = await tidemark(['validate', job], {
      TIDEMARK_VALIDATE_DEFINE: 'execution.checkpointing.interval=10 s\nparallelism.default=2\n',
      TIDEMARK_VALIDATE_SET: 'max-parallelism=3',
    });
    expect(status).toBe(0);
    expect(stdout).toContain(
      '--set max-parallelism: max-parallelism: 3 key groups over 2 subtasks',
    );
    expect(stdout).toMatch(/0 errors, 1 warning in 1 file$/);
  });

  test.each([
    ['short-intervall', 'did you mean "short-interval"?'],
    ['yaml-syntax', 'tidemark explain yaml-syntax'],
  ])('--allow %s is a usage error', async (rule, hint) => {
    const ending = await tidemark(['validate', job, '--allow', rule, '--json']);
    expect(ending.status).toBe(2);
    expect(errorOf(ending)).toMatchObject({code: 'USAGE', hint});
  });

  test('a shipped job has no finding', async () => {
    const jobs = ['airport-delays', 'bird-strikes', 'clicks', 'two-speeds'];
    const files = jobs.map((name) => `jobs/${name}/${name}.job.yaml`);
    expect((await tidemark(['validate', ...files])).stdout).toBe('0 errors, 0 warnings in 4 files');
  });

  test('knows what earlier runs left', async () => {
    const run = await tidemark(['run', job, '--set', 'sources.clicks.rows=20', '--json']);
    expect(run.status, run.stdout).toBe(0);
    const list = await tidemark(['checkpoint', 'list', job, '--json']);
    const {items} = JSON.parse(list.stdout) as {items: {path: string; bytes: number}[]};
    const loaded = await readJob(job, {flink: [], set: []}, {});
    if (loaded.kind === 'invalid') throw new Error('the job is invalid');
    const facts = await adviceFacts(nodeFileSystem, loaded.job);
    const names = items.map(({path}) => basename(path));
    expect(facts.newestCheckpoint?.name).toBe(names[0]);
    expect(facts.newestCheckpoint?.stateBytes).toBeGreaterThan(0);
    expect(facts.newestCheckpoint?.stateBytes).toBeLessThanOrEqual(items[0]?.bytes ?? 0);
    expect(names).toContain(facts.slowestCheckpoint?.name);
    expect(facts.slowestCheckpoint?.durationMillis).toBeGreaterThanOrEqual(0);
  });

  test('a checkpoint directory that cannot be read gives no advice, and no error', async () => {
    await writeFile(join(directory, 'no-directory'), '');
    const at = `checkpointing.dir=file:./no-directory`;
    const {status, stdout} = await tidemark(['validate', job, '--set', at]);
    expect(status, stdout).toBe(0);
  });
});
