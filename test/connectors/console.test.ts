// Console and blackhole: rows at once or not at all, counted, never committed.

import {expect, test} from 'vitest';
import {blackholeSink} from '#src/connectors/blackhole/sink.js';
import {consoleSink} from '#src/connectors/console/sink.js';
import {fileSink} from '#src/connectors/file/sink.js';
import {sinkSpec, testContext} from './support/context.ts';
import {batchOf, DIRECTORY, newDisk, TYPES} from './support/sink-suite.ts';

test('the console shows rows at once as JSON, up to its limit, and counts all', async () => {
  const context = testContext();
  const writer = consoleSink.create(sinkSpec({limit: 3}, TYPES), context);
  await writer.open();
  writer.write({...batchOf([1, 2, 3]), selection: Int32Array.of(0, 2), selectedCount: 2});
  expect(context.shown).toEqual(['{"id":1,"name":"row 1"}', '{"id":3,"name":"row 3"}']);
  writer.write(batchOf([4, 5]));
  writer.write(batchOf([6]));
  expect(context.shown.slice(2)).toEqual(['{"id":4,"name":"row 4"}']);
  expect(context.metrics.sink('out').recordsOut).toBe(5);
  expect(await writer.prepare(1)).toEqual([]);
  await writer.close();
});

test('the blackhole counts live rows', async () => {
  const context = testContext();
  const writer = blackholeSink.create(sinkSpec({}, TYPES), context);
  writer.write({...batchOf([1, 2, 3]), selection: Int32Array.of(1), selectedCount: 1});
  expect(context.metrics.sink('out').recordsOut).toBe(1);
  expect(writer.flow()).toBeNull();
  expect(await writer.prepare(1)).toEqual([]);
});

test('every part of a CSV sink begins with the header', async () => {
  const files = await newDisk(false);
  const options = {path: 'out/deep', format: 'csv', delimiter: ';', 'null-text': 'NA'};
  const writer = fileSink.create(sinkSpec(options, TYPES), testContext({files, uid: 'out'}));
  await writer.open();
  for (const epoch of [1, 2]) {
    writer.write(batchOf([epoch]));
    await writer.prepare(epoch);
    await writer.commit(epoch);
  }
  const names = (await files.list(DIRECTORY)).map(({name}) => name);
  const texts = names.map((name) => files.contentOf(`${DIRECTORY}/${name}`).toString());
  expect(names.every((name) => name.endsWith('.csv'))).toBe(true);
  expect(texts.map((text) => text.replaceAll('\r\n', '\n'))).toEqual([
    'id;name\n1;row 1\n',
    'id;name\n2;row 2\n',
  ]);
  await writer.close();
});
