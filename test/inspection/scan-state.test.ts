// Promise: a scan gives the rows that pass, each once, with exact integers; a key is found in its key group alone; what does not
// fit a state is a usage error that names its columns.

import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';

import {scanState, type ScanOptions} from '#src/inspection/state/scan-state.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {shell} from '../commands/tidemark.ts';
import {readCorpus} from '../formats/support/corpus.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
/** Those of one job. The rows of RocksDB, of another, are read in read-states.test.ts. */
const KINDS = readCorpus(KEPT).filter(({name}) => !name.startsWith('rocksdb'));
const FORMS = KINDS.map(({name, facts}) => ({
  name,
  directory: join(KEPT, name, 'files', facts.checkpoint),
}));
const CANONICAL = FORMS.find(({name}) => name.startsWith('savepoint-canonical'))!;

interface Row {
  readonly operator: string;
  readonly state: string;
  readonly key: {readonly sensor: string | null};
  readonly namespace: {readonly window_start: string} | null;
  readonly value: Readonly<Record<string, unknown>>;
  readonly expires: string | null;
}

async function scan(directory: string, request: Partial<ScanOptions>): Promise<Row[]> {
  const all: Row[] = [];
  const options = {conditions: {}, limit: null, ttlMillis: null, ...request};
  const given = {files: nodeFileSystem, directory, ...options};
  for await (const {rowCount, lines} of scanState(given)) {
    const texts = Buffer.from(lines).toString('utf8').trimEnd().split('\n');
    expect(texts).toHaveLength(rowCount);
    all.push(...texts.map((text) => JSON.parse(text) as Row));
  }
  return all;
}

describe.each(FORMS)('$name', ({directory}) => {
  test('each key of a state is found, and only it', async () => {
    const rows = await scan(directory, {operator: 'totals'});
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      const found = await scan(directory, {
        operator: 'totals',
        single: true,
        conditions: {key: [row.key.sensor]},
      });
      expect(found).toEqual([row]);
    }
    const nobody = await scan(directory, {operator: 'totals', conditions: {key: ['nobody']}});
    expect(nobody).toEqual([]);
  });

  test('prefix, range and condition are what a filter over all rows gives', async () => {
    const rows = await scan(directory, {operator: 'windows'});
    const by = async (conditions: ScanOptions['conditions']) =>
      scan(directory, {operator: 'windows', conditions});
    const named = ({key}: Row): string => key.sensor ?? '';
    expect(await by({prefix: 'a '})).toEqual(rows.filter((row) => named(row).startsWith('a ')));
    expect(await by({prefix: 'a_'})).toEqual([]);
    expect(await by({from: 'b', to: 'u'})).toEqual(
      rows.filter((row) => named(row) >= 'b' && named(row) < 'u'),
    );
    expect(await by({where: '`n.count` > 2 AND sensor IS NOT NULL'})).toEqual(
      rows.filter(({key, value}) => Number(value['n.count']) > 2 && key.sensor !== null),
    );
    expect(await by({where: "window_start >= TIMESTAMP '2026-01-01 00:00:30'"})).toEqual(
      rows.filter(({namespace}) => namespace!.window_start >= '2026-01-01T00:00:30'),
    );
    expect(await scan(directory, {operator: 'windows', limit: 3})).toEqual(rows.slice(0, 3));
    expect(await scan(directory, {limit: 0})).toEqual([]);
  });
});

test('integers beyond 2^53 are strings, exactly; others are numbers', async () => {
  let strings = 0;
  for (const {name, facts} of KINDS) {
    const {directory} = FORMS.find((form) => form.name === name)!;
    const texts = facts.found.operators['running']!.tables['groups']!;
    const sums = texts.map((text) => /big\.sum!(-?\d+)/u.exec(text)![1]!);
    const found = await scan(directory, {operator: 'running'});
    const values = found.map(({value}) => value['big.sum']);
    expect(values.map(String).sort()).toEqual(sums.sort());
    for (const value of values) {
      expect(typeof value === 'number').toBe(Number.isSafeInteger(Number(value)));
      if (typeof value === 'string') strings += 1;
    }
  }
  expect(strings).toBeGreaterThan(0);
});

test('rows expire by the ttl that is given', async () => {
  const request = {operator: 'running', ttlMillis: 1000};
  for (const {value, expires, namespace} of await scan(CANONICAL.directory, request)) {
    expect(Date.parse(expires!)).toBe(Number(value['ttl.updated']) + 1000);
    expect(namespace).toBeNull();
  }
  const [first] = await scan(CANONICAL.directory, {...request, ttlMillis: null});
  expect(first!.expires).toBeNull();
});

test.each([
  [{where: 'nothing > 1'}, /unknown column nothing/],
  [{where: '`n.count` + 1'}, /a condition is boolean/],
  [{key: ['a', 'b']}, /2 of the 1 key columns/],
] as const)('%j is a usage error', async (conditions, message) => {
  const wrong = scan(CANONICAL.directory, {operator: 'totals', conditions});
  await expect(wrong).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(message) as string,
    details: {hint: expect.stringMatching(/sensor|n\.count/) as string},
  });
});

test('a condition that one of several states cannot have is refused before the first row', async () => {
  const given = {files: nodeFileSystem, directory: CANONICAL.directory};
  const request = {limit: null, ttlMillis: null, conditions: {where: 'window_start IS NOT NULL'}};
  const seen: number[] = [];
  const all = (async () => {
    for await (const {rowCount} of scanState({...given, ...request})) seen.push(rowCount);
  })();
  await expect(all).rejects.toMatchObject({code: 'USAGE'});
  expect(seen).toEqual([]);
  // It fits the first one.
  const [first] = await scan(CANONICAL.directory, {operator: 'windows', ...request});
  expect(first!.namespace).not.toBeNull();
});

test('a state that is not there is named, with those that are', async () => {
  await expect(scan(CANONICAL.directory, {operator: 'nobody'})).rejects.toMatchObject({
    code: 'NOT_FOUND',
    details: {hint: expect.stringContaining('totals.groups') as string},
  });
  await expect(scan(CANONICAL.directory, {single: true})).rejects.toMatchObject({code: 'USAGE'});
});

test.each(['', '--json'])(
  'H80: a reader that has gone ends a scan of RocksDB quietly, and leaves no database behind (%s)',
  async (flags) => {
    const kept = readCorpus(KEPT).find(({name}) => name.startsWith('rocksdb-full'))!;
    const directory = join(KEPT, kept.name, 'files', kept.facts.checkpoint);
    const scratch = mkdtempSync(join(tmpdir(), 'tidemark-gone-'));
    try {
      // `true` has ended long before the first row.
      for (const reader of ['true', 'head -n 1']) {
        const {status, stderr} = await shell(
          `set -o pipefail; "$NODE" "$BIN" state scan '${directory}' ${flags} | ${reader}`,
          {TMPDIR: scratch},
        );
        expect({status, stderr}).toEqual({status: 0, stderr: ''});
        expect(readdirSync(scratch)).toEqual([]);
      }
    } finally {
      rmSync(scratch, {recursive: true});
    }
  },
);
