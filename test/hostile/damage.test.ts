// "Done when" 3: whatever happens to a file of a small checkpoint that a real run made, `checkpoint
// verify` finds it (exit 4, the file named, with the place) and no restore uses it; a run whose newest
// checkpoint is damaged says which is the newest good one and which command goes on from it, and that
// command gives the exact output. In memory for the many, through the command line for one of each kind.
// TIDEMARK_PROOF=1: every bit and every length.

import {readdirSync, readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import type {Finding} from '#src/storage/finding.js';
import {tidemark} from '../kills/support/process.ts';
import {FakeTime, writeFile} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {OrdersJob, filesBelow} from './support/orders-job.ts';
import {endingsOfReaders} from './support/readers.ts';
import {PARTS, sampleTest, whole} from './support/sample.ts';
import {errorOf, findingsOf} from './support/ending.ts';

/** With three parts, as the proof has by itself, it is whole. A sample's is odd, so that it has every bit of a byte. */
const stride = (full: number, sample: number): number =>
  whole ? full * Math.max(1, Math.round(PARTS / 3)) : sample;

const NEWEST = 4;
const FAST = ['--set', 'sources.orders.rate-limit=100000'];
let job: OrdersJob;

beforeAll(async () => {
  job = new OrdersJob({rowsPerSecond: 100});
  await job.crashWithCheckpoints(NEWEST);
  expect(job.checkpointIds()).toEqual([1, 2, 3, NEWEST]);
  job.save();
});

afterAll(() => {
  job.remove();
});

const FILES = ['_metadata', 'SHA256SUMS', 'by-user/0.groups'];
const pathOf = (file: string, id = NEWEST): string => join(job.checkpoint(id), file);

/** The checkpoints of the real run, in memory: a disk would see hundreds of thousands of writes. */
let disk: MemoryFileSystem;

async function loadDisk(): Promise<MemoryFileSystem> {
  const loaded = new MemoryFileSystem();
  for (
    let depth = job.state.indexOf('/', 1);
    depth !== -1;
    depth = job.state.indexOf('/', depth + 1)
  )
    await loaded.makeDirectory(job.state.slice(0, depth));
  await copyIn(loaded, job.state);
  return loaded;
}

async function copyIn(target: MemoryFileSystem, directory: string): Promise<void> {
  await target.makeDirectory(directory);
  for (const entry of readdirSync(directory, {withFileTypes: true})) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await copyIn(target, path);
    else await writeFile(target, path, readFileSync(path));
  }
}

/** Found by verify with the file named, and refused by restore; returns what blames the file. */
async function expectFound(file: string, what: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const {summary} = await verifyCheckpoints({
    files: disk,
    clock: new FakeTime(),
    directories: [job.checkpoint(NEWEST)],
    level: 'checksum',
    onFinding: (finding) => findings.push(finding),
  });
  expect(summary.verdict, what).toBe('damaged');
  const blamed = findings.filter(
    ({path, severity}) => severity === 'error' && path === pathOf(file),
  );
  expect(blamed, what).not.toEqual([]);
  expect(await restorable(job.checkpoint(NEWEST)), what).toBe(false);
  return blamed;
}

/** As a restore asks: what the directory is, then every byte of it. */
async function restorable(directory: string): Promise<boolean> {
  const facts = await readCheckpoint(disk, directory);
  if (facts?.state !== 'complete') return false;
  return (await verifyCheckpoint(disk, facts)).kind === 'verified';
}

describe('every small damage is found by verify and refused by restore', () => {
  beforeEach(async () => {
    job.reset();
    disk = await loadDisk();
  });

  test('ck-bitflip-metadata, ck-bitflip-state: each flipped bit, with its offset', async () => {
    let flips = 0;
    let bits = 0;
    const step = stride(1, 201);
    for (const file of FILES) {
      const content = disk.contentOf(pathOf(file));
      bits += content.length * 8;
      for (let bit = 0; bit < content.length * 8; bit += step) {
        const flipped = Buffer.from(content);
        const at = bit >> 3;
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
        disk.overwrite(pathOf(file), flipped);
        const [finding] = await expectFound(file, `bit ${bit} of ${file}`);
        // At or before the bit: what a checksum covers begins there.
        if (file !== '_metadata') expect(finding?.offset, file).toBeLessThanOrEqual(at);
        expect(finding?.offset, file).toBeGreaterThanOrEqual(0);
        flips += 1;
      }
      disk.overwrite(pathOf(file), content);
    }
    expect(bits).toBeGreaterThan(20_000);
    expect(flips).toBeGreaterThanOrEqual(bits / step);
  }, 900_000);

  test('ck-torn-metadata, ck-truncated: each length, with its offset', async () => {
    for (const file of FILES) {
      const content = disk.contentOf(pathOf(file));
      for (let length = 0; length < content.length; length += stride(1, 61)) {
        disk.overwrite(pathOf(file), content.subarray(0, length));
        const [finding] = await expectFound(file, `${file} cut at ${length}`);
        expect(finding?.offset).toBeLessThanOrEqual(Math.max(length, 78));
      }
      disk.overwrite(pathOf(file), content);
    }
  }, 300_000);

  test('ck-missing-file, ck-extended, ck-zero-filled: each file', async () => {
    for (const file of FILES) {
      const content = disk.contentOf(pathOf(file));
      for (const other of [
        Buffer.concat([content, Buffer.from('\n')]),
        Buffer.concat([content, content]),
        Buffer.alloc(content.length),
        Buffer.alloc(0),
      ]) {
        disk.overwrite(pathOf(file), other);
        await expectFound(file, `${file} of ${other.length} bytes`);
      }
      await disk.unlink(pathOf(file));
      await expectFound(file, `${file} removed`);
      await writeFile(disk, pathOf(file), content);
    }
  });

  test('ck-swapped-files: each two of one checkpoint, and each with that of another', async () => {
    const swap = async (left: string, right: string): Promise<void> => {
      const aside = join(job.state, 'aside');
      await disk.rename(left, aside);
      await disk.rename(right, left);
      await disk.rename(aside, right);
    };
    for (const file of FILES) {
      for (const other of FILES.filter((one) => one > file)) {
        await swap(pathOf(file), pathOf(other));
        // With a foreign _metadata nothing else can be judged.
        const blamed = file === 'SHA256SUMS' && other === '_metadata' ? other : file;
        await expectFound(blamed, `${file} and ${other}`);
        await swap(pathOf(file), pathOf(other));
      }
      for (const id of [1, 3]) {
        await swap(pathOf(file), pathOf(file, id));
        await expectFound(file, `${file} of ${id} and ${NEWEST}`);
        await swap(pathOf(file), pathOf(file, id));
      }
    }
    expect(await restorable(job.checkpoint(NEWEST))).toBe(true);
    const clean = await tidemark(['checkpoint', 'verify', job.state]);
    expect(clean.status, clean.stdout).toBe(0);
  });
});

/** One of each kind, for what is slow. */
const DAMAGES: readonly {what: string; file: string; damage: (path: string) => void}[] = [
  {what: 'ck-bitflip-metadata', file: '_metadata', damage: (path) => flip(path, 0.5)},
  {
    what: 'ck-bitflip-metadata at its first byte',
    file: '_metadata',
    damage: (path) => flip(path, 0),
  },
  {what: 'ck-bitflip-state', file: 'by-user/0.groups', damage: (path) => flip(path, 0.9)},
  {what: 'ck-bitflip in SHA256SUMS', file: 'SHA256SUMS', damage: (path) => flip(path, 0.3)},
  {what: 'ck-torn-metadata', file: '_metadata', damage: (path) => cut(path, 0.7)},
  {what: 'ck-torn-metadata of no bytes', file: '_metadata', damage: (path) => cut(path, 0)},
  {what: 'ck-truncated', file: 'by-user/0.groups', damage: (path) => cut(path, 0.99)},
  {what: 'ck-missing-file', file: 'by-user/0.groups', damage: (path) => rmSync(path)},
  {what: 'ck-missing-file: SHA256SUMS', file: 'SHA256SUMS', damage: (path) => rmSync(path)},
  {
    what: 'ck-zero-filled',
    file: 'by-user/0.groups',
    damage: (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
  },
];

function flip(path: string, share: number): void {
  const content = readFileSync(path);
  const at = Math.floor(content.length * share);
  content[at] = (content[at] ?? 0) ^ 4;
  writeFileSync(path, content);
}

function cut(path: string, share: number): void {
  truncateSync(path, Math.floor(readFileSync(path).length * share));
}

sampleTest.each(DAMAGES)(
  '$what: verify and restore are 4, with the file and the next command, and change nothing',
  async ({file, damage}) => {
    job.reset();
    damage(pathOf(file));
    const newest = job.checkpoint(NEWEST);
    const before = job.kept();
    const [verify, restore] = await Promise.all([
      tidemark(['checkpoint', 'verify', newest, '--json']),
      job.restore(newest, ['--output-ahead', 'withdraw', '--json']),
    ]);
    expect([verify.status, restore.status], restore.stdout).toEqual([4, 4]);
    expect(findingsOf(verify).map(({path}) => path)).toContain(pathOf(file));
    const error = errorOf(restore);
    expect(error).toMatchObject({code: 'CHECKPOINT_DAMAGED', exit_code: 4});
    expect(error.message).toContain(pathOf(file));
    expect(error.hint).toContain(`tidemark checkpoint verify ${newest}`);
    expect(error.hint).toContain(`the newest good one here is chk-${NEWEST - 1}`);
    await expectReadersEnd(file);
    expect(job.kept()).toEqual(before);
  },
);

/** Each command that reads the newest checkpoint names the file, with what to run next, and writes nothing. */
async function expectReadersEnd(file: string): Promise<void> {
  const made = join(job.directory, 'made');
  const endings = await endingsOfReaders(job.checkpoint(NEWEST), job.checkpoint(1), made);
  for (const [reader, ending] of endings) {
    // The bytes of state files are not its matter.
    if (reader === 'inspect' && ending === null && file.endsWith('.groups')) continue;
    expect(ending, reader).toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect(ending?.message, reader).toContain(pathOf(file));
    expect(ending?.details.hint, reader).toMatch(/./);
  }
  expect(readdirSync(job.directory).filter((name) => /made|copying/.test(name))).toEqual([]);
}

sampleTest('damage is told in text as in JSON', async () => {
  job.reset();
  flip(pathOf('by-user/0.groups'), 0.5);
  const newest = job.checkpoint(NEWEST);
  const [verify, restore] = await Promise.all([
    tidemark(['checkpoint', 'verify', newest]),
    job.restore(newest),
  ]);
  expect([verify.status, restore.status]).toEqual([4, 4]);
  expect(verify.stdout).toContain(`${pathOf('by-user/0.groups')}:0: error: `);
  expect(restore.stderr).toContain(`${pathOf('by-user/0.groups')} is damaged at byte 0`);
  expect(restore.stderr).toMatch(/next: .*see all of the damage: tidemark checkpoint verify/);
  expect(restore.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
});

describe('a run whose newest checkpoint is damaged', () => {
  beforeEach(() => {
    job.reset();
    flip(pathOf('by-user/0.groups'), 0.5);
  });

  sampleTest(
    'B28 stops with 4, names the newest good one and the command that uses it',
    async () => {
      const before = job.kept();
      // One after the other: of a directory that a run works in, a dry run says just that.
      for (const flags of [[], ['--dry-run', '--json']]) {
        const {status, stdout, stderr} = await job.run(flags);
        expect(status, stdout).toBe(4);
        const said = `${stdout}${stderr}`;
        expect(said).toContain(`chk-${NEWEST}/by-user/0.groups`);
        expect(said).toContain(`the newest good one is chk-${NEWEST - 1}`);
        expect(said).toContain(`tidemark run ${job.file} --on-damaged use-older`);
      }
      expect(job.kept()).toEqual(before);
    },
  );

  sampleTest(
    'the command that it names is refused for the output ahead, and works with withdraw',
    async () => {
      const before = job.kept();
      const refused = await job.run(['--on-damaged', 'use-older', '--json']);
      expect(refused.status, refused.stdout).toBe(16);
      expect(errorOf(refused)).toMatchObject({code: 'OUTPUT_AHEAD'});
      expect(errorOf(refused).hint).toContain('withdraw');
      expect(job.kept()).toEqual(before);
      const done = await job.finish(['--on-damaged', 'use-older', '--output-ahead', 'withdraw']);
      expect(done.status, done.stdout).toBe(0);
      expect(done.stdout).toContain(
        `restored from chk-${NEWEST - 1}, because the newer chk-${NEWEST}`,
      );
      expect(job.rows('orders')).toEqual(job.referenceOrders());
      expect(job.rows('totals')).toEqual(job.referenceTotals());
    },
  );

  sampleTest('B28 a newest good one that is damaged too is not called good', async () => {
    flip(pathOf('by-user/0.groups', NEWEST - 1), 0.5);
    const {status, stdout} = await job.run(['--json']);
    expect(status, stdout).toBe(4);
    expect(stdout).toContain(`the newest good one is chk-${NEWEST - 2}`);
  });

  sampleTest(
    'B29 one damaged checkpoint does not block going back to any other one by its id',
    async () => {
      const done = await job.restore('orders@2', ['--output-ahead', 'withdraw', '--json', ...FAST]);
      expect(done.status, done.stdout).toBe(0);
      expect(job.rows('orders')).toEqual(job.referenceOrders());
      expect(job.rows('totals')).toEqual(job.referenceTotals());
    },
  );

  sampleTest(
    'B30 with all of them damaged it never starts empty, whatever the policy',
    async () => {
      for (const id of [1, 2, 3]) flip(pathOf('_metadata', id), 0.5);
      const before = job.kept();
      for (const flags of [[], ['--on-damaged', 'use-older']]) {
        const {status, stdout} = await job.run([...flags, '--json']);
        expect(status, stdout).toBe(4);
        expect(stdout).not.toContain('"type":"started"');
      }
      for (const id of job.checkpointIds()) rmSync(job.checkpoint(id), {recursive: true});
      const none = await job.run(['--on-damaged', 'use-older', '--json']);
      expect(none.status, none.stdout).toBe(4);
      expect(errorOf(none).hint).toContain('--fresh');
      expect(job.parts().length).toBe(
        [...before.keys()].filter((it) => it.startsWith('out/')).length,
      );
    },
  );
});

describe('ck-no-metadata', () => {
  beforeEach(() => {
    job.reset();
    rmSync(pathOf('_metadata'));
  });

  sampleTest('list says incomplete, and B26: the newest restorable one is another', async () => {
    const {stdout} = await tidemark(['checkpoint', 'list', job.file, '--json']);
    const {items} = JSON.parse(stdout) as {
      items: {id: number; state: string; newest_restorable: boolean}[];
    };
    // The attempt in which the process died may be there or not.
    const published = items.filter(({state}) => state !== 'aborted');
    expect(published.map(({id, state, newest_restorable: newest}) => [id, state, newest])).toEqual([
      [NEWEST, 'incomplete', false],
      [NEWEST - 1, 'complete', true],
      [NEWEST - 2, 'complete', false],
      [NEWEST - 3, 'complete', false],
    ]);
  });

  sampleTest('verify is 4 with metadata-missing', async () => {
    const json = await tidemark(['checkpoint', 'verify', job.checkpoint(NEWEST), '--json']);
    expect(json.status).toBe(4);
    expect(findingsOf(json)).toMatchObject([{code: 'metadata-missing', path: pathOf('_metadata')}]);
    await expectReadersEnd('_metadata');
  });

  sampleTest('restore is 10 and names the next good one', async () => {
    const json = await job.restore(job.checkpoint(NEWEST), ['--json']);
    expect(json.status, json.stdout).toBe(10);
    expect(errorOf(json).hint).toContain(`chk-${NEWEST - 1}`);
  });
});

sampleTest('ck-none: restoring from an empty root says what was looked for', async () => {
  job.reset();
  rmSync(job.state, {recursive: true});
  for (const ref of ['orders@latest', job.checkpoint(7)]) {
    const json = await job.restore(ref, ['--json']);
    expect(json.status, json.stdout).toBe(10);
    expect(errorOf(json).message).toContain(ref);
  }
  expect(filesBelow(job.state)).toEqual([]);
});

sampleTest(
  'ck-extra-file: a file that no metadata names is a hint, kept, and hinders nothing',
  async () => {
    job.reset();
    writeFileSync(pathOf('by-user/1.groups'), 'mine');
    const json = await tidemark(['checkpoint', 'verify', job.checkpoint(NEWEST), '--json']);
    expect(json.status).toBe(0);
    expect(findingsOf(json)).toMatchObject([{severity: 'hint', path: pathOf('by-user/1.groups')}]);
    const done = await job.finish();
    expect(done.status, done.stdout).toBe(0);
    expect(job.rows('totals')).toEqual(job.referenceTotals());
  },
);
