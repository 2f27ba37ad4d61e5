// The file source: every row once wherever it is restored; a file that is no longer the one that was read
// stops the job before the first row; a bad record is named by file, line and byte.

import {gzipSync} from 'node:zlib';
import {expect, test} from 'vitest';
import {fileSource} from '#src/connectors/file/source.js';
import type {OptionValues} from '#src/job/job-spec.js';
import type {OptionProblem} from '#src/job/operator-spec.js';
import type {ConnectorContext} from '#src/connectors/connector.js';
import {BIGINT, INT, STRING} from '#src/records/data-type.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {putFile, stored} from './support/context.ts';
import {deploy, make, open, records, replace, threeFiles} from './support/record-files.ts';
import {read, sourceSuite} from './support/source-suite.ts';

for (const ordered of [false, true]) {
  sourceSuite(`three files, one of them gzip, ordered ${ordered}`, async () => {
    const files = await threeFiles();
    return {
      deploy: async (restored, parallelism) =>
        deploy({files, options: {ordered}, context: {restored}}, parallelism),
      maxRows: 16,
    };
  });
}

sourceSuite('one array over many blocks', async () => {
  const files = new MemoryFileSystem();
  const lines = records(0, 12_000).trimEnd().split('\n');
  await putFile(files, '/job/data/a.ndjson', `[${lines.join(',\n')}]`);
  return {
    deploy: async (restored, parallelism) => deploy({files, context: {restored}}, parallelism),
    maxRows: 4096,
  };
});

test('files are read in the order of their names, each row once', async () => {
  const reading = await read(await open({files: await threeFiles()}), 1000);
  const ids = reading.rows.map(({row}) => (JSON.parse(row) as {id: string}).id);
  expect(ids).toEqual(Array.from({length: 240}, (_unused, id) => `${id}n`));
  expect(reading.rows[101]!.origin).toBe(
    `numbers: data/b.ndjson, line 2, byte ${Buffer.byteLength(records(100, 1))}`,
  );
});

test('unread files hold the watermark back, in time order they do not', async () => {
  const files = await threeFiles();
  const held = await read(await open({files}), 100);
  expect(held.rows.slice(0, 161).every(({watermark}) => watermark === -Infinity)).toBe(true);
  expect(held.rows[239]!.watermark).toBeGreaterThan(1_000_000);
  const flowing = await read(await open({files, options: {ordered: true}}), 100);
  expect(flowing.rows[99]!.watermark).toBeGreaterThan(1_000_000);
});

// Several subtasks

test('subtasks take file after file, and one that finds none left has ended', async () => {
  const files = await threeFiles();
  const subtaskOf = await deploy({files}, 4);
  const [one, two, three, four] = [
    await subtaskOf(0),
    await subtaskOf(1),
    await subtaskOf(2),
    await subtaskOf(3),
  ] as const;
  expect(four.poll(10)).toEqual({kind: 'ended'});
  expect(four.watermark()).toBe(Infinity);
  const counts: number[] = [];
  for (const reader of [one, two, three]) counts.push((await read(reader, 1000)).rows.length);
  expect(counts).toEqual([100, 60, 80]);
});

test('a file that nobody has claimed holds back the watermark of all, then that of one', async () => {
  const files = await threeFiles();
  await putFile(files, '/job/data/d.ndjson', records(240, 20));
  const subtaskOf = await deploy({files}, 3);
  const [one, two] = [await subtaskOf(0), await subtaskOf(1)];
  await subtaskOf(2);
  const held = await read(two, 10, 1);
  expect(held.rows.every(({watermark}) => watermark === -Infinity)).toBe(true);
  // It was read to its end meanwhile, and so the fourth file is its own.
  const flowing = await read(one, 10, 1);
  expect(flowing.rows[9]!.watermark).toBeGreaterThan(1_000_000 - 100);
  await read(two, 10, 5);
  expect(two.watermark()).toBe(-Infinity);
  await read(two, 10, 1);
  expect(two.watermark()).toBeGreaterThan(1_000_000);
});

test('what is claimed after the barrier is read again after a restore', async () => {
  const files = await threeFiles();
  const subtaskOf = await deploy({files}, 2);
  const [one, two] = [await subtaskOf(0), await subtaskOf(1)];
  const rows = (await read(one, 40, 1)).rows;
  const first = one.snapshot();
  // The rest of its file and the third one, after its barrier and before the other's.
  await read(one, 1000);
  rows.push(...(await read(two, 25, 1)).rows);
  const restored = [stored(first, 0), stored(two.snapshot(), 1)];
  const again = await deploy({files, context: {restored}}, 3);
  for (const subtask of [2, 0, 1]) rows.push(...(await read(await again(subtask), 1000)).rows);
  const ids = rows.map(({row}) => (JSON.parse(row) as {id: string}).id);
  const all = Array.from({length: 240}, (_unused, id) => `${id}n`);
  expect(ids.toSorted()).toEqual(all.toSorted());
});

test('only the wanted columns are decoded, in the order that was asked for', async () => {
  const files = await threeFiles();
  const schema = {
    fields: [
      {name: 'n', type: INT},
      {name: 'id', type: BIGINT},
    ],
  };
  const reading = await read(await open({files, spec: {schema, watermark: null}}), 1000);
  expect(reading.rows[9]!.row).toBe('{"n":2,"id":"9n"}');
});

test('a record longer than a block and one over the block border are read whole', async () => {
  const files = new MemoryFileSystem();
  const long = JSON.stringify({id: 1, name: 'x'.repeat(900_000)});
  const content = `${records(0, 6000)}${long}\n${records(7000, 9000)}`;
  await putFile(files, '/job/data/a.ndjson', content);
  const {rows} = await read(await open({files}), 4096);
  const wanted = content
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as {id: number}).id);
  expect(rows.map(({row}) => (JSON.parse(row) as {id: string}).id)).toEqual(
    wanted.map((id) => `${id}n`),
  );
  expect(rows[6000]!.row.length).toBeGreaterThan(900_000);
});

test('no match is an error that says what was looked for', async () => {
  const files = new MemoryFileSystem();
  await expect(open({files})).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'numbers: no file matches /job/data/*.ndjson',
  });
});

test('a directory, a link and a pipe are refused', async () => {
  const files = await threeFiles();
  await files.makeDirectory('/job/data/sub.ndjson');
  await expect(open({files, options: {path: 'data'}})).rejects.toMatchObject({code: 'NOT_FOUND'});
  const {rows} = await read(await open({files}), 1000);
  expect(rows.length).toBe(240);
  files.plant('/job/data/pipe.ndjson', 'other');
  await expect(open({files})).rejects.toMatchObject({code: 'REFUSED'});
});

// H74, B55

async function snapshotAfter(
  files: FileSystem,
  batches: number,
): Promise<ConnectorContext['restored']> {
  const reader = await open({files});
  await read(reader, 30, batches);
  const states = reader.snapshot();
  await reader.close();
  return [stored(states)];
}

const B = '/job/data/b.ndjson';
const LOSSES: readonly [string, (files: MemoryFileSystem) => Promise<void> | void, RegExp][] = [
  [
    'truncated',
    (files) => replace(files, B, (old) => old.subarray(0, -1)),
    /it had \d+ bytes, it has/,
  ],
  [
    'changed at its head',
    (files) => replace(files, B, (old) => Buffer.concat([Buffer.from(' '), old.subarray(1)])),
    /its first \d+ bytes are not those/,
  ],
  ['gone', async (files) => files.unlink(B), /it is gone/],
  [
    'replaced by a link',
    async (files) => {
      await files.unlink(B);
      files.plant(B, 'link');
    },
    /cannot read|link/,
  ],
];

for (const [name, change, message] of LOSSES) {
  test(`H74 a file that is ${name} stops the restore, read or unread`, async () => {
    // After four batches of 30, b.ndjson is half read; before the first, unread.
    for (const batches of [0, 4]) {
      const files = await threeFiles();
      const restored = await snapshotAfter(files, batches);
      await change(files);
      const opening = open({files, context: {restored}});
      await expect(opening).rejects.toThrow(message);
      if (name !== 'replaced by a link') {
        await expect(opening).rejects.toMatchObject({code: 'SOURCE_LOST_DATA'});
      }
    }
  });
}

test('H74 a change before the position, behind the head, is found', async () => {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/a.ndjson', records(0, 4000));
  const reader = await open({files});
  await read(reader, 1000, 3);
  const restored = [stored(reader.snapshot())];
  await reader.close();
  replace(files, '/job/data/a.ndjson', (old) => {
    const changed = Buffer.from(old);
    changed[200_000] = changed[200_000]! ^ 1;
    return changed;
  });
  const second = await open({files, context: {restored}});
  await expect(read(second, 1000)).rejects.toMatchObject({
    code: 'SOURCE_LOST_DATA',
    message: /the bytes before position \d+ are not those/,
  });
});

test('B55 grown and new files of a bounded source are named and not read', async () => {
  const files = await threeFiles();
  const restored = await snapshotAfter(files, 4);
  replace(files, B, (old) => Buffer.concat([old, Buffer.from(records(900, 1))]));
  await putFile(files, '/job/data/d.ndjson', records(990, 5));
  const {reader, context} = await make({files, context: {restored}});
  await reader.open();
  const {rows} = await read(reader, 30);
  expect(rows.length).toBe(240 - 4 * 30 + 20);
  expect(context.warnings).toEqual([
    expect.stringMatching(/b.ndjson has grown from \d+ to \d+ bytes; only the first/),
    expect.stringMatching(/d.ndjson is new and is not read/),
  ]);
});

// H75

test('H75 the last line may be open, lines may end with CR LF', async () => {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/a.ndjson', '{"id":1}\r\n{"id":2}\r\n{"id":3}');
  const {rows} = await read(await open({files}), 10);
  expect(rows.map(({row}) => (JSON.parse(row) as {id: string}).id)).toEqual(['1n', '2n', '3n']);
});

test('H75 a bad record is named by file, line and byte, after the rows before it', async () => {
  const files = new MemoryFileSystem();
  await putFile(
    files,
    '/job/data/a.ndjson',
    `${records(0, 10)}{"id":10,"n":"abc"}\n${records(11, 5)}`,
  );
  const reader = await open({files});
  const {rows} = await read(reader, 100, 1);
  expect(rows.length).toBe(10);
  const byte = Buffer.byteLength(records(0, 10));
  expect(() => reader.poll(100)).toThrow(
    `numbers: data/a.ndjson, line 11, byte ${byte}: column n: expected int`,
  );
  expect(() => reader.snapshot()).toThrow(/line 11/);
  await reader.close();
});

test('H75 a record that is too long is bad, in constant memory, and the next one is read', async () => {
  const files = new MemoryFileSystem();
  const long = `{"id":1,"name":"${'x'.repeat(3_000_000)}"}`;
  await putFile(files, '/job/data/a.ndjson', `{"id":0}\n${long}\n{"id":2}\n`);
  const {reader, context} = await make({
    files,
    spec: {onBadRecord: {kind: 'skip'}, maxRecordBytes: 100_000},
  });
  await reader.open();
  const {rows} = await read(reader, 10);
  expect(rows.map(({row}) => (JSON.parse(row) as {id: string}).id)).toEqual(['0n', '2n']);
  expect(context.metrics.source('numbers').badRecords).toBe(1);
});

test('H75 dead letters carry their bytes and place, at most 64 KiB of them', async () => {
  const files = new MemoryFileSystem();
  const long = `{"id":"${'x'.repeat(100_000)}"}`;
  await putFile(files, '/job/data/a.ndjson', `{"id":0}\nnot json\n${long}\n{"id":2}\n`);
  const spec = {onBadRecord: {kind: 'dead-letter', sideOutput: 'numbers.dead-letter'} as const};
  const {rows, deadLetters} = await read(await open({files, spec}), 10);
  expect(rows.length).toBe(2);
  expect(deadLetters.map(({split, byteOffset, line}) => [split, byteOffset, line])).toEqual([
    ['data/a.ndjson', 9, 2],
    ['data/a.ndjson', 18, 3],
  ]);
  expect(Buffer.from(deadLetters[0]!.record).toString()).toBe('not json');
  expect(deadLetters[1]!.record.length).toBe(65_536);
});

for (const share of [0.3, 0.99]) {
  test(`H75 a gzip file cut at ${share} fails after every whole line was read`, async () => {
    const content = records(0, 30_000);
    const whole = gzipSync(content);
    const files = new MemoryFileSystem();
    const cut = whole.subarray(0, Math.floor(whole.length * share));
    await putFile(files, '/job/data/a.ndjson', cut);
    const reader = await open({files});
    let count = 0;
    const reading = (async () => {
      for (;;) count += (await read(reader, 1000, 1)).rows.length;
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'RECORD_FAILED',
      message: 'numbers: data/a.ndjson: the gzip file is cut off',
    });
    expect(count).toBeGreaterThan(30_000 * share * 0.8);
    await reader.close();
  });
}

test('a damaged gzip file fails and is not taken for its end', async () => {
  const content = records(0, 30_000);
  const damaged = gzipSync(content);
  damaged[damaged.length >> 1]! ^= 0xff;
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/a.ndjson', damaged);
  const reader = await open({files, spec: {onBadRecord: {kind: 'skip'}}});
  await expect(read(reader, 4096)).rejects.toMatchObject({code: 'RECORD_FAILED'});
  await reader.close();
});

// CSV

const CSV = 'n;id;name\n1;10;a\n2;NA;"b;""\nb"\nx;12;c\n4;13;d\n';

test('CSV is read by its header, with delimiter, NULL text and quoted line breaks', async () => {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/a.csv', CSV);
  const options = {path: 'data/a.csv', format: 'csv', delimiter: ';', 'null-text': 'NA'};
  const schema = {
    fields: [
      {name: 'id', type: BIGINT},
      {name: 'name', type: STRING},
    ],
  };
  const spec = {schema, watermark: null};
  const {rows} = await read(await open({files, options, spec}), 2);
  expect(rows.map(({row}) => row)).toEqual([
    '{"id":"10n","name":"a"}',
    '{"id":null,"name":"b;\\"\\nb"}',
    '{"id":"12n","name":"c"}',
    '{"id":"13n","name":"d"}',
  ]);
});

test('CSV without header is named by the job, whichever columns are read', async () => {
  const files = new MemoryFileSystem();
  await putFile(files, '/job/data/a.csv', '1,x,5\n2,y,6\n');
  const options = {path: 'data/a.csv', format: 'csv', header: false, columns: ['id', 'name', 'n']};
  const spec = {schema: {fields: [{name: 'n', type: INT}]}, watermark: null};
  const {rows} = await read(await open({files, options, spec}), 10);
  expect(rows.map(({row}) => row)).toEqual(['{"n":5}', '{"n":6}']);
});

sourceSuite('a CSV file with quoted line breaks, gzipped', async () => {
  const files = new MemoryFileSystem();
  let text = 'id,name,time,n\r\n';
  for (let id = 0; id < 200; id += 1)
    text += `${id},"line\nbreak ""${id}""",${1000 + id},${id % 7}\r\n`;
  await putFile(files, '/job/data/a.csv', gzipSync(text));
  const options = {path: 'data/*.csv', format: 'csv'};
  return {
    deploy: async (restored, parallelism) =>
      deploy({files, options, context: {restored}}, parallelism),
    maxRows: 16,
  };
});

test('a CSV file is named either by its header or by the job', () => {
  const problems = (options: OptionValues): string[] => {
    const found: string[] = [];
    const report = (problem: OptionProblem): number => found.push(problem.path.join('.'));
    fileSource.spec.check!({options: {format: 'csv', ...options}, schema: {fields: []}, report});
    return found;
  };
  expect(problems({header: true, columns: ['a']})).toEqual(['columns']);
  expect(problems({header: false})).toEqual(['header']);
  expect(problems({header: false, columns: ['a']})).toEqual([]);
});
