// A source with `bounded: false` reads files that appear, each once, and stops when a known one changes.

import {expect, test} from 'vitest';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {Timers} from '#src/base/clock.js';
import type {SourceReader} from '#src/connectors/connector.js';
import {putFile, stored} from './support/context.ts';
import {open, records, replace, threeFiles, WATERMARK} from './support/record-files.ts';

const B = '/job/data/b.ndjson';

class ManualTimers implements Timers {
  #actions: (() => void)[] = [];

  after(_millis: number, action: () => void): {cancel(): void} {
    this.#actions.push(action);
    return {
      cancel: () => {
        this.#actions = this.#actions.filter((each) => each !== action);
      },
    };
  }

  async yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  fire(): void {
    const actions = this.#actions;
    this.#actions = [];
    for (const action of actions) action();
  }
}

async function rowCount(reader: SourceReader, wanted: number): Promise<number> {
  let count = 0;
  while (count < wanted) {
    const step = reader.poll(100);
    if (step.kind === 'batch') count += step.batch.rowCount;
    else await reader.available();
  }
  return count;
}

test('a watching source reads files that appear, and goes on from its position', async () => {
  const files = await threeFiles();
  const timers = new ManualTimers();
  const setting = {files, spec: {bounded: false}, options: {bounded: false}};
  const reader = await open({...setting, context: {timers}});
  expect(await rowCount(reader, 240)).toBe(240);
  expect(reader.poll(10)).toEqual({kind: 'pending'});
  await putFile(files, '/job/data/.d', records(300, 10));
  await files.rename('/job/data/.d', '/job/data/d.ndjson');
  timers.fire();
  expect(await rowCount(reader, 10)).toBe(10);
  const restored = [stored(reader.snapshot())];
  await reader.close();
  await putFile(files, '/job/data/e.ndjson', records(400, 5));
  const second = await open({...setting, context: {timers, restored}});
  expect(await rowCount(second, 5)).toBe(5);
  expect(second.poll(10)).toEqual({kind: 'pending'});
  await second.close();
});

test('files that appear together are read in the order of their names while it polls', async () => {
  const files = await threeFiles();
  const timers = new ManualTimers();
  const spec = {bounded: false, watermark: WATERMARK};
  const reader = await open({files, spec, context: {timers}});
  await rowCount(reader, 240);
  // Every call of the file system takes a turn of the loop, and the source is polled in each.
  files.options = {pause: async () => timers.yield()};
  const appeared = ['d', 'e', 'f', 'g'];
  for (const [index, name] of appeared.entries()) {
    await putFile(files, `/job/data/${name}.ndjson`, records(300 + index, 1));
  }
  timers.fire();
  const read: string[] = [];
  for (let turn = 0; turn < 5000 && read.length < appeared.length; turn += 1) {
    const step = reader.poll(100);
    if (step.kind === 'batch')
      read.push(step.batch.origin!.describe(0).replace(/^.*data.(.).*$/, '$1'));
    await timers.yield();
  }
  expect(read).toEqual(appeared);
  await reader.close();
});

test('a watching source stops when a file it knows has grown', async () => {
  const files = await threeFiles();
  const timers = new ManualTimers();
  const reader = await open({files, spec: {bounded: false}, context: {timers}});
  await rowCount(reader, 240);
  expect(reader.poll(10)).toEqual({kind: 'pending'});
  replace(files, B, (old) => Buffer.concat([old, Buffer.from('{}\n')]));
  timers.fire();
  await expect(reader.available()).rejects.toMatchObject({code: 'SOURCE_LOST_DATA'});
  expect(() => reader.poll(10)).toThrow(/b.ndjson has changed/);
  await reader.close();
});

test('idle-timeout applies only when nothing is left to read', async () => {
  const files = await threeFiles();
  let now = 0;
  const clock = {monotonicMillis: () => now, wallMillis: () => now};
  const spec = {bounded: false, watermark: {...WATERMARK, idleTimeoutMillis: 1000}};
  const reader = await open({files, spec, context: {clock, timers: new ManualTimers()}});
  await rowCount(reader, 100);
  now = 5000;
  expect(reader.idle()).toBe(false);
  await rowCount(reader, 140);
  expect(reader.poll(10)).toEqual({kind: 'pending'});
  expect(reader.idle()).toBe(false);
  now = 6001;
  expect(reader.idle()).toBe(true);
  await reader.close();
});

test('the position of a file that is just being opened again is in the snapshot', async () => {
  const files = await threeFiles();
  let restored: SubtaskMetadata[] = [];
  const next = async (): Promise<SourceReader> =>
    open({files, spec: {bounded: false}, context: {timers: new ManualTimers(), restored}});
  const first = await next();
  while (first.poll(40).kind !== 'batch') await first.available();
  restored = [stored(first.snapshot())];
  await first.close();
  const second = await next();
  restored = [stored(second.snapshot())];
  await second.close();
  const third = await next();
  expect(await rowCount(third, 200)).toBe(200);
  expect(third.poll(10)).toEqual({kind: 'pending'});
  await third.close();
});

test('close wakes whoever waits', async () => {
  const files = await threeFiles();
  const reader = await open({files, spec: {bounded: false}, context: {timers: new ManualTimers()}});
  await rowCount(reader, 240);
  reader.poll(10);
  const waiting = reader.available();
  await reader.close();
  await waiting;
});
