// Promise: the entries that are read out of the files of a database are those that RocksDB would give; what RocksDB could have
// written and this reader does not know is refused; and no damage gives other entries.

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';

import {SeededRandom} from '#src/base/random.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {Database} from '#src/state/rocksdb/database.js';
import {readManifest, tableFileName} from '#src/state/rocksdb/read-manifest.js';
import {stageCheckpoint} from '#src/state/rocksdb/stage-checkpoint.js';
import type {StoredDatabase} from '#src/state/rocksdb/stored-database.js';
import {StoredEntries} from '#src/state/rocksdb/stored-entries.js';
import {WriteBatch} from '#src/state/rocksdb/write-batch.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import type {FileOpener} from '#src/storage/open-below.js';
import {whole} from '../hostile/support/sample.ts';
import {MemoryFiles} from './support/memory-files.ts';
import {STORE_OPTIONS} from './support/store-options.ts';
import {
  manifestBytes,
  sstBytes,
  type ManifestTable,
  type SstEntry,
  type SstOptions,
} from './support/write-sst.ts';

/** In `npm test` each byte once. */
const everyBit = whole;
const FIRST = new Uint8Array(0);
const LAST = Uint8Array.of(255, 255, 255, 255);
const MANIFEST = 'MANIFEST-000001';

/** Files `name` in `directory`, as the files of a subtask. */
function storedIn(directory: string, lengths: ReadonlyMap<string, number>): StoredDatabase {
  const files = [...lengths].map(([file, length]) => ({
    file,
    state: {path: file, length, sha256: ''} as FileState,
  }));
  const path = `${directory}/CURRENT`;
  return {keyGroups: {start: 0, end: 0}, files, families: ['rows', 'other'], schemas: [], path};
}

/** `key=value` of the entries of a family. */
async function entriesOf(
  database: StoredEntries,
  family: string,
  [from, to]: readonly [Uint8Array, Uint8Array] = [FIRST, LAST],
): Promise<string[]> {
  const found: string[] = [];
  for await (const {keys, values} of database.read(family, from, to)) {
    expect(keys.count).toBe(values.count);
    for (let at = 0; at < keys.count; at += 1) {
      found.push(`${hex(keys.item(at))}=${hex(values.item(at))}`);
    }
  }
  return found;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a database of RocksDB', () => {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-entries-'));
  const directory = join(root, 'db');
  const options = {...STORE_OPTIONS, writeBufferSize: 64 * 1024};
  const models = [new Map<string, string>(), new Map<string, string>()];
  const random = new SeededRandom(20261128);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  let database: Database;

  /** Short keys that come again, and long ones with much in common. */
  function someKey(): Uint8Array {
    const key = Buffer.alloc(below(3) === 0 ? 300 : 2 + below(4));
    for (let at = 0; at < key.length; at += 1) key[at] = at % 7 === 0 ? below(6) : 1;
    return key;
  }

  async function change(count: number): Promise<void> {
    const batch = new WriteBatch();
    for (let done = 0; done < count; done += 1) {
      const family = below(2);
      const key = someKey();
      const isPut = below(3) > 0;
      batch.items.add(key);
      if (isPut) {
        const value = Buffer.alloc(below(40) === 0 ? 20_000 : below(60), done);
        batch.items.add(value);
        models[family]!.set(hex(key), hex(value));
      } else models[family]!.delete(hex(key));
      batch.noteDone(family, isPut);
    }
    await database.write(batch.take());
  }

  async function taken(name: string): Promise<StoredEntries> {
    const copy = join(root, name);
    await stageCheckpoint(database, nodeFileSystem, copy);
    const lengths = new Map(
      readdirSync(copy).map((file) => [file, readFileSync(join(copy, file)).length]),
    );
    return StoredEntries.open({
      opener: nodeFileSystem,
      directory: copy,
      stored: storedIn(copy, lengths),
    });
  }

  beforeAll(async () => {
    mkdirSync(directory);
    database = await Database.open({directory, families: [], options, what: 'a test'});
    await database.openFamilies(['rows', 'other']);
  });
  afterAll(async () => {
    await database.close();
    rmSync(root, {recursive: true, force: true});
  });

  test('is read as it is, whatever levels its files are in, from anywhere to anywhere', async () => {
    const levels = new Set<number>();
    for (let round = 0; round < 12; round += 1) {
      await change(2000);
      const entries = await taken(`copy-${round}`);
      const manifest = readdirSync(join(root, `copy-${round}`)).find((name) =>
        /^MANIFEST/.test(name),
      )!;
      const {files} = readManifest(readFileSync(join(root, `copy-${round}`, manifest)), manifest);
      for (const {level} of files) levels.add(level);
      for (const [index, family] of ['rows', 'other'].entries()) {
        const all = [...models[index]!]
          .sort(([left], [right]) => (left < right ? -1 : 1))
          .map(([key, value]) => `${key}=${value}`);
        expect(await entriesOf(entries, family)).toEqual(all);
        for (let range = 0; range < 20; range += 1) {
          const ends = [someKey(), someKey()].sort((left, right) => Buffer.compare(left, right));
          const [from, to] = [ends[0]!, ends[1]!];
          expect(await entriesOf(entries, family, [from, to])).toEqual(
            all.filter((text) => {
              const key = Buffer.from(text.split('=')[0]!, 'hex');
              return Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;
            }),
          );
        }
      }
    }
    // Else nothing is merged.
    expect(levels.size).toBeGreaterThan(1);
  });
});

interface Table {
  readonly level: number;
  readonly entries: readonly SstEntry[];
  readonly bytes?: Uint8Array;
  readonly family?: string;
}

/** What stands in for what the tables say. */
interface Said {
  readonly families?: readonly string[];
  readonly tables?: (described: readonly ManifestTable[]) => readonly ManifestTable[];
  readonly manifest?: (bytes: Uint8Array) => Uint8Array;
}

/** A database with tables in family `rows`, unless they say another; those of a level below 0 do not overlap. */
async function made(
  tables: readonly Table[],
  options: SstOptions = {},
  said: Said = {},
): Promise<StoredEntries> {
  const files = new MemoryFiles();
  const described: ManifestTable[] = [];
  for (const {level, entries, bytes, family = 'rows'} of tables) {
    const number = described.length + 7;
    const content = bytes ?? (await sstBytes(entries, {number, ...options}));
    files.content.set(`/db/${tableFileName(number)}`, content);
    const [smallest, largest] = [entries[0]!.key, entries.at(-1)!.key];
    described.push({family, number, level, bytes: content.length, smallest, largest});
  }
  files.content.set('/db/CURRENT', Buffer.from(`${MANIFEST}\n`));
  const {families = ['other', 'rows'], manifest = (bytes) => bytes} = said;
  const told = said.tables?.(described) ?? described;
  files.content.set(`/db/${MANIFEST}`, manifest(manifestBytes(families, told)));
  const lengths = new Map(
    [...files.content].map(([path, {length}]) => [path.slice('/db/'.length), length]),
  );
  const opener: FileOpener = files;
  return StoredEntries.open({opener, directory: '/db', stored: storedIn('/db', lengths)});
}

const key = fc
  .uint8Array({minLength: 1, maxLength: 4})
  .map((bytes) => bytes.map((byte) => byte % 3));
const value = fc.option(fc.uint8Array({maxLength: 5}), {freq: 3});

/** Versions of some keys; where each lies is drawn too. */
const versions = fc.array(fc.tuple(key, value, fc.integer({min: 0, max: 3})), {
  minLength: 1,
  maxLength: 60,
});

function inOrder(left: SstEntry, right: SstEntry): number {
  return Buffer.compare(left.key, right.key) || right.sequence - left.sequence;
}

test('the newest version of a key counts, and a deletion hides what is older', async () => {
  const options = fc.record({
    blockEntries: fc.integer({min: 1, max: 9}),
    shared: fc.boolean(),
    plainIndex: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(versions, options, key, key, async (drawn, form, one, other) => {
      const entries = drawn.map(([own, content, place], at) => ({
        ...{key: own, value: content, sequence: at + 1, place},
      }));
      // Levels 1 and 2 have two files each, split between keys; what of a key lies deeper is older, as RocksDB has it.
      const split = Buffer.from(one);
      const bySequence = [...entries].sort((left, right) => right.sequence - left.sequence);
      const deepest = new Map<string, number>();
      const levelOf = new Map<SstEntry, number>();
      for (const entry of bySequence) {
        const above = deepest.get(hex(entry.key)) ?? 0;
        const place = Math.max(above, entry.place);
        deepest.set(hex(entry.key), place);
        levelOf.set(entry, place);
      }
      const tables: Table[] = [];
      for (const place of [0, 1, 2, 3]) {
        const own = entries.filter((entry) => levelOf.get(entry) === place).sort(inOrder);
        const level = Math.max(0, place - 1);
        const parts =
          level === 0
            ? [own]
            : [
                own.filter((entry) => Buffer.compare(entry.key, split) < 0),
                own.filter((entry) => Buffer.compare(entry.key, split) >= 0),
              ];
        for (const part of parts) if (part.length > 0) tables.push({level, entries: part});
      }
      const newest = new Map(entries.map((entry) => [hex(entry.key), entry.value]));
      const [from, to] = [one, other].sort((left, right) => Buffer.compare(left, right));
      const within = (text: string): boolean => text >= hex(from!) && text < hex(to!);
      const wanted = [...newest]
        .filter(([, content]) => content !== null)
        .sort(([left], [right]) =>
          Buffer.compare(Buffer.from(left, 'hex'), Buffer.from(right, 'hex')),
        )
        .map(([name, content]) => [name, `${name}=${hex(content!)}`] as const);
      const database = await made(tables, form);
      expect(await entriesOf(database, 'rows')).toEqual(wanted.map(([, text]) => text));
      expect(await entriesOf(database, 'rows', [from!, to!])).toEqual(
        wanted.filter(([name]) => within(name)).map(([, text]) => text),
      );
      expect(await entriesOf(database, 'other')).toEqual([]);
    }),
    {numRuns: 300},
  );
});

const SOME: readonly SstEntry[] = ['a', 'ab', 'b', 'ba', 'bb', 'c', 'd'].map((text, at) => ({
  key: Buffer.from(text),
  value: Buffer.from(`value ${at}`),
  sequence: 20 - at,
}));

describe('what this reader does not know is refused', () => {
  test.each<[string, SstOptions]>([
    ['compressed blocks', {compression: 1}],
    ['format 5', {format: 5}],
    ['format 7', {format: 7}],
    ['another index', {indexType: 2}],
    ['deletions of ranges', {rangeDeletions: true}],
  ])('%s', async (what, options) => {
    const database = await made([{level: 0, entries: SOME}], options);
    await expect(entriesOf(database, 'rows')).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
      message: expect.stringContaining(`/db/000007.sst has ${what}`) as string,
    });
  });

  test.each([2, 15, 0x11, 0x16, 0x18])('an entry of kind %i', async (kind) => {
    const entries = SOME.map((entry, at) => (at === 4 ? {...entry, kind} : entry));
    const database = await made([{level: 0, entries}]);
    await expect(entriesOf(database, 'rows')).rejects.toMatchObject({code: 'INCOMPATIBLE'});
  });
});

describe('a MANIFEST that is not that of these files', () => {
  const table = {level: 0, entries: SOME};

  test.each<[string, Said]>([
    ['of zeros', {manifest: (bytes) => new Uint8Array(bytes.length)}],
    ['of nothing', {manifest: () => new Uint8Array(0)}],
    ['that ends behind its first edit', {manifest: (bytes) => bytes.subarray(0, 7 + bytes[4]!)}],
    ['without a family', {families: ['rows']}],
  ])('one %s is damage, and not a state without rows', async (_, said) => {
    await expect(made([table], {}, said)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
  });

  test.each<[string, Said]>([
    ['a file twice', {tables: ([one]) => [one!, one!]}],
    ['a file in two levels', {tables: ([one]) => [one!, {...one!, level: 1}]}],
    ['a level that there is not', {tables: ([one]) => [{...one!, level: 7}]}],
    ['a family that there is not', {tables: ([one]) => [{...one!, family: 'third'}]}],
  ])('one with %s is not understood', async (_, said) => {
    await expect(made([table], {}, said)).rejects.toMatchObject({
      message: expect.stringContaining('is not understood') as string,
    });
  });

  test.each<[string, Said, SstOptions]>([
    ['of another number', {}, {number: 8}],
    ['of another length', {tables: ([one]) => [{...one!, bytes: one!.bytes! + 1}]}, {}],
    ['with another first key', {tables: ([one]) => [{...one!, smallest: Buffer.from('A')}]}, {}],
    ['with another last key', {tables: ([one]) => [{...one!, largest: Buffer.from('c')}]}, {}],
  ])('a file %s is found', async (_, said, options) => {
    const database = await made([table], options, said);
    await expect(entriesOf(database, 'rows')).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
  });
});

describe('damage', () => {
  test('of a family that has no rows of a table is found by the check of the rest', async () => {
    const bytes = await sstBytes(SOME, {number: 8});
    const tables = [
      {level: 0, entries: SOME},
      {level: 0, entries: SOME, bytes, family: 'other'},
    ];
    await (await made(tables)).check(['rows']);
    bytes[12]! ^= 1;
    const database = await made(tables);
    expect(await entriesOf(database, 'rows')).toHaveLength(SOME.length);
    await expect(database.check(['rows'])).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
  });

  test('an index whose keys are much longer than itself takes no memory', async () => {
    const spoil = (block: number[], index: number): void => {
      if (index !== 3) return;
      const long = new Array<number>(100_000).fill(1);
      const entries = Array.from({length: 2000}, () => [0xa0, 0x8d, 6, 0, 0]);
      const first = [0, 0xa0, 0x8d, 6, ...long, 0, 10];
      block.splice(0, block.length, ...first, ...entries.flat(), 0, 0, 0, 0, 1, 0, 0, 0);
    };
    const database = await made([{level: 0, entries: SOME}], {spoil});
    await expect(entriesOf(database, 'rows')).rejects.toMatchObject({
      message: expect.stringContaining('the keys are too long') as string,
    });
  });

  test('each flipped bit of a file is found', async () => {
    const sound = await sstBytes(SOME);
    for (let bit = 0; bit < sound.length * 8; bit += everyBit ? 1 : 7) {
      const bytes = sound.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const database = await made([{level: 0, entries: SOME, bytes}]);
      const found = await entriesOf(database, 'rows').then(
        (entries) => entries.join(),
        (error: unknown) => (error as {code: string}).code,
      );
      expect(['CHECKPOINT_DAMAGED', 'INCOMPATIBLE'], `bit ${bit}`).toContain(found);
    }
  });

  test('each file that was cut off is found', async () => {
    const sound = await sstBytes(SOME);
    for (let length = 0; length < sound.length; length += 1) {
      const bytes = sound.subarray(0, length);
      const database = await made([{level: 0, entries: SOME, bytes}]);
      await expect(entriesOf(database, 'rows')).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        message: expect.stringMatching(
          /^\/db\/000007\.sst was damaged before the checkpoint was written: at byte \d+/,
        ) as string,
        details: {hint: expect.stringContaining('--level decode') as string},
      });
    }
  });

  test('keys out of order are found, also where two files of a level meet', async () => {
    const disordered = [SOME[2]!, SOME[0]!, SOME[5]!];
    for (const tables of [
      [{level: 0, entries: disordered}],
      [
        {level: 1, entries: [SOME[0]!, SOME[4]!]},
        {level: 1, entries: [SOME[2]!, SOME[5]!]},
      ],
    ]) {
      const database = await made(tables);
      await expect(entriesOf(database, 'rows')).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        message: expect.stringContaining('a key is not above the one before') as string,
      });
    }
  });

  test('a block that somebody made, with its checksum, is refused or read: never a crash, and no end', async () => {
    const spoiling = fc.record({
      block: fc.integer({min: 0, max: 6}),
      at: fc.nat(200),
      bytes: fc.uint8Array({minLength: 1, maxLength: 6}),
      isCut: fc.boolean(),
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(spoiling, fc.boolean(), async ({block, at, bytes, isCut}, plainIndex) => {
        const spoiled = await sstBytes(SOME, {
          plainIndex,
          spoil: (content, index) => {
            if (index !== block) return;
            const place = at % (content.length + 1);
            content.splice(place, isCut ? content.length - place : bytes.length, ...bytes);
          },
        });
        const database = await made([{level: 0, entries: SOME, bytes: spoiled}]);
        try {
          await entriesOf(database, 'rows');
        } catch (error) {
          refused += 1;
          expect(['CHECKPOINT_DAMAGED', 'INCOMPATIBLE']).toContain((error as {code: string}).code);
        }
      }),
      {numRuns: 3000},
    );
    expect(refused).toBeGreaterThan(1000);
  });
});
