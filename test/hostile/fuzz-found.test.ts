// What the fuzz of checkpoints has found, each by itself.

import {fileURLToPath} from 'node:url';
import {beforeAll, describe, expect, test} from 'vitest';

import {crc32, sha256Hex} from '#src/base/checksum.js';
import {SeededRandom} from '#src/base/random.js';
import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {planFlinkCopy} from '#src/inspection/flink/plan-flink-copy.js';
import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import type {Finding} from '#src/storage/finding.js';
import {FakeTime} from '../storage/support/fixture.ts';
import {flinkTrees} from './fuzz/flink-trees.ts';
import {FuzzDisk, type Entry} from './fuzz/fuzz-disk.ts';
import {placeOn, rowsOf} from './fuzz/judge.ts';
import {keptTrees, type Kept} from './fuzz/kept-trees.ts';
import {MUTATIONS} from './fuzz/mutations.ts';
import {bodyOf, OUTSIDE, replaceState, setBody, sumAgain} from './fuzz/subject.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
let kept: ReadonlyMap<string, Kept>;

beforeAll(async () => {
  kept = new Map((await keptTrees(KEPT)).map((one) => [one.name, one]));
});

async function findingsOf(disk: FuzzDisk, directory: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  await verifyCheckpoints({
    ...{files: disk, clock: new FakeTime(), directories: [directory], level: 'decode'},
    place: placeOn(disk),
    onFinding: (finding) => findings.push(finding),
  });
  return findings;
}

describe('H35: a link in place of the directory of a checkpoint is not followed', () => {
  let disk: FuzzDisk;
  let one: Kept;

  beforeAll(() => {
    one = kept.get('hashmap-full-0.1.0')!;
    const tree = new Map<string, Entry>(one.tree);
    for (const [path, entry] of one.tree) {
      if (!path.startsWith(`${one.directory}/`)) continue;
      tree.delete(path);
      tree.set(`${OUTSIDE}/moved${path.slice(one.directory.length)}`, entry);
    }
    tree.set(`${OUTSIDE}/moved`, {kind: 'directory'});
    tree.set(one.directory, {kind: 'link', target: `${OUTSIDE}/moved`});
    disk = new FuzzDisk(tree);
    disk.allow([one.home]);
  });

  test('list shows damage, with no bytes', async () => {
    const {items} = await listCheckpointDirectory(disk, one.home);
    expect(items).toMatchObject([{path: one.directory, state: 'damaged', bytes: 0}]);
    expect(disk.violations).toEqual([]);
  });

  test('inspect, the state reader, verify and restore refuse it', async () => {
    await expect(inspectCheckpoint(disk, one.directory)).rejects.toThrow(/is a link/);
    await expect(rowsOf(disk, one.directory)).rejects.toMatchObject({code: 'REFUSED'});
    expect((await findingsOf(disk, one.directory)).map(({code}) => code)).toEqual(['kind-refused']);
    expect((await readCheckpoint(disk, one.directory))?.state).toBe('refused');
    expect(disk.violations).toEqual([]);
  });
});

/** The checkpoint with other bytes in one file, and sums that agree. */
function changed(one: Kept, end: string, change: (bytes: Buffer) => void): FuzzDisk {
  const tree = new Map(one.tree);
  const path = one.files.find((file) => file.endsWith(end))!;
  const entry = tree.get(path);
  if (entry?.kind !== 'file') throw new Error(`no file ${path}`);
  const bytes = Buffer.from(entry.data);
  change(bytes);
  expect([crc32(bytes), sha256Hex(bytes)]).not.toEqual([crc32(entry.data), sha256Hex(entry.data)]);
  replaceState({...one, tree}, path, bytes);
  sumAgain({...one, tree});
  return new FuzzDisk(tree);
}

test('a key that is no text is damage for whoever reads rows, also without verify', async () => {
  const one = kept.get('hashmap-full-0.1.0')!;
  const disk = changed(one, 'windows/0.groups', (bytes) => {
    const keys = [...one.rows.matchAll(/^windows.groups sensor=(\S+)/gmu)].map(([, key]) => key!);
    const at = Math.max(...keys.map((key) => bytes.lastIndexOf(key)));
    expect(at).toBeGreaterThan(200);
    bytes[at] = 0xff;
  });
  await expect(rowsOf(disk, one.directory)).rejects.toMatchObject({
    code: 'CHECKPOINT_DAMAGED',
    message: expect.stringContaining('the key column sensor is no string') as string,
  });
  expect(await findingsOf(disk, one.directory)).toMatchObject([
    {code: 'rows-damaged', expected: 'string', found: 'something else'},
  ]);
});

test('a MANIFEST that nobody understands is damage where its bytes are what was written', async () => {
  const one = kept.get('rocksdb-full-0.1.0')!;
  // The tag of the first edit: one that there is none of.
  const disk = changed(one, 'rocksdb-manifest-000009', (bytes) => (bytes[7] = 0x6f));
  await expect(rowsOf(disk, one.directory)).rejects.toMatchObject({
    code: 'CHECKPOINT_DAMAGED',
    message: expect.stringContaining('is not understood') as string,
  });
});

/** The checkpoint with another `_metadata`, and sums that agree. */
function described(one: Kept, from: RegExp, to: string): FuzzDisk {
  const tree = new Map(one.tree);
  const text = bodyOf({...one, tree});
  expect(from.test(text)).toBe(true);
  setBody({...one, tree}, text.replace(from, to));
  sumAgain({...one, tree});
  return new FuzzDisk(tree);
}

test.each([
  [/"sections":\[/u, '"sections":[7,'],
  [/"edge":"[^"]*"/u, '"edge":9'],
])('in-flight data that its handle does not describe is damage: %s', async (from, to) => {
  const one = kept.get('unaligned-in-flight-0.1.0')!;
  const found = await findingsOf(described(one, from, to), one.directory);
  expect(found.map(({code}) => code)).toContain('rows-damaged');
});

test('a place in a chain that is no text is a broken chain', async () => {
  const one = kept.get('hashmap-incremental-0.1.0')!;
  const disk = described(one, /"previous":"[0-9a-f]*"/u, '"previous":7');
  const found = await findingsOf(disk, one.directory);
  expect(found.map(({code}) => code)).toContain('chain-broken');
});

test('a database with one of its files twice is damage, not a disk that failed', async () => {
  const one = kept.get('rocksdb-full-0.1.0')!;
  const disk = described(one, /"file":"OPTIONS-000011"/u, '"file":"MANIFEST-000009"');
  await expect(rowsOf(disk, one.directory)).rejects.toMatchObject({
    code: 'CHECKPOINT_DAMAGED',
    message: expect.stringContaining('MANIFEST-000009 is in the database a second time') as string,
  });
  expect((await findingsOf(disk, one.directory)).map(({code}) => code)).toEqual(['rows-damaged']);
});

test('H35: a link in place of the directory that Flink wrote is not followed', async () => {
  const [flink] = await flinkTrees();
  const {directory, top} = flink!;
  const tree = new Map<string, Entry>();
  for (const [path, entry] of flink!.tree)
    tree.set(path.replace(directory, '/outside/moved'), entry);
  tree.set(directory, {kind: 'link', target: '/outside/moved'});
  const disk = new FuzzDisk(tree);
  disk.allow([top]);
  const options = {files: disk, directory, maps: []};
  await expect(inspectFlinkDirectory({...options, uids: []})).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('is a link') as string,
  });
  await expect(planFlinkCopy(options)).rejects.toMatchObject({code: 'REFUSED'});
  expect(disk.violations).toEqual([]);
});

test.each([
  ['17 key columns', /"key":\[\[.*?\]\]/u, `"key":${JSON.stringify(columns(17))}`],
  ['more columns for the key group', /"key_group_columns":\d+/u, '"key_group_columns":17'],
  [
    'half a key group',
    /"key_group_columns":1,"max_parallelism":16/u,
    '"key_group_columns":1,"max_parallelism":0.5',
  ],
])('a schema with %s is of no table', async (_name, from, to) => {
  const one = kept.get('hashmap-full-0.1.0')!;
  const disk = described(one, from, to);
  expect((await findingsOf(disk, one.directory)).map(({code}) => code)).toContain('rows-damaged');
  await expect(rowsOf(disk, one.directory)).rejects.toMatchObject({
    code: 'CHECKPOINT_DAMAGED',
    message: expect.stringContaining('no table has') as string,
  });
});

function columns(count: number): [string, string][] {
  return Array.from({length: count}, (_, index) => [`k${index}`, 'bigint']);
}

test('H35: a link in place of shared/ is not looked into for files that nobody needs', async () => {
  const one = kept.get('hashmap-incremental-0.1.0')!;
  const tree = new Map(one.tree);
  MUTATIONS['link beside']!.apply({...one, tree}, new SeededRandom(1));
  expect(tree.get(`${one.home}/shared`)).toMatchObject({kind: 'link'});
  const disk = new FuzzDisk(tree);
  disk.allow([one.home]);
  const {items, orphans} = await listCheckpointDirectory(disk, one.home);
  expect(items.map(({state}) => state)).toEqual(['damaged', 'damaged']);
  expect(orphans).toEqual([]);
  expect(disk.violations).toEqual([]);
});
