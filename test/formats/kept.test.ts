// Promise: what a released version wrote is read and restored by this one, from the kept bytes and at any parallelism, with
// equal output; nobody ever writes to them. README.md says what lies in `kept/`.

import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, describe, expect, test} from 'vitest';

import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {bytesBelow, digestsOf, keep, readCorpus, type Kept} from './support/corpus.ts';
import {readFacts} from './support/facts.ts';
import {expectedOutput, visibleOutput} from './support/kept-job.ts';
import {KINDS, stopWithSavepoint} from './support/kinds.ts';
import {expectedGroups} from './support/rocksdb-job.ts';
import {Machine, ROOT} from './support/machine.ts';

const KEPT = fileURLToPath(new URL('kept', import.meta.url));
const BYTES_MAX = 550_000;
const CORPUS = readCorpus(KEPT);

async function machineWith({files}: Kept): Promise<Machine> {
  const machine = new Machine(7);
  await machine.put(files);
  return machine;
}

describe.each(CORPUS)('$name', (kept) => {
  const {facts} = kept;
  const checkpoint = `${ROOT}/${facts.checkpoint}`;
  const isSavepoint = facts.found.kind === 'savepoint';

  test('its bytes are those that were kept', () => {
    expect(digestsOf(kept.files)).toEqual(facts.sha256);
  });

  test.each([1, 2, 3])('holds what its facts say, read by %i subtasks', async (subtasks) => {
    const directory = join(KEPT, kept.name, 'files', facts.checkpoint);
    expect(await readFacts(nodeFileSystem, directory, subtasks)).toEqual(facts.found);
  });

  // A database of RocksDB needs files and threads of a real machine.
  test.runIf(facts.output !== null).each([1, 2, 3])(
    'restores at parallelism %i to the output of its facts',
    async (parallelism) => {
      const machine = await machineWith(kept);
      const request = isSavepoint ? {restoreFrom: checkpoint} : {};
      expect(await machine.endOf(machine.start(parallelism, request))).toBe('FINISHED');
      const started = machine.events.find((event) => event.type === 'started');
      expect(started).toMatchObject({restoredFrom: checkpoint});
      expect(visibleOutput(machine.files())).toEqual(facts.output);
    },
  );

  test('what it says is what its input says', () => {
    if (facts.output !== null) expect(facts.output).toEqual(expectedOutput());
    else {
      const groups = expectedGroups().map(([k, n, total]) => [
        `k=${k}`,
        `n.count${n}`,
        `total.sum!${total}`,
      ]);
      const rows = facts.found.operators['running']?.tables['groups'] ?? [];
      expect(rows.map((row) => row.split(' ').slice(0, 3))).toEqual(groups);
    }
  });
});

test.each(CORPUS.filter(({facts}) => facts.found.kind === 'savepoint'))(
  '$name restores from another place',
  async (kept) => {
    const {checkpoint, output} = kept.facts;
    const moved = [...kept.files].map(([path, bytes]): [string, Uint8Array] => [
      path.replace(checkpoint, 'elsewhere/copy'),
      bytes,
    ]);
    const machine = await machineWith({...kept, files: new Map(moved)});
    const process = machine.start(1, {restoreFrom: `${ROOT}/elsewhere/copy`});
    expect(await machine.endOf(process)).toBe('FINISHED');
    expect(visibleOutput(machine.files())).toEqual(output);
  },
);

test.each([
  ['savepoint-canonical-gzip', 'rocksdb'],
  ['savepoint-canonical-brotli', 'hashmap'],
])('%s restores into the backend %s at another parallelism', async (kind, backend) => {
  const kept = CORPUS.find(({name}) => name === `${kind}-0.1.0`)!;
  const machine = await machineWith(kept);
  const restoreFrom = `${ROOT}/${kept.facts.checkpoint}`;
  const process = machine.start(3, {restoreFrom}, [['state.backend', backend]]);
  expect(await machine.endOf(process)).toBe('FINISHED');
  expect(visibleOutput(machine.files())).toEqual(kept.facts.output);
});

test.each([
  ['gzip', 'hashmap'],
  ['brotli', 'rocksdb'],
])('a canonical savepoint is compressed with %s, of backend %s', async (codec) => {
  const kept = CORPUS.find(({name}) => name === `savepoint-canonical-${codec}-0.1.0`)!;
  const machine = await machineWith(kept);
  const process = machine.start(2, {restoreFrom: `${ROOT}/${kept.facts.checkpoint}`});
  await machine.until(() => !process.living || machine.published !== null);
  const path = await stopWithSavepoint(machine, process, 'canonical');
  const metadata = JSON.parse(machine.disk.dataOf(`${path}/_metadata`).toString()) as unknown;
  expect(metadata).toMatchObject({
    kind: 'savepoint',
    compression: codec,
    required_features: ['canonical-state', `compression-${codec}`],
  });
});

test('the kinds are what their names say', () => {
  const of = (kind: string) => {
    const {facts} = CORPUS.find(({name}) => name === `${kind}-0.1.0`)!;
    const inline = Object.values(facts.found.operators).flatMap((operator) => operator.inline);
    const messages = Object.values(facts.found.operators).flatMap(({inFlight}) =>
      Object.values(inFlight),
    );
    return {facts, text: JSON.stringify(inline), messages};
  };
  expect(of('hashmap-full').facts.found).toMatchObject({kind: 'checkpoint', requiredFeatures: []});
  expect(of('hashmap-full').facts.found.operators['running']?.tables['groups']?.length).toBe(6);
  expect(of('unaligned-in-flight').facts.found.requiredFeatures).toEqual(['in-flight-data']);
  expect(of('unaligned-in-flight').messages.length).toBeGreaterThan(0);
  const prepared = [...of('file-sink-prepared').text.matchAll(/"final":"([^"]+)"/gu)];
  expect(prepared.length).toBeGreaterThanOrEqual(3);
  const paths = Object.keys(of('file-sink-prepared').facts.sha256);
  for (const [, name] of prepared)
    expect(paths.some((path) => path.endsWith(`/${name}`))).toBe(false);
  expect(of('savepoint-canonical').facts.found.requiredFeatures).toEqual(['canonical-state']);
  expect(of('savepoint-native').facts.found.requiredFeatures).toEqual([]);
  const features = (kind: string) => of(kind).facts.found.requiredFeatures;
  expect(features('hashmap-incremental')).toEqual(['shared-files', 'state-deltas']);
  expect(features('hashmap-compressed')).toEqual(['compression-gzip']);
  expect(features('savepoint-canonical-gzip')).toEqual(['canonical-state', 'compression-gzip']);
  expect(features('savepoint-canonical-brotli')).toEqual(['canonical-state', 'compression-brotli']);
  expect(features('rocksdb-full')).toEqual(['rocksdb-state']);
  expect(features('rocksdb-incremental')).toEqual(['shared-files', 'rocksdb-state']);
});

describe('the kept bytes', () => {
  test('are of every kind, and small', () => {
    const names = CORPUS.map(({name}) => name);
    expect(names).toEqual(
      expect.arrayContaining(KINDS.map(({name, version}) => `${name}-${version}`)),
    );
    expect(bytesBelow(KEPT)).toBeLessThan(BYTES_MAX);
  });

  test('name no place of the machine that wrote them', () => {
    for (const {name, files} of CORPUS) {
      for (const [path, bytes] of files) {
        const found = Buffer.from(bytes)
          .toString('latin1')
          .match(/"\/(?!job\/)[^"]*"/u);
        expect(found?.[0], `${name}/${path}`).toBeUndefined();
      }
    }
  });

  test('are not converted by git', () => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const path = 'test/formats/kept/any/files/any.ndjson';
    const told = execFileSync('git', ['check-attr', 'text', '--', path], {cwd, encoding: 'utf8'});
    expect(told).toBe(`${path}: text: unset\n`);
  });

  test('what is there is not written again', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-kept-'));
    try {
      const [one, other] = CORPUS;
      expect(keep(directory, {...one!, name: 'one'})).toBe(true);
      expect(keep(directory, {...other!, name: 'one'})).toBe(false);
      expect(readCorpus(directory)).toEqual([{...one!, name: 'one'}]);
    } finally {
      rmSync(directory, {recursive: true});
    }
  });

  afterAll(() => {
    const now = readCorpus(KEPT);
    expect(now.map(({name, files}) => [name, digestsOf(files)])).toEqual(
      CORPUS.map(({name, facts}) => [name, facts.sha256]),
    );
  });
});
