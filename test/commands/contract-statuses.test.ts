// The contract of every command, part 4: each exit status of the table is reached by some command, in text and in
// JSON, and both say the same. What no command can reach yet stands in UNREACHED with the reason; the list shrinks.

import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {EXIT_STATUSES} from '#src/base/errors.js';
import {Scratches, inScratch, violations} from './contract/commands.ts';
import {errorOf} from './tidemark.ts';

interface Way {
  readonly status: keyof typeof EXIT_STATUSES;
  readonly what: string;
  /** Shell lines; `$JSON` is `--json` or nothing. */
  readonly script: string;
  /** Code of the error that is told; null: a finding, not an error. */
  readonly code: string | null;
}

const CHK = 'state/checkpoints/my-job/chk-12';

/** Jobs that are written in the scratch directory. */
const FILE_JOB = `
mkdir in && printf '{"n":1}\\n{"n":2}\\n' > in/a.json
cat > file.job.yaml <<'END'
name: file-job
sources:
  numbers: {connector: file, path: in/*.json, schema: {n: int}, rate-limit: 1}
sinks:
  out: {connector: file, input: numbers, path: out}
checkpointing: {interval: 100ms, timeout: 1 min, dir: file:./state}
restart-strategy: {type: none}
END
`;
const FAST = '--set sources.numbers.rate-limit=1000000';
/** The process of a running job, once it runs. */
const STARTED = `until grep -qs '"started"' log; do kill -0 $job || break; sleep 0.02; done`;
const ENDLESS = `
cat > endless.job.yaml <<'END'
name: endless
sources:
  numbers: {connector: generator, rate-limit: 1000, fields: {n: {kind: sequence}}}
sinks:
  out: {connector: blackhole, input: numbers}
checkpointing: {interval: 1h, timeout: 2h, dir: file:./state}
END
`;

const WAYS: readonly Way[] = [
  {
    status: 1,
    what: 'a wait for what can no longer happen',
    script: 'tidemark wait my-job --for running $JSON',
    code: 'JOB_FAILED',
  },
  {
    status: 14,
    what: 'a wait that was given up',
    script: `tidemark run -d my.job.yaml --fresh --set sources.flights.rate-limit=50 >/dev/null 2>&1 || exit 99
tidemark wait my-job --for finished --timeout 1ms $JSON
status=$?
tidemark cancel my-job >/dev/null
exit $status`,
    code: 'TIMED_OUT',
  },
  {status: 0, what: 'a valid job', script: 'tidemark validate my.job.yaml $JSON', code: null},
  {status: 2, what: 'a bad flag', script: 'tidemark validate --nonsense $JSON', code: 'USAGE'},
  {
    status: 3,
    what: 'an invalid job that is validated',
    script: 'echo "steps: 7" >> my.job.yaml; tidemark validate my.job.yaml $JSON',
    code: null,
  },
  {
    status: 3,
    what: 'an invalid job that is run',
    script: 'echo "steps: 7" >> my.job.yaml; tidemark run my.job.yaml $JSON',
    code: 'JOB_INVALID',
  },
  {
    status: 4,
    what: 'a damaged checkpoint that is verified',
    script: `printf X | dd of=${CHK}/_metadata bs=1 seek=20 conv=notrunc 2>/dev/null
tidemark checkpoint verify ${CHK} $JSON`,
    code: null,
  },
  {
    status: 4,
    what: 'a damaged checkpoint that is restored',
    script: `printf X | dd of=${CHK}/_metadata bs=1 seek=20 conv=notrunc 2>/dev/null
tidemark restore ${CHK} my.job.yaml $JSON`,
    code: 'CHECKPOINT_DAMAGED',
  },
  {
    status: 10,
    what: 'a job file that is not there',
    script: 'tidemark run nothing.job.yaml $JSON',
    code: 'NOT_FOUND',
  },
  {
    status: 11,
    what: 'a job that runs already',
    script: `${ENDLESS}
tidemark run endless.job.yaml --json > log & job=$!
${STARTED}
tidemark run endless.job.yaml $JSON; status=$?
kill -INT $job; wait $job; exit $status`,
    code: 'ALREADY_RUNNING',
  },
  {
    status: 12,
    what: 'a checkpoint of another max-parallelism',
    script: `tidemark restore ${CHK} my.job.yaml --set max-parallelism=64 $JSON`,
    code: 'INCOMPATIBLE',
  },
  {
    status: 13,
    what: 'files that would be overwritten',
    script: `mkdir new; touch new/test.sh
tidemark init new --template filter-to-file $JSON`,
    code: 'REFUSED',
  },
  {
    status: 15,
    what: 'a directory that cannot be written',
    script: `tidemark init /proc/self/new --template filter-to-file $JSON`,
    code: 'STORAGE_FAILED',
  },
  {
    status: 16,
    what: 'output that is ahead of the checkpoint',
    script: `${FILE_JOB}
seq 1 30 | sed 's/.*/{"n":&}/' > in/a.json
all='--set checkpointing.num-retained=1000'
tidemark run file.job.yaml $all --set sources.numbers.rate-limit=20 --json > log || exit 99
first=$(ls -d state/file-job/chk-* | sort -V | head -n 1)
tidemark restore "$first" file.job.yaml $all $JSON`,
    code: 'OUTPUT_AHEAD',
  },
  {
    status: 17,
    what: 'a file that changed between two runs',
    script: `${FILE_JOB}
seq 1 200 | sed 's/.*/{"n":&}/' > in/a.json
tidemark run file.job.yaml --json --set sources.numbers.rate-limit=20 > log & job=$!
until grep -qs '"checkpoint"' log; do kill -0 $job || break; sleep 0.02; done
kill -INT $job; wait $job
echo 'something else' > in/a.json
tidemark run file.job.yaml $JSON`,
    code: 'SOURCE_LOST_DATA',
  },
  {
    status: 21,
    what: 'a record that cannot be read',
    script: `${FILE_JOB}
printf '{"n":1}\\n{"n":oops}\\n' > in/a.json
tidemark run file.job.yaml ${FAST} $JSON`,
    code: 'RECORD_FAILED',
  },
  ...(['INT', 'TERM'] as const).map((signal): Way => ({
    status: signal === 'INT' ? 130 : 143,
    what: `SIG${signal} to a run`,
    script: `${ENDLESS}
tidemark run endless.job.yaml $JSON > log 2> notes & job=$!
until [ -e state/endless/owner ] && grep -qs 'started\\|fresh start' log notes; do kill -0 $job || break; sleep 0.02; done
kill -${signal} $job; wait $job; status=$?
cat log; cat notes >&2; exit $status`,
    code: null,
  })),
];

/** Statuses that nothing which is built can end with. Take a line away when something can. */
const UNREACHED: Readonly<Record<number, string>> = {
  5: 'a checkpoint that cannot be read because of its rights: the tests may run as root, who reads all',
};

let scratches: Scratches;

beforeAll(async () => {
  scratches = await Scratches.make();
});

afterAll(async () => scratches.remove());

test('every status of the table is reached, or has a reason why not', () => {
  const reached = new Set(WAYS.map(({status}) => status));
  const all = [...reached, ...Object.keys(UNREACHED).map(Number)].sort((one, two) => one - two);
  expect(all).toEqual(Object.keys(EXIT_STATUSES).map(Number));
});

describe.each(WAYS)('$status: $what', ({status, script, code}) => {
  test.concurrent('in text: at most three lines say what, where and what next', async () => {
    const ending = await inScratch(await scratches.copy(), `JSON=\n${script}`);
    expect(ending.status, `${ending.stdout}\n${ending.stderr}`).toBe(status);
    if (code === null) return;
    const lines = ending.stderr.split('\n');
    const first = lines.findIndex((line) => line.startsWith('error: '));
    expect(first, ending.stderr).toBeGreaterThanOrEqual(0);
    expect(ending.stderr).not.toMatch(/\n {4}at /);
  });

  test.concurrent('in JSON: an error object with the same status', async () => {
    const ending = await inScratch(await scratches.copy(), `JSON=--json\n${script}`);
    expect(ending.status, `${ending.stdout}\n${ending.stderr}`).toBe(status);
    if (code === null) return;
    expect(ending.stderr).toBe('');
    const error = errorOf(ending);
    expect(error).toMatchObject({code, exit_code: status});
    expect(await violations('error', {error})).toEqual([]);
    const last = JSON.parse(ending.stdout.split('\n').at(-1) ?? '') as {exit_code?: number};
    // A summary is the last line of a stream, and says it too.
    expect(last.exit_code ?? status).toBe(status);
  });
});
