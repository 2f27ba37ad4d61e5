// On a real disk, through the door: a checkpoint that Flink wrote is inspected, with the uids of a job file, shown, copied and
// verified; one that tidemark wrote is none of it.

import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';

import {afterAll, beforeAll, describe, expect, test} from 'vitest';

import {flinkInspectLines} from '#commands/_shared/flink-inspect-view.js';
import {makeStyle} from '#commands/_shared/style.js';
import {
  copyFlinkCheckpoint,
  inspectFlinkCheckpoint,
  listCheckpoints,
  verifyCheckpoints,
  type FlinkCheckpointDetails,
  type FlinkInspectOptions,
  type VerifyEvent,
} from '#src/index.js';
import {flinkOperatorId} from '#src/inspection/flink/flink-operator-id.js';
import {violations} from '../../commands/contract/commands.ts';
import {allDirectories, named} from './support/flink-disk.js';
import {
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  relative,
  subtaskOf,
} from './support/metadata-bytes.js';

const JOB = `name: flights
sources:
  rows: {connector: generator, rows: 1, fields: {id: {kind: sequence}}}
steps:
  - {id: late, type: filter, input: rows, where: id > 0}
sinks:
  out: {connector: blackhole, input: late}
`;
const OPTIONS: FlinkInspectOptions = {environment: {}, maps: [], uids: [], job: null};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flink-door-'));
});
afterAll(async () => rm(root, {recursive: true}));

async function unpacked(part: string): Promise<string> {
  const directory = named(part);
  const base = join(root, directory.name);
  for (const {path, size, bytes} of directory.files) {
    await mkdir(dirname(join(base, path)), {recursive: true});
    await writeFile(join(base, path), bytes ?? new Uint8Array(size));
  }
  return join(base, directory.checkpoints[0]!.path);
}

async function inspected(directory: string, options = OPTIONS): Promise<FlinkCheckpointDetails> {
  const details = await inspectFlinkCheckpoint(directory, options);
  if (details === null) throw new Error(`${directory} is none of Flink's`);
  return details;
}

async function verify(ref: string): Promise<{errorCode: string | null; codes: string[]}> {
  const events: VerifyEvent[] = [];
  const {errorCode} = await verifyCheckpoints([ref], {
    level: 'manifest',
    environment: {},
    onEvent: (event) => events.push(event),
  });
  return {
    errorCode,
    codes: events.flatMap((event) => (event.type === 'finding' ? [event.code] : [])),
  };
}

test('the details of each kind keep to the schema that ships', async () => {
  const some = ['e2e/savepoints/1.6', 'flink1.16-rocksdb-checkpoint', 'table-state', 'v6/'];
  const names = allDirectories().map(({name}) => name);
  for (const name of names.filter((one) =>
    some.some((part) => one.startsWith(part) || one.endsWith(part)),
  )) {
    const details = await inspected(await unpacked(name));
    const printed: unknown = JSON.parse(
      JSON.stringify({kind: 'CheckpointDetails', apiVersion: 'v1', ...details}),
    );
    expect(await violations('checkpoint-inspect', printed), name).toEqual([]);
  }
});

describe('a copy', () => {
  test('is self-contained, says so, and is verified', async () => {
    const directory = await unpacked('v6/file-merging-rocksdb');
    const target = join(root, 'copy');
    expect(await inspected(directory)).toMatchObject({self_contained: false, state: 'complete'});
    const copied = await copyFlinkCheckpoint(directory, target, {maps: []});
    expect(copied).toMatchObject({from: directory, path: target, relocated: 14});
    expect(await inspected(target)).toMatchObject({
      self_contained: true,
      state_size: 62_480,
      bytes: copied!.bytes,
    });
    expect(await verify(target)).toEqual({errorCode: null, codes: ['no-checksums']});
    // There, in the directory of a job, under the name of another checkpoint.
    await mkdir(join(root, 'job'));
    await writeFile(join(root, 'job', 'FORMAT'), '');
    for (const refused of [target, join(root, 'job', 'copy'), join(root, 'chk-999')]) {
      await expect(copyFlinkCheckpoint(directory, refused, {maps: []})).rejects.toMatchObject({
        code: 'REFUSED',
      });
    }
  });

  test('what Flink did not write is neither inspected nor copied', async () => {
    const directory = join(root, 'other');
    await mkdir(directory);
    expect(await inspectFlinkCheckpoint(directory, OPTIONS)).toBeNull();
    await writeFile(join(directory, '_metadata'), '{"_sha256":""}');
    expect(await inspectFlinkCheckpoint(directory, OPTIONS)).toBeNull();
    expect(await copyFlinkCheckpoint(directory, join(root, 'none'), {maps: []})).toBeNull();
  });
});

describe('what changes nothing is refused or said', () => {
  const KEPT = new URL('../../formats/kept/hashmap-full-0.1.0/files/state/kept', import.meta.url);
  const checkpoint = join(KEPT.pathname, 'chk-5');

  test('flags for Flink, of what tidemark wrote', async () => {
    const usage = {code: 'USAGE'};
    for (const flags of [{maps: ['/a=/b']}, {uids: ['late']}]) {
      const wrong = inspectFlinkCheckpoint(checkpoint, {...OPTIONS, ...flags});
      await expect(wrong).rejects.toMatchObject(usage);
    }
    const copied = copyFlinkCheckpoint(checkpoint, join(root, 'none'), {maps: ['/a=/b']});
    await expect(copied).rejects.toMatchObject(usage);
  });

  test('a sample of what has no checksums', async () => {
    const directory = await unpacked('v6/hashmap-aligned');
    const sampled = verifyCheckpoints([directory], {
      ...{level: 'checksum', environment: {}, sample: {text: '10%', seed: 1}},
      onEvent: () => undefined,
    });
    await expect(sampled).rejects.toMatchObject({code: 'USAGE'});
  });

  test('a --map that no path begins with', async () => {
    const directory = await unpacked('v6/rocksdb-incremental');
    const maps = ['/srv/fl/snapshots/rocksdb-incremental=/nowhere', '/none=/b'];
    const said: string[] = [];
    const onWarning = (text: string): void => void said.push(text);
    const unused = '--map /none=/b: no path that Flink wrote begins with it';
    await inspected(directory, {...OPTIONS, maps, onWarning});
    await verifyCheckpoints([directory], {
      ...{level: 'manifest', environment: {}, maps, onWarning},
      onEvent: () => undefined,
    });
    await copyFlinkCheckpoint(directory, join(root, 'mapped'), {maps: ['/none=/b'], onWarning});
    // And that a copy of state of RocksDB is not to be claimed.
    expect(said).toEqual([unused, unused, unused, expect.stringContaining('NO_CLAIM')]);
    const {warnings} = await listCheckpoints(dirname(directory), {environment: {}, maps});
    expect(warnings).toContain(unused);
  });
});

test('uids come from a job file and from the command line; others stay ids', async () => {
  const operators = ['late', 'named', 'unknown'].map((uid, index) =>
    operatorOf({
      id: flinkOperatorId(uid),
      subtasks: [subtaskOf(index % 2, keyGroupsHandle(relative('a', 3n), 0, 64))],
    }),
  );
  const directory = join(root, 'chk-1');
  await mkdir(directory);
  await writeFile(join(directory, '_metadata'), metadataOf(3, operators));
  await writeFile(join(directory, 'a'), 'abc');
  const job = join(directory, 'flights.job.yaml');
  await writeFile(job, JOB);
  const details = await inspected(directory, {...OPTIONS, uids: ['named'], job});
  expect(details.operators.map(({uid}) => uid)).toEqual(['late', 'named', null]);
  await expect(
    inspectFlinkCheckpoint(directory, {...OPTIONS, job: join(directory, 'a')}),
  ).rejects.toMatchObject({code: 'JOB_INVALID'});
  const style = makeStyle({isTTY: false, environment: {}, color: false});
  const lines = flinkInspectLines(details, {operator: null, files: true}, style).join('\n');
  expect(lines).toContain('checkpoint 1: complete');
  expect(lines).toContain('format     flink 3, written by Apache Flink 1.11 to 1.15');
  expect(lines).toMatch(/late +[0-9a-f]{32} +2 of 128/);
  expect(lines).toMatch(/late +- +keyed, hashmap +- +3 B/);
  expect(lines).toMatch(/3 B +own +\/.*\/chk-1\/a/);
  const one = flinkInspectLines(details, {operator: 'named', files: false}, style).join('\n');
  expect(one).toMatch(/1 +3 B +1 +0 to 63/);
  expect(one).not.toContain('late');
});
