// The process around a command: an old Node.js, a reader that leaves, closed and full streams.

import {describe, expect, test} from 'vitest';
import {existsSync} from 'node:fs';
import {ROOT, errorOf, node, shell, tidemark} from './tidemark.ts';

describe('a Node.js that is too old', () => {
  const preload = `data:text/javascript,${encodeURIComponent(
    "Object.defineProperty(process, 'versions', {value: {...process.versions, node: '18.20.4'}})",
  )}`;

  test('is told so, with status 2', async () => {
    const {status, stderr} = await node(['--import', preload, 'bin/run.js', 'run', 'a.yaml']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: tidemark needs Node\.js 20\.15 or later; this is 18\.20\.4$/m);
  });

  test('is told so in JSON too', async () => {
    const ending = await node(['--import', preload, 'bin/run.js', 'run', '--json']);
    expect(errorOf(ending)).toMatchObject({code: 'USAGE', exit_code: 2});
  });
});

test('the start-up bundle says the same as the modules that it is made of', async () => {
  const modules = async (argv: readonly string[]) =>
    node([
      '--input-type=module',
      '-e',
      `import {main} from '${ROOT}dist/commands/_shared/main.js';
       await main(${JSON.stringify(argv)}, '${ROOT}');`,
    ]);
  expect(existsSync(`${ROOT}dist/start/tidemark.cjs`), 'made by npm run build').toBe(true);
  for (const argv of [
    ['--help'],
    ['checkpoint'],
    ['run', '--help'],
    ['run', '--json'],
    ['nothing'],
  ]) {
    expect(await tidemark(argv)).toEqual(await modules(argv));
  }
});

describe('a reader that leaves', () => {
  test('ends help quietly with 0', async () => {
    const {stdout, stderr, status} = await shell(
      'set -o pipefail; "$NODE" "$BIN" run --help | head -n 1',
    );
    expect({stderr, status}).toEqual({stderr: '', status: 0});
    expect(stdout.split('\n')).toHaveLength(1);
  });

  test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])('%s at start is no crash', async (closed) => {
    const {stdout} = await shell(
      `("$NODE" "$BIN" --help; echo $? >&9; "$NODE" "$BIN" run; echo $? >&9) 9>&1 ${closed}`,
    );
    expect(stdout).toMatch(/0\n(error: .*\n.*\n)?2$/);
  });

  test('an open stdin that says nothing does not stand for a missing argument', async () => {
    const {status} = await shell(
      'd=$(mktemp -d); mkfifo "$d/f"; exec 3<>"$d/f"; timeout 4 "$NODE" "$BIN" run <&3; s=$?; rm -r "$d"; exit $s',
    );
    expect(status).toBe(2);
  });

  test('stdout on a full disk is an error of storage', async () => {
    for (const args of ['--help', 'run --json']) {
      const {status, stderr} = await shell(`"$NODE" "$BIN" ${args} > /dev/full`);
      expect(status).toBe(15);
      expect(stderr).toMatch(/^error: .*ENOSPC/);
    }
  });
});

/** A job that would fill the memory, and a pipe that `$FLOOD` may be written to and nobody reads. */
const FLOOD = `
d=$(mktemp -d); mkfifo "$d/pipe"; exec 3<>"$d/pipe"
cat > "$d/flood.job.yaml" <<'END'
name: flood
sources:
  numbers: {connector: generator, rows: 1000000000, fields: {id: {kind: sequence}}}
sinks:
  out: {connector: console, input: numbers}
checkpointing: {interval: 200ms, dir: file:./state}
END
seen() { for i in $(seq 100); do grep -q "$1" "$d/err" && return; sleep 0.1; done; echo "never saw $1"; }
checkpoints() { for i in $(seq 100); do compgen -G "$d/state/flood/chk-[5-9]" > "$d/list" && return; sleep 0.1; done; }
"$NODE" "$BIN" run "$d/flood.job.yaml" `;

describe('a reader that does not read', () => {
  test('holds the job back; Ctrl-C takes a checkpoint all the same, a second one leaves', async () => {
    const {stdout} = await shell(`${FLOOD} >"$d/pipe" 2>"$d/err" & p=$!
      checkpoints
      kill -INT $p; seen 'next: .*resumes from'
      kill -INT $p; wait $p; echo "status $?"; cat "$d/err"; rm -r "$d"`);
    expect(stdout).toMatch(/^status 130$/m);
    expect(stdout).toMatch(/^flood interrupted after/m);
    const records = /generator\): ([\d,]+) records/.exec(stdout)?.[1] ?? 'none';
    expect(Number(records.replaceAll(',', ''))).toBeLessThan(200_000);
  });

  test('and one that leaves lets the job go on, with its checkpoints, until Ctrl-C', async () => {
    const {stdout} = await shell(`${FLOOD} 2>"$d/err" > >(head -n 1 >&2) & p=$!
      checkpoints
      kill -INT $p; wait $p; echo "status $?"; cat "$d/err"; rm -r "$d"`);
    expect(stdout).toMatch(/^status 130$/m);
    expect(stdout).toMatch(/resumes from chk-/);
  });
});

describe.each([
  ['SIGINT', 130, 'INTERRUPTED'],
  ['SIGTERM', 143, 'TERMINATED'],
] as const)('%s', (signal, status, code) => {
  /** A command that has nothing to finish first. */
  const waiting = (args: readonly string[]): string[] => [
    '--input-type=module',
    '-e',
    `
    import {Config} from '@oclif/core';
    import {BaseCommand} from '${ROOT}dist/commands/_shared/base-command.js';
    class Waiting extends BaseCommand {
      async run() {
        await this.parse(Waiting);
        setTimeout(() => process.kill(process.pid, '${signal}'), 10);
        await new Promise((resolve) => setTimeout(resolve, 10_000));
      }
    }
    await Waiting.run(${JSON.stringify(args)}, await Config.load('${ROOT}'));
    `,
  ];

  test(`ends a command with ${status}`, async () => {
    const ending = await node(waiting([]));
    expect(ending.status).toBe(status);
    expect(ending.stderr).toBe(`error: ${code.toLowerCase()} by ${signal}`);
  });

  test(`ends it with ${status} and an error object with --json`, async () => {
    const ending = await node(waiting(['--json']));
    expect(ending.status).toBe(status);
    expect(errorOf(ending)).toMatchObject({code, exit_code: status});
  });
});
