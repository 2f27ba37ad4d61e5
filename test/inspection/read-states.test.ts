// Promise: the rows of a checkpoint are read without its job, whatever form they are stored in, and are the rows that a restore
// has; no byte is used that is not what was written; a checkpoint that goes meanwhile is gone, not damaged.

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, describe, expect, test} from 'vitest';

import {readStates} from '#src/inspection/state/read-states.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {storeThreads} from '#src/runtime/store-thread.js';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {OpenStore} from '#src/state/rocksdb/row-store.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {readCorpus} from '../formats/support/corpus.ts';
import {HybridFiles} from '../state/support/hybrid-files.ts';
import {
  ALL,
  manyKeys,
  MAX_PARALLELISM,
  resolve,
  Running,
  SPEC,
} from '../state/support/incremental.ts';
import type {MemoryFiles} from '../state/support/memory-files.ts';
import {STORE_OPTIONS} from '../state/support/store-options.ts';
import {allTexts, textsOf} from './support/state-text.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-states-'));

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

/** What a model says, as `rowTexts` does: nothing is ever counted in it. */
function expected(model: ReadonlyMap<string, string>): string[] {
  return [...model]
    .map(([key, text]) => {
      const [word, number] = key.split('|');
      return `word=${word!} number=${number!} count=NULL last=${text}`;
    })
    .sort();
}

/** A file with all rows and three deltas, with rows that changed, came and went. */
async function chain(compression: 'none' | 'gzip'): Promise<{
  running: Running;
  states: readonly FileState[];
  directory: string;
}> {
  const running = new Running({deltasMax: 10, compression});
  await running.update(manyKeys, 'first');
  let taken = await running.snapshot();
  for (let round = 0; round < 3; round += 1) {
    running.complete(taken);
    await running.update([[`new ${round}`, 9007199254740993n + BigInt(round)]], `round ${round}`);
    await running.remove(manyKeys.slice(round * 10, round * 10 + 5));
    taken = await running.snapshot();
  }
  running.complete(taken);
  expect(taken.states).toHaveLength(4);
  return {running, states: taken.states, directory: `/chk-${taken.id}`};
}

describe.each(readCorpus(KEPT))('the kept $name', (kept) => {
  test('has the rows of its facts', async () => {
    const directory = join(KEPT, kept.name, 'files', kept.facts.checkpoint);
    const found: Record<string, string[]> = {};
    for await (const rows of readStates({files: nodeFileSystem, directory})) {
      const {operator, state, subtask} = rows.table;
      const whose = `${operator}.${state}`;
      expect([0, 1]).toContain(subtask);
      const texts = await allTexts(
        (async function* () {
          yield Promise.resolve(rows);
        })() as AsyncIterable<typeof rows>,
      );
      found[whose] = [...(found[whose] ?? []), ...texts].sort();
    }
    const facts = Object.entries(kept.facts.found.operators).flatMap(([uid, {tables}]) =>
      Object.entries(tables).map(([state, rows]): [string, string[]] => [
        `${uid}.${state}`,
        rows.map(factText).sort(),
      ]),
    );
    expect(facts.some(([, rows]) => rows.length > 0)).toBe(true);
    expect(found).toEqual(Object.fromEntries(facts.filter(([, rows]) => rows.length > 0)));
  });
});

/** `sensor=a n.count2 mean.avg-sum!14 window.fired` → `sensor=a n.count=2 mean.avg-sum=14 window.fired=false` */
function factText(text: string): string {
  const slot =
    /(?<= )([a-z-]+\.(?:count|avg-sum|max|min|sum|first|updated|fired))(!?)(\S*?n?)(?= [a-z-]+\.|$)/gu;
  return text
    .replace(/(?<= big\.sum!?)(-?\d+)n/gu, '$1')
    .replace(/first!(.*?)(?= ttl\.)/u, (_, value: string) => `first!${value.replaceAll(' ', '_')}`)
    .replace(slot, (_, name: string, set: string, value: string) => {
      if (name.endsWith('.fired')) return `${name}=${String(set === '!')}`;
      if (set === '' && !name.endsWith('count') && (value === '0' || value === '')) {
        return `${name}=NULL`;
      }
      return `${name}=${value.replaceAll('_', ' ')}`;
    })
    .replace('sensor=null', 'sensor=NULL');
}

describe.each(['none', 'gzip'] as const)('hashmap files, compression %s', (compression) => {
  test('one file has all rows', async () => {
    const running = new Running({compression});
    await running.update(manyKeys, 'first');
    await running.remove(manyKeys.slice(0, 50));
    const {states, id, model} = await running.snapshot(true);
    running.complete({states, id, model});
    const texts = await textsOf(running.files, `/chk-${id}`, states);
    expect(texts.sort()).toEqual(expected(model));
  });

  test('a chain has the rows that are left when its deltas are applied', async () => {
    const {running, states, directory} = await chain(compression);
    const texts = await textsOf(running.files, directory, states);
    expect(texts.sort()).toEqual(expected(running.model));
    expect(texts.some((text) => text.includes('number=9007199254740993 '))).toBe(true);
  });

  test('a canonical file has them too, each key once', async () => {
    const {running, states, directory} = await chain(compression);
    const state = await convertSnapshot(running.files, {
      sourceDirectory: directory,
      states,
      targetDirectory: '/sp',
      targetPath: 'op/0.rows',
      compression,
    });
    const texts = await textsOf(running.files, '/sp', [state]);
    expect(texts.toSorted()).toEqual(expected(running.model));
  });
});

test('each flipped byte of a state file is found before a row of its chunk is used', async () => {
  const {running, states, directory} = await chain('none');
  const path = `/shared/${states[1]!.sha256.slice(0, 2)}/${states[1]!.sha256}`;
  const bytes = running.files.content.get(path)!;
  for (let at = 0; at < bytes.length; at += 97) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1;
    running.files.content.set(path, damaged);
    await expect(textsOf(running.files, directory, states)).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
    });
  }
});

test('a checkpoint that is deleted while it is read is gone, not damaged', async () => {
  const {running, states, directory} = await chain('none');
  for (const path of [...running.files.content.keys()]) {
    if (path.startsWith('/shared/') || path.startsWith(directory)) {
      running.files.content.delete(path);
    }
  }
  running.files.directories.clear();
  await expect(textsOf(running.files, directory, states)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

async function rocksdbRows(
  files: MemoryFiles,
  local: string,
  openStore: OpenStore,
): Promise<string[]> {
  const backend = new RocksdbBackend({
    ...{uid: 'op', subtask: 0, maxParallelism: MAX_PARALLELISM, keyGroups: ALL},
    ...{restored: [], restoredDirectory: null, files, openStore},
    writer: new InProcessWriter(files),
    place: {jobDirectory: '/job', generation: 1, uid: 'op', subtask: 0, directories: [local]},
    settings: {store: STORE_OPTIONS, cacheBytes: 300, transferThreads: 1},
    incremental: false,
    ownsRestored: false,
  });
  const table = await backend.openTable(SPEC);
  const text = new TextEncoder().encode('kept');
  const rows = resolve(table, manyKeys.slice(0, 1));
  table.writeBytes(rows[0]!, table.shape.slots[1]!, text, 0, text.length);
  resolve(table, manyKeys);
  const states = await backend.snapshot({checkpointId: 1, directory: '/chk-1'});
  await backend.close();
  return textsOf(files, '/chk-1', states);
}

const keptRows = manyKeys
  .map(
    ([word, number], at) =>
      `word=${word} number=${number} count=NULL last=${at === 0 ? 'kept' : 'NULL'}`,
  )
  .sort();

test('files of RocksDB are read where they lie', async () => {
  const files = new HybridFiles(scratch);
  const startStore = storeThreads(new URL('../../dist/src/store-entry.js', import.meta.url));
  const texts = await rocksdbRows(files, scratch, async (request) =>
    MailboxStore.open(request, startStore),
  );
  expect(texts.sort()).toEqual(keptRows);
});
