// The disk of a real run fails: full, read-only, of somebody else, gone, without hard links, or with an
// error at one system call. Exit 15 (or 3 where it can never work) with path and next command; what was
// committed is kept, and once the disk is well again the same command ends with the exact output.
// Mounts live in a mount namespace of their own; where that or strace is not permitted, those are skipped.

import {mkdirSync, readFileSync, readdirSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {shell} from '../commands/tidemark.ts';
import {errorOf} from './support/ending.ts';
import {OrdersJob} from './support/orders-job.ts';
import {inTurn, sample, sampleTest, whole} from './support/sample.ts';

const CAN_MOUNT = (await shell('unshare -m mount -t tmpfs none /mnt')).status === 0;
const CAN_INJECT =
  (
    await shell(
      'strace -f --seccomp-bpf -e trace=link -e inject=link:error=EPERM -o /dev/null true',
    )
  ).status === 0;

let job: OrdersJob;

beforeEach(() => {
  job = new OrdersJob();
});

afterEach(() => {
  job.remove();
});

type Ending = Awaited<ReturnType<typeof shell>>;

/** In a mount namespace of its own, with `$JOB` and its directory. */
async function mounted(script: string): Promise<Ending> {
  return shell(`cd '${job.directory}' && exec unshare -m bash -c '${script}'`, {JOB: job.file});
}

/** With an error at system calls of the kinds that `calls` names; `failed`: at how many. */
async function injected(
  calls: string,
  fault: string,
  path: string | null = null,
): Promise<Ending & {failed: number}> {
  const trace = join(job.directory, 'trace');
  // Of one path only, in one thread of the pool, the calls have an order.
  const [filter, pool] = path === null ? ['--seccomp-bpf', {}] : [`-P '${path}'`, ONE_THREAD];
  const ending = await shell(
    `exec strace -f ${filter} -e trace=${calls} -e inject=${calls}:${fault} -o '${trace}' \\
       "$NODE" "$BIN" run '${job.file}' --json`,
    pool,
  );
  return {...ending, failed: readFileSync(trace, 'utf8').split('(INJECTED)').length - 1};
}

const ONE_THREAD = {UV_THREADPOOL_SIZE: '1'};

const numbersTo = (last: number): number[] => Array.from({length: last}, (_, index) => index + 1);

const asOutcome = ({status, stdout, stderr}: Ending) => ({status, stdout, stderr, signal: null});

function expectReference(): void {
  expect(job.rows('orders')).toEqual(job.referenceOrders());
  expect(job.rows('totals')).toEqual(job.referenceTotals());
}

/** Every visible row is one that must be there, once. */
function expectNothingWrong(): void {
  const rows = job.rows('orders');
  expect(new Set(rows).size).toBe(rows.length);
  const reference = new Set(job.referenceOrders());
  expect(rows.filter((row) => !reference.has(row))).toEqual([]);
}

describe.skipIf(!CAN_MOUNT)('fs-enospc', () => {
  sampleTest.each(['state', 'out'])('the disk of %s fills up under a running job', async (full) => {
    mkdirSync(join(job.directory, full));
    const ending = await mounted(`
      mount -t tmpfs -o size=1m none ${full}
      # Any later one too: on a busy machine the third may be gone before anybody looks.
      (until ls state/orders | grep -qEx "chk-([3-9]|[1-9][0-9]+)"; do sleep 0.01; done 2> /dev/null
       head -c 2m /dev/zero > ${full}/ballast 2> /dev/null) & filling=$!
      "$NODE" "$BIN" run "$JOB" --set sources.orders.rate-limit=10; first=$?
      wait $filling; "$NODE" "$BIN" checkpoint verify state/orders > /dev/null; verified=$?
      rm ${full}/ballast
      "$NODE" "$BIN" run "$JOB" --json; second=$?
      cp -a ${full} copy; umount ${full}; cp -a copy/. ${full}
      echo "first=$first verified=$verified second=$second"
    `);
    expect(ending.stdout, ending.stderr).toContain('first=15 verified=0 second=0');
    expect(ending.stderr).toMatch(new RegExp(`error: .*${job.directory}/${full}.*ENOSPC`));
    expect(ending.stdout).toContain('"decision":"resumed"');
    expectReference();
  });

  sampleTest('it is full before the start: nothing begins', async () => {
    mkdirSync(job.state, {recursive: true});
    const {status, stdout} = await mounted(`
      mount -t tmpfs -o size=4k none state
      "$NODE" "$BIN" run "$JOB" --json
    `);
    expect(status, stdout).toBe(15);
    expect(stdout).toContain('ENOSPC');
    expect(job.parts()).toEqual([]);
  });
});

describe('ck-readonly-root', () => {
  test.skipIf(whole || !CAN_MOUNT).each([
    ['state', 'as user'],
    ['out', 'EROFS'],
  ])('%s is read-only: 15 with path and reason', async (readOnly, reason) => {
    mkdirSync(join(job.directory, readOnly));
    const ending = await mounted(`
      mount --bind ${readOnly} ${readOnly} && mount -o remount,ro,bind ${readOnly}
      exec "$NODE" "$BIN" run "$JOB" --json
    `);
    expect(ending.status, ending.stdout).toBe(15);
    const {message, hint} = errorOf(asOutcome(ending));
    expect(message).toContain(join(job.directory, readOnly));
    expect(message).toContain(reason);
    expect(hint).toMatch(/./);
  });

  sampleTest('ck-no-permission: another user is told who he is', async () => {
    mkdirSync(join(job.directory, 'state'), {mode: 0o555});
    const asNobody =
      process.getuid?.() === 0 ? 'setpriv --reuid 65534 --regid 65534 --clear-groups' : '';
    const ending = await shell(
      `chmod 755 '${job.directory}'; ${asNobody} "$NODE" "$BIN" run '${job.file}' --json`,
    );
    expect(ending.status, ending.stdout).toBe(15);
    const {message, hint} = errorOf(asOutcome(ending));
    const user = asNobody === '' ? process.getuid?.() : 65534;
    expect(message).toContain(`(as user ${user}): EACCES`);
    expect(message).toContain(job.state);
    expect(hint).toContain('Give this user access');
  });
});

sampleTest(
  'ck-no-permission: each command that reads says which path, who was not let, and 15',
  async () => {
    await job.crashWithCheckpoints(1);
    const checkpoint = job.checkpoint(1);
    const parent = join(job.state, '..');
    const commands = [
      [`checkpoint inspect ${checkpoint}`, join(checkpoint, '_metadata')],
      [`checkpoint copy ${checkpoint} ${checkpoint}-copy`, join(checkpoint, '_metadata')],
      [`checkpoint list ${job.state}`, parent],
      [`checkpoint verify ${checkpoint}`, parent],
      [`restore ${checkpoint} ${job.file} --dry-run`, parent],
    ] as const;
    const asUser =
      process.getuid?.() === 0 ? 'setpriv --reuid 65534 --regid 65534 --clear-groups' : '';
    const user = asUser === '' ? process.getuid?.() : 65534;
    for (const [command, closed] of commands) {
      const {status, stdout} = await shell(
        `chmod 755 ${job.directory}; chmod 0 ${closed}; ${asUser} "$NODE" "$BIN" ${command} --json; e=$?; chmod 700 ${closed}; exit $e`,
      );
      expect(status, `${command} ${stdout}`).toBe(15);
      expect(stdout).toContain(`(as user ${user})`);
      expect(stdout).toContain(job.state);
      expect(stdout).toMatch(/give this user access/i);
    }
    expect(readdirSync(job.state).filter((name) => name.startsWith('chk'))).toEqual(['chk-1']);
  },
);

describe('fs-root-vanishes', () => {
  sampleTest.each(['state', 'out'])(
    '%s goes away under a running job: 15 or 16, kept',
    async (root) => {
      const running = job.start();
      expect(await running.printed('"type":"checkpoint"')).toBe(true);
      renameSync(join(job.directory, root), join(job.directory, 'away'));
      const gone = await running.outcome;
      expect([15, 16], gone.stdout).toContain(gone.status);
      expect(gone.stdout).toContain(join(job.directory, root));
      // What was made in its place is not what it was.
      await shell(`rm -rf '${join(job.directory, root)}'`);
      renameSync(join(job.directory, 'away'), join(job.directory, root));
      expectNothingWrong();
      const again = await job.finish();
      expect(again.status, again.stdout).toBe(0);
      expectReference();
    },
  );
});

describe.skipIf(!CAN_INJECT)('one system call fails', () => {
  sampleTest('fs-exdev, no hard links: refused at load with 3', async () => {
    const ending = await injected('link,linkat', 'error=EPERM');
    expect(ending.status, ending.stdout).toBe(3);
    const {message, hint} = errorOf(asOutcome(ending));
    expect(message).toContain('hard links');
    expect(hint).toContain('dir');
  });

  sampleTest(
    'fs-exdev: work/ and the checkpoints on two devices: 15, nothing published',
    async () => {
      const ending = await injected('rename', 'error=EXDEV');
      expect(ending.status, ending.stdout).toBe(15);
      expect(errorOf(asOutcome(ending)).message).toContain('EXDEV');
      expect(ending.stdout).not.toContain('AssertionError');
      expect([job.checkpointIds(), job.parts()]).toEqual([[], []]);
    },
  );

  /** Each thread makes so many on any machine; on a slow one there are fewer checkpoints, and no thread may make many more. */
  const SYNCS_MIN = 16;

  test.each(sample([11], inTurn(numbersTo(60))))(
    'fs-fsync-once, fs-eio-each-op: sync %i of each thread fails; the output is exact all the same',
    async (when) => {
      const ending = await injected('fsync,fdatasync', `error=EIO:when=${when}`);
      expect(ending.failed).toBeGreaterThanOrEqual(when <= SYNCS_MIN ? 1 : 0);
      expect([0, 15], ending.stdout).toContain(ending.status);
      expectNothingWrong();
      if (ending.status === 15) expect((await job.finish()).status).toBe(0);
      expectReference();
    },
  );

  sampleTest(
    'B45: whichever sync of owner/ fails, what is told holds: run again, nothing is there twice',
    async () => {
      let failures = 0;
      for (let when = 1; ; when += 1) {
        job.remove();
        job = new OrdersJob({rows: 60});
        const owner = join(job.state, 'owner');
        const ending = await injected('fsync,fdatasync', `error=EIO:when=${when}`, owner);
        if (ending.failed === 0) break;
        failures += 1;
        expect(ending.status, ending.stdout).toBe(15);
        expectNothingWrong();
        const again = await job.finish();
        expect(again.status, again.stdout).toBe(0);
        expectReference();
      }
      // Its lineage, the first checkpoint, what is settled, the end.
      expect(failures).toBeGreaterThanOrEqual(4);
    },
  );

  test.each(sample([8], inTurn(numbersTo(40))))(
    'fs-eio-each-op: from sync %i of each thread on all fail: 15, kept, then exact',
    async (when) => {
      const ending = await injected('fsync,fdatasync', `error=EIO:when=${when}+`);
      expect(ending.failed).toBeGreaterThanOrEqual(when <= SYNCS_MIN ? 1 : 0);
      expect(ending.status, ending.stdout).toBe(ending.failed > 0 ? 15 : 0);
      if (ending.failed === 0) return;
      expect(errorOf(asOutcome(ending)).message).toContain('EIO');
      expectNothingWrong();
      const again = await job.finish();
      expect(again.status, again.stdout).toBe(0);
      expectReference();
    },
  );
});
