// The state directory of a user is full, or another user's; and signals come in a storm while a savepoint is written.
// What can no longer be noted there takes nothing from a job, and nobody learns or touches what is not theirs.
// Where mounts or other users are not permitted, those tests are skipped.

import {chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';

import {shell, type Ending} from '../commands/tidemark.ts';
import {pause} from '../kills/support/process.ts';
import {OrdersJob} from './support/orders-job.ts';
import {whole as isWhole} from './support/sample.ts';

const NOBODY = 65_534;
const AS_NOBODY = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
const CAN_MOUNT = (await shell('unshare -m mount -t tmpfs none /mnt')).status === 0;
/** It must be able to read this project too. */
const CAN_BE_NOBODY = (await shell(`${AS_NOBODY} "$NODE" "$BIN" --version`)).status === 0;

let job: OrdersJob;
beforeEach(() => {
  job = new OrdersJob({rows: 100_000, rowsPerSecond: 500, intervalMillis: 200});
});
afterEach(() => {
  job.remove();
});

/** Each line of `script` may use `tidemark`, `$JOB`, `$DIR` and `$HOME_DIR`. */
async function script(wrapper: string, lines: readonly string[], home: string): Promise<Ending> {
  const text = ['tidemark() { "$NODE" "$BIN" "$@"; }', ...lines].join('\n');
  return shell(`exec ${wrapper} bash -c "$SCRIPT"`, {
    SCRIPT: text,
    JOB: job.file,
    DIR: job.directory,
    TIDEMARK_HOME: home,
  });
}

function lastJson(text: string): Record<string, unknown> {
  return JSON.parse(text.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
}

test.runIf(CAN_MOUNT && !isWhole)(
  'a state directory that fills up: a stop tells its savepoint, and the next detached run is refused',
  {timeout: 60_000},
  async () => {
    const home = join(job.directory, 'home');
    mkdirSync(home, {mode: 0o700});
    const ending = await script(
      'unshare -m',
      [
        'mount -t tmpfs -o size=96k,mode=700 none "$TIDEMARK_HOME"',
        'tidemark run "$JOB" -d --json > "$DIR/started" || exit 101',
        'tidemark wait orders --for "checkpoint>=1" --timeout 30s > "$DIR/waited" || exit 102',
        'head -c 200000 /dev/zero > "$TIDEMARK_HOME/fill" 2> "$DIR/full"',
        'tidemark stop orders --savepoint-path "$DIR/savepoints" --json > "$DIR/stopped" || exit 103',
        'tidemark run "$JOB" -d --json',
      ],
      home,
    );
    expect(ending.status, ending.stdout + ending.stderr).toBe(15);
    expect(lastJson(ending.stdout)).toMatchObject({
      error: {code: 'STORAGE_FAILED', hint: expect.stringContaining('TIDEMARK_HOME')},
    });
    const stopped = lastJson(readFileSync(join(job.directory, 'stopped'), 'utf8'));
    const path = String(stopped['path']);
    expect(readdirSync(join(job.directory, 'savepoints'))).toEqual([path.split('/').at(-1)]);
    expect(existsSync(join(path, '_metadata'))).toBe(true);
  },
);

test.runIf(CAN_BE_NOBODY && !isWhole)(
  "another user's state directory is neither read nor used, and the job there goes on",
  {timeout: 60_000},
  async () => {
    const home = `${job.directory}.home`;
    chmodSync(job.directory, 0o755);
    const own = join(job.directory, 'own');
    mkdirSync(own, {mode: 0o700});
    chownSync(own, NOBODY, NOBODY);
    const running = job.start();
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    const commands = ['list', 'savepoint orders', 'cancel orders'];
    const said = commands.map((it) => `tidemark ${it} --json; echo "status $?"`);
    const theirs = await script(AS_NOBODY, said, home);
    expect(theirs.stdout.match(/status 15/g), theirs.stdout).toHaveLength(commands.length);
    expect(theirs.stdout).not.toContain('"orders"');
    const refused = await script(AS_NOBODY, ['tidemark run "$JOB" -d --json'], home);
    expect(refused.status).toBe(13);
    expect(lastJson(refused.stdout)).toMatchObject({
      error: {code: 'REFUSED', message: expect.stringContaining('belongs to another user')},
    });
    const unknown = await script(AS_NOBODY, ['tidemark cancel orders --json'], own);
    expect(unknown.status, unknown.stdout).toBe(10);
    running.signal('SIGINT');
    expect((await running.outcome).status).toBe(130);
  },
);

test.runIf(isWhole)(
  'H79 SIGINT x3 and SIGTERM while a savepoint is written: it leaves, kept, and the next run resumes',
  {timeout: 60_000},
  async () => {
    job.remove();
    job = new OrdersJob();
    const home = {TIDEMARK_HOME: `${job.directory}.home`};
    const savepoints = join(job.directory, 'savepoints');
    const running = job.start([], {TIDEMARK_FAILPOINT: 'storage.savepoint.before-rename:1:stop'});
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    const ask = `"$NODE" "$BIN" savepoint orders '${savepoints}' --timeout 1s --json`;
    const asked = await shell(ask, home);
    expect(asked.status, asked.stdout).toBe(14);
    // The whole process is paused in the middle of it: what is sent now arrives there.
    for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM', 'SIGINT'] as const) {
      running.signal(signal);
      await pause(10);
    }
    running.signal('SIGCONT');
    const {status, signal, stdout} = await running.outcome;
    expect(signal, stdout).toBeNull();
    expect([130, 143], stdout).toContain(status);
    const whole = readdirSync(savepoints).filter((name) => !name.startsWith('.'));
    const refs = [
      ...job.checkpointIds().map((id) => job.checkpoint(id)),
      ...whole.map((name) => join(savepoints, name)),
    ];
    const verified = await shell(`"$NODE" "$BIN" checkpoint verify ${refs.join(' ')}`, home);
    expect(verified.status, verified.stdout).toBe(0);
    const next = await job.finish();
    expect(next.status, next.stdout).toBe(0);
    expect(job.rows('orders')).toEqual(job.referenceOrders());
    expect(job.rows('totals')).toEqual(job.referenceTotals());
  },
);
