// Promise: an export has every row of the chosen states with exact values, in a form that another program reads; a directory
// that is there is not touched, and one that failed leaves nothing.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {DuckDBInstance} from '@duckdb/node-api';
import {afterAll, describe, expect, test} from 'vitest';

import {exportedColumns, exportState, type ExportFormat} from '#src/inspection/export-state.js';
import {STRING} from '#src/records/data-type.js';
import {scanState} from '#src/inspection/state/scan-state.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {readMetadata} from '#src/storage/derive-checkpoint-state.js';
import {distinctFilesOf, lengthOf} from '#src/storage/metadata-encoder.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {systemProcessTable} from '#src/storage/process-table.js';
import {unfinishedCopyAt} from '#src/storage/unfinished-copies.js';

const directory = join(
  fileURLToPath(new URL('../formats/kept', import.meta.url)),
  'hashmap-full-0.1.0/files/state/kept/chk-5',
);
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-export-'));
const source = {files: nodeFileSystem, directory};
let count = 0;

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

function newTarget(): string {
  count += 1;
  mkdirSync(join(scratch, String(count)));
  return join(scratch, String(count), 'out');
}

async function exported(
  format: ExportFormat,
  target = newTarget(),
  files: FileSystem = nodeFileSystem,
  abort: AbortSignal = new AbortController().signal,
) {
  const place = {...source, files, target, abort};
  const report = await exportState({
    ...place,
    format,
    random: '0123456789ab',
    processes: systemProcessTable,
  });
  return {report, target};
}

/** Flat rows of one operator, by a scan. */
async function scanned(operator: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const {lines} of scanState({
    ...source,
    operator,
    conditions: {},
    limit: null,
    ttlMillis: null,
  })) {
    for (const line of Buffer.from(lines).toString('utf8').trimEnd().split('\n')) {
      const {key, namespace, value} = JSON.parse(line) as Record<string, object | null>;
      rows.push({...key, ...namespace, ...value});
    }
  }
  return rows;
}

/** As DuckDB reads the file. */
async function queried(file: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const reader = await connection.runAndReadAll(`SELECT * FROM '${file}'`);
    return reader.getRowObjectsJson();
  } finally {
    connection.closeSync();
  }
}

const asText = (rows: readonly Record<string, unknown>[]): string[] =>
  rows
    .map((row) =>
      Object.entries(row)
        .map(
          ([name, value]) =>
            `${name}=${String(value).replace(/^(\S{10})[ T](\S+?)(?:Z|\+00)?$/u, '$1 $2')}`,
        )
        .join(' '),
    )
    .sort();

describe.each(['ndjson', 'csv', 'parquet'] as const)('%s', (format) => {
  test.each(['windows', 'running', 'totals'])('has the rows of %s', async (operator) => {
    const {report, target} = await exported(format);
    const name = `${operator}.groups.${format}`;
    expect(readdirSync(target).sort()).toEqual(
      ['running', 'totals', 'windows']
        .map((one) => `${one}.groups.${format}`)
        .concat('schema.json')
        .sort(),
    );
    const rows = await scanned(operator);
    const found =
      format === 'ndjson'
        ? readFileSync(join(target, name), 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Record<string, unknown>)
        : await queried(join(target, name));
    expect(asText(found)).toEqual(asText(rows));
    const file = report.files.find((one) => one.name === name)!;
    expect(file).toMatchObject({rows: rows.length, operator, state: 'groups'});
    expect(file.bytes).toBe(readFileSync(join(target, name)).length);
    const schema = JSON.parse(readFileSync(join(target, 'schema.json'), 'utf8')) as {
      files: {name: string; columns: {name: string; role: string}[]}[];
    };
    const columns = schema.files.find((one) => one.name === name)!.columns;
    expect(columns.map((column) => column.name)).toEqual(Object.keys(rows[0]!));
    expect(columns[0]).toEqual({name: 'sensor', type: 'string', role: 'key'});
  });
});

test.each(['ndjson', 'csv', 'parquet'] as const)(
  'an export as %s that is interrupted leaves nothing, and says only that',
  async (format) => {
    const target = newTarget();
    const stop = new AbortController();
    const files: FileSystem = {
      ...nodeFileSystem,
      createNew: async (path) => {
        stop.abort(Object.assign(new Error('interrupted'), {code: 'INTERRUPTED'}));
        return nodeFileSystem.createNew(path);
      },
    };
    await expect(exported(format, target, files, stop.signal)).rejects.toThrow(/^interrupted$/u);
    expect(readdirSync(join(target, '..'))).toEqual([]);
  },
);

test('an export tells how much of its files is written, up to all of it', async () => {
  const told: (readonly [number, number])[] = [];
  const onProgress = (done: number, total: number): void => {
    told.push([done, total]);
  };
  const abort = new AbortController().signal;
  const place = {...source, target: newTarget(), abort, onProgress};
  const processes = systemProcessTable;
  await exportState({...place, format: 'csv', random: '0123456789ab', processes});
  const read = await readMetadata(nodeFileSystem, directory);
  if (read.kind !== 'read') throw new Error(read.kind);
  const total = lengthOf(distinctFilesOf(read.metadata).own);
  expect(told.at(-1)).toEqual([total, total]);
  expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a - b));
});

test('a directory that is not empty, or a file, is refused and left as it is', async () => {
  const target = newTarget();
  mkdirSync(target);
  writeFileSync(join(target, 'mine'), 'x');
  await expect(exported('csv', target)).rejects.toMatchObject({code: 'REFUSED'});
  await expect(exported('csv', join(target, 'mine'))).rejects.toMatchObject({code: 'REFUSED'});
  expect(readdirSync(target)).toEqual(['mine']);
  expect(readdirSync(join(target, '..'))).toEqual(['out']);
});

test('directories above are made; a file among them is refused', async () => {
  const target = newTarget();
  await exported('csv', join(target, 'not/yet'));
  expect(readdirSync(join(target, 'not/yet'))).toHaveLength(4);
  const below = join(target, 'not/yet/schema.json/more');
  await expect(exported('csv', below)).rejects.toMatchObject({code: 'REFUSED'});
});

test('columns of one name get names of their own, and the others keep theirs', () => {
  const columns = (...names: string[]) => names.map((name) => ({name, type: STRING}));
  const named = exportedColumns({
    key: columns('n.count', 'window_start', 'a_2'),
    namespace: columns('window_start'),
    values: columns('n.count', 'n.count_2', 'a_2', 'n.count'),
  });
  expect(named.map(({name, stateName, role}) => `${role} ${name} ${stateName}`)).toEqual([
    'key n.count n.count',
    'key window_start window_start',
    'key a_2 a_2',
    'namespace window_start_2 window_start',
    'value n.count_3 n.count',
    'value n.count_2 n.count_2',
    'value a_2_2 a_2',
    'value n.count_4 n.count',
  ]);
});

test('a target in a checkpoint, or in the directory of a job, is refused', async () => {
  const job = join(newTarget(), '..');
  const checkpoint = join(job, 'chk-5');
  cpSync(directory, checkpoint, {recursive: true});
  const before = readdirSync(checkpoint);
  for (const target of [join(checkpoint, 'out'), join(checkpoint, 'windows/deep/out')]) {
    await expect(exported('csv', target)).rejects.toMatchObject({code: 'REFUSED'});
  }
  writeFileSync(join(job, 'FORMAT'), '');
  await expect(exported('csv', join(job, 'out'))).rejects.toMatchObject({code: 'REFUSED'});
  expect(readdirSync(checkpoint)).toEqual(before);
  expect(readdirSync(job).sort()).toEqual(['FORMAT', 'chk-5']);
});

test('what a killed one to the same place left behind goes with the next; of a living one it stays', async () => {
  const target = newTarget();
  const self = systemProcessTable.self();
  const dead = {...systemProcessTable, self: () => ({...self, pid: 4_194_303, startTime: '1'})};
  mkdirSync(unfinishedCopyAt(target, dead, 'ffffffffffff'));
  const other = unfinishedCopyAt(target, systemProcessTable, 'eeeeeeeeeeee');
  mkdirSync(other);
  await exported('csv', target);
  expect(readdirSync(join(target, '..')).sort()).toEqual([basename(other), 'out']);
});

test('an empty directory is taken', async () => {
  const target = newTarget();
  mkdirSync(target);
  await exported('csv', target);
  expect(readdirSync(target)).toHaveLength(4);
});

test('each file, then their directory is synced before the rename, the parent after it', async () => {
  const target = newTarget();
  const log: string[] = [];
  const shown = (path: string): string =>
    path.slice(join(target, '..').length).replace(/\.copying-[^/]*-0123456789ab-out/u, 'X');
  const files: FileSystem = {
    ...nodeFileSystem,
    async createNew(path) {
      const handle = await nodeFileSystem.createNew(path);
      return {
        read: async (...where) => handle.read(...where),
        append: async (bytes) => handle.append(bytes),
        async sync() {
          log.push(`sync ${shown(path)}`);
          await handle.sync();
        },
        status: async () => handle.status(),
        close: async () => handle.close(),
      };
    },
    async rename(from, to) {
      log.push(`rename ${shown(from)} ${shown(to)}`);
      await nodeFileSystem.rename(from, to);
    },
    async syncDirectory(path) {
      log.push(`sync ${shown(path)}`);
      await nodeFileSystem.syncDirectory(path);
    },
  };
  await exported('csv', target, files);
  const part = '/X';
  expect(log).toEqual([
    `sync ${part}/windows.groups.csv`,
    `sync ${part}/running.groups.csv`,
    `sync ${part}/totals.groups.csv`,
    `sync ${part}/schema.json`,
    `sync ${part}`,
    `rename ${part} /out`,
    'sync ',
  ]);
});

test('an export that fails leaves nothing', async () => {
  const target = newTarget();
  const files: FileSystem = {
    ...nodeFileSystem,
    rename: async () => Promise.reject(Object.assign(new Error('EIO'), {code: 'EIO'})),
  };
  await expect(exported('parquet', target, files)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
  expect(existsSync(target)).toBe(false);
  expect(readdirSync(join(target, '..'))).toEqual([]);
});
