// The file sink is exactly-once through power loss and I/O errors at every point, and stops rather than
// guess when the truth cannot be known (H66, H67, B42, B43, B44).

import {expect, test} from 'vitest';
import {sha256Hex} from '#src/base/checksum.js';
import {committablesState, readCommittables} from '#src/connectors/file/prepared-part.js';
import {
  checkFresh,
  findUnsettled,
  listParts,
  removeEarlierParts,
  settleSink,
  syncParts,
  withdrawParts,
  type SinkCommittables,
  type SinkMode,
} from '#src/connectors/file/settle.js';
import {fileSink} from '#src/connectors/file/sink.js';
import type {SinkWriter} from '#src/connectors/connector.js';
import type {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {LINEAGE, putFile, seeded, sinkSpec, testContext} from './support/context.ts';
import {
  batchOf,
  committedIds,
  DIRECTORY,
  EPOCHS,
  expectExactlyOnce,
  expectWholeParts,
  idsUpTo,
  newDisk,
  recover,
  runSink,
  TYPES,
  type Published,
} from './support/sink-suite.ts';

const PROOF = process.env['TIDEMARK_PROOF'] === '1' ? 20 : 1;
const SELECTION = {directory: DIRECTORY, job: 'my.job-1', sink: 'out'};

function newestAt(published: readonly Published[], position: number): Published | undefined {
  return published.findLast((each) => each.position <= position);
}

const FATES = {
  'nothing unsynced survives': () => 'lost' as const,
  'everything survives': () => 'whole' as const,
  'half of every append survives': () => 'half' as const,
} satisfies Record<string, () => 'lost' | 'whole' | 'half'>;

for (const aborted of [new Set<number>(), new Set([1, 2])]) {
  const title = aborted.size === 0 ? '' : ', two checkpoints aborted';
  for (const [name, fate] of Object.entries(FATES)) {
    test(`the power fails at any point: ${name}${title}`, async () => {
      for (const withOthers of [true, false]) {
        const disk = await newDisk(withOthers);
        const start = disk.log.length;
        const published: Published[] = [];
        await runSink({files: disk, generation: 1, from: 1, published, aborted});
        expect(await committedIds(disk)).toEqual(idsUpTo(EPOCHS));
        for (let position = start; position <= disk.log.length; position += 1) {
          const after = disk.afterCrash(position, fate);
          const newest = newestAt(published, position);
          await expectWholeParts(after, newest);
          await expectExactlyOnce(after, newest, withOthers);
        }
      }
    });
  }
}

test('the power fails at any point: any mix survives', async () => {
  const random = seeded(42);
  const disk = await newDisk(true);
  const start = disk.log.length;
  const published: Published[] = [];
  await runSink({files: disk, generation: 1, from: 1, published});
  for (let round = 0; round < 60 * PROOF; round += 1) {
    const position = start + Math.floor(random.next() * (disk.log.length - start + 1));
    const fates = ['lost', 'half', 'whole'] as const;
    const after = disk.afterCrash(position, () => fates[Math.floor(random.next() * 3)]!);
    await expectExactlyOnce(after, newestAt(published, position), true);
  }
});

for (const kind of ['fail', 'reply-lost'] as const) {
  test(`any one call ends in an error (${kind}): nothing is lost, the next run goes on`, async () => {
    for (let call = 1; ; call += 1) {
      const disk = await newDisk(true);
      const before = disk.callCount;
      const published: Published[] = [];
      disk.options = {
        fault: ({count}) => (count === before + call ? {kind, code: 'EIO'} : null),
      };
      let failed = true;
      try {
        await runSink({files: disk, generation: 1, from: 1, published});
        failed = false;
      } catch (error) {
        expect(error).toMatchObject({code: 'STORAGE_FAILED'});
      }
      const over = disk.callCount < before + call;
      disk.options = {};
      await expectWholeParts(disk, published.at(-1));
      await expectExactlyOnce(disk, published.at(-1), true);
      if (over && !failed) return;
    }
  });
}

async function openSink(
  files: MemoryFileSystem,
  options: Record<string, string | number> = {},
): Promise<SinkWriter> {
  const spec = sinkSpec({path: 'out/deep', format: 'json', ...options}, TYPES);
  const writer = fileSink.create(spec, testContext({files, uid: 'out'}));
  await writer.open();
  return writer;
}

test('a failed sync is made good by writing the part again into another file', async () => {
  const disk = await newDisk(false);
  let syncs = 0;
  disk.options = {
    fault: ({name}) => {
      if (name === 'sync') syncs += 1;
      return name === 'sync' && syncs === 1 ? {kind: 'fail', code: 'EIO'} : null;
    },
  };
  await runSink({files: disk, generation: 1, from: 1, published: []});
  expect(await committedIds(disk)).toEqual(idsUpTo(EPOCHS));
  const names = await disk.list(DIRECTORY);
  expect(names.filter(({name}) => name.startsWith('.'))).toEqual([]);
});

test('a sync that fails twice fails the attempt, and the sink refuses further use', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  disk.options = {fault: ({name}) => (name === 'sync' ? {kind: 'fail', code: 'EIO'} : null)};
  writer.write(batchOf([1]));
  await expect(writer.prepare(1)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
  expect(() => writer.write(batchOf([2]))).toThrow(/cannot sync/);
  await expect(writer.flow()).rejects.toThrow(/cannot sync/);
  await writer.close();
  expect(await committedIds(disk)).toEqual([]);
});

test('an epoch without rows makes no file, and nothing to commit', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  expect(await writer.prepare(1)).toEqual([]);
  await writer.commit(1);
  expect(await disk.list(DIRECTORY)).toEqual([]);
  await writer.close();
});

test('B42 an aborted checkpoint leaves its part pending, and the next one carries it', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  writer.write(batchOf([1]));
  await writer.prepare(1);
  await writer.abort(1);
  expect(await committedIds(disk)).toEqual([]);
  writer.write(batchOf([2]));
  const [state] = await writer.prepare(2);
  const {parts} = readCommittables(state!, {job: 'my.job-1', sink: 'out'});
  expect(parts.map(({final}) => final)).toEqual([
    `my.job-1.out.${LINEAGE}.c000001-g000001-s000-000000.ndjson`,
    `my.job-1.out.${LINEAGE}.c000002-g000001-s000-000001.ndjson`,
  ]);
  await writer.commit(2);
  await writer.commit(2);
  expect(await committedIds(disk)).toEqual([1, 2]);
  await writer.close();
});

test('a commit takes earlier epochs and leaves later ones', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  for (const id of [1, 2, 3]) {
    writer.write(batchOf([id]));
    await writer.prepare(id);
  }
  await writer.commit(2);
  expect(await committedIds(disk)).toEqual([1, 2]);
  await writer.close();
});

test('many rows go out in blocks while the sink is written to, with back-pressure', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  const ids = Array.from({length: 4000}, (_unused, id) => id);
  let waits = 0;
  for (let round = 0; round < 60; round += 1) {
    writer.write(batchOf(ids));
    const flow = writer.flow();
    if (flow !== null) waits += 1;
    await flow;
  }
  await writer.prepare(1);
  await writer.commit(1);
  const [part] = await listParts({files: disk, ...SELECTION});
  const text = disk.contentOf(`${DIRECTORY}/${part!.name}`).toString();
  expect(text.split('\n').length).toBe(240_001);
  expect(waits).toBeGreaterThan(0);
  await writer.close();
});

async function prepared(disk: MemoryFileSystem): Promise<{
  readonly published: Published;
  readonly committables: readonly SinkCommittables[];
  readonly temporary: string;
  readonly final: string;
}> {
  const writer = await openSink(disk);
  writer.write(batchOf([1, 2]));
  const states = await writer.prepare(1);
  await writer.close();
  const owner = {job: 'my.job-1', sink: 'out'};
  const committables = states.map((state) => ({sink: 'out', ...readCommittables(state, owner)}));
  const [part] = committables[0]!.parts;
  return {
    committables,
    published: {checkpointId: 1, states, position: disk.log.length, generation: 1},
    temporary: `${DIRECTORY}/${part!.temporary}`,
    final: `${DIRECTORY}/${part!.final}`,
  };
}

test('H66 a prepared file that is gone stops with its name', async () => {
  const disk = await newDisk(true);
  const {published, temporary, final} = await prepared(disk);
  await disk.unlink(temporary);
  await expect(recover(disk, published)).rejects.toMatchObject({
    code: 'COMMIT_UNDECIDED',
    message: /\.inprogress is gone, and my\.job-1\.out.*ndjson is not there/,
    details: {file: temporary},
  });
  expect(disk.snapshot().has(final)).toBe(false);
});

test('H66 a prepared file that is gone after it was linked is committed', async () => {
  const disk = await newDisk(true);
  const {published, temporary, final} = await prepared(disk);
  await disk.rename(temporary, final);
  await recover(disk, published);
  expect(await committedIds(disk)).toEqual([1, 2]);
});

test('H66 a prepared file that was changed is not linked', async () => {
  const disk = await newDisk(true);
  const {published, temporary, final} = await prepared(disk);
  const changed = disk.contentOf(temporary);
  changed[3]! ^= 1;
  disk.overwrite(temporary, changed);
  await expect(recover(disk, published)).rejects.toMatchObject({code: 'COMMIT_UNDECIDED'});
  expect(disk.snapshot().has(final)).toBe(false);
});

for (const content of ['something else', '{"id":1,"name":"row 9"}\n{"id":2,"name":"row 2"}\n']) {
  test(`H67 a final name with other content stops, never overwrites (${content.length} bytes)`, async () => {
    const disk = await newDisk(true);
    const {published, temporary, final} = await prepared(disk);
    await putFile(disk, final, content);
    await expect(recover(disk, published)).rejects.toMatchObject({
      code: 'COMMIT_UNDECIDED',
      details: {file: final},
    });
    expect(disk.contentOf(final).toString()).toBe(content);
    expect(disk.snapshot().has(temporary)).toBe(true);
  });
}

test('H67 the same while the job runs: the commit fails and the file stays', async () => {
  const disk = await newDisk(false);
  const writer = await openSink(disk);
  writer.write(batchOf([1]));
  const [state] = await writer.prepare(1);
  const {parts} = readCommittables(state!, {job: 'my.job-1', sink: 'out'});
  await putFile(disk, `${DIRECTORY}/${parts[0]!.final}`, 'mine');
  await expect(writer.commit(1)).rejects.toMatchObject({code: 'COMMIT_UNDECIDED'});
  expect(disk.contentOf(`${DIRECTORY}/${parts[0]!.final}`).toString()).toBe('mine');
  await writer.close();
});

test('H65 listed parts say what is ahead, and withdrawing moves just those', async () => {
  const disk = await newDisk(true);
  await runSink({files: disk, generation: 1, from: 1, published: []});
  const parts = await listParts({files: disk, ...SELECTION});
  const ahead = parts.filter(({part}) => part.checkpointId > 1).map(({name}) => name);
  await withdrawParts({files: disk, ...SELECTION, generation: 2, names: ahead});
  expect(await committedIds(disk)).toEqual(idsUpTo(1));
  const withdrawn = await disk.list(`${DIRECTORY}/.withdrawn/2`);
  expect(withdrawn.map(({name}) => name)).toEqual(ahead);
  const selection = {files: disk, ...SELECTION, generation: 2, names: ahead.slice(0, 1)};
  await putFile(disk, `${DIRECTORY}/${ahead[0]!}`, 'again');
  await expect(withdrawParts(selection)).rejects.toMatchObject({code: 'REFUSED'});
});

test('what is not final yet is found without changing anything', async () => {
  const disk = await newDisk(false);
  const {committables} = await prepared(disk);
  const before = disk.snapshot();
  expect(await findUnsettled({files: disk, committables})).toHaveLength(1);
  expect(disk.snapshot()).toEqual(before);
  await settleSink({files: disk, committables});
  expect(await findUnsettled({files: disk, committables})).toEqual([]);
  for (const name of ['status', 'openForRead', 'read']) {
    disk.options = {fault: (call) => (call.name === name ? {kind: 'fail', code: 'EIO'} : null)};
    await expect(findUnsettled({files: disk, committables})).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  }
});

test('what whoever died made final, and did not sync, is durable before it is relied on', async () => {
  const disk = await newDisk(false);
  const {committables, temporary, final} = await prepared(disk);
  await disk.link(temporary, final);
  const isFinal = (): boolean => {
    const names = disk.afterCrash(disk.log.length, () => 'lost').namesIn(DIRECTORY);
    return names.some((name) => final.endsWith(`/${name}`));
  };
  expect(isFinal()).toBe(false);
  await syncParts({files: disk, committables});
  expect(isFinal()).toBe(true);
  disk.options = {
    fault: ({name}) => (name === 'syncDirectory' ? {kind: 'fail', code: 'EIO'} : null),
  };
  await expect(syncParts({files: disk, committables})).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
});

const NEWER = '00000000000000cc';

test('overwrite removes parts of the named lineages and nothing else', async () => {
  const disk = await newDisk(true);
  await runSink({files: disk, generation: 1, from: 1, published: []});
  const before = disk.snapshot();
  await removeEarlierParts({files: disk, ...SELECTION, lineages: new Set([NEWER])});
  expect(disk.snapshot()).toEqual(before);
  await removeEarlierParts({files: disk, ...SELECTION, lineages: new Set([NEWER, LINEAGE])});
  expect(await committedIds(disk)).toEqual([]);
  expect(disk.contentOf(`${DIRECTORY}/notes.txt`).toString()).toBe('mine');
});

test('overwrite refuses parts that no run of this checkpoint directory wrote', async () => {
  const disk = await newDisk(true);
  await runSink({files: disk, generation: 1, from: 1, published: []});
  const before = disk.snapshot();
  const check = async (mode: SinkMode, lineage: string, earlier: readonly string[]) =>
    checkFresh({
      files: disk,
      ...SELECTION,
      mode,
      lineage,
      earlierLineages: new Set(earlier),
      toCommit: [],
    });
  await check('overwrite', LINEAGE, []);
  await check('overwrite', NEWER, [LINEAGE]);
  await check('append', NEWER, []);
  await expect(check('overwrite', NEWER, [])).rejects.toMatchObject({code: 'REFUSED'});
  expect(disk.snapshot()).toEqual(before);
});

test('error-if-exists refuses any visible file but our own lineage', async () => {
  const disk = await newDisk(false);
  const check = async (lineage: string, toCommit: readonly SinkCommittables[] = []) =>
    checkFresh({
      files: disk,
      ...SELECTION,
      mode: 'error-if-exists',
      lineage,
      earlierLineages: new Set([LINEAGE]),
      toCommit,
    });
  await check(LINEAGE);
  await runSink({files: disk, generation: 1, from: 1, published: []});
  await check(LINEAGE);
  await expect(check(NEWER)).rejects.toMatchObject({code: 'REFUSED'});
});

test('error-if-exists refuses what an earlier run is yet to commit', async () => {
  const disk = await newDisk(false);
  const {committables: toCommit} = await prepared(disk);
  const request = {
    files: disk,
    ...SELECTION,
    mode: 'error-if-exists',
    lineage: NEWER,
    earlierLineages: new Set([LINEAGE]),
  } as const;
  await checkFresh({...request, toCommit: []});
  await expect(checkFresh({...request, toCommit})).rejects.toMatchObject({code: 'REFUSED'});
});

test('committables that name anything but parts of this sink are refused', () => {
  const stem = `my.job-1.out.${LINEAGE}`;
  const good = {
    temporary: `.${stem}.g000001-s000-000000.ndjson.inprogress`,
    final: `${stem}.c000001-g000001-s000-000000.ndjson`,
    size: 1,
    sha256: sha256Hex('x'),
  };
  const owner = {job: 'my.job-1', sink: 'out'};
  const check = (part: typeof good, directory = DIRECTORY): unknown =>
    readCommittables(committablesState({directory, parts: [part]}), owner);
  expect(check(good)).toEqual({directory: DIRECTORY, parts: [good]});
  const bad = [
    {...good, final: '../../etc/passwd'},
    {...good, temporary: 'notes.txt'},
    {...good, final: good.final.replace('my.job-1', 'my.job-2')},
    {...good, final: good.final.replace('000000.', '000001.')},
    {...good, size: -1},
    {...good, sha256: 'x'},
  ];
  for (const part of bad) expect(() => check(part)).toThrow(/sink out prepared/);
  expect(() => check(good, 'relative')).toThrow(/absolute/);
});

test('H44 a directory that may not be written says which path and user', async () => {
  const disk = await newDisk(false);
  disk.options = {
    fault: ({name}) => (name === 'makeDirectory' ? {kind: 'fail', code: 'EACCES'} : null),
  };
  await expect(openSink(disk)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringMatching(/out: cannot make the directory \/job\/out as user \d+: EACCES/),
  });
});
