// The blackhole counts rows; with a rate it takes them as slowly as it is told, by virtual time.

import {expect, test} from 'vitest';
import type {Clock, Timers} from '#src/base/clock.js';
import {blackholeSink} from '#src/connectors/blackhole/sink.js';
import type {SinkWriter} from '#src/connectors/connector.js';
import type {OptionValues} from '#src/job/job-spec.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {INT} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import {sinkSpec, testContext} from './support/context.ts';

class VirtualTime implements Clock, Timers {
  #now = 1000;
  #pending: {at: number; action: () => void}[] = [];

  monotonicMillis(): number {
    return this.#now;
  }

  wallMillis(): number {
    return this.#now;
  }

  after(millis: number, action: () => void): {cancel(): void} {
    const entry = {at: this.#now + millis, action};
    this.#pending.push(entry);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((each) => each !== entry);
      },
    };
  }

  async yield(): Promise<void> {
    return Promise.resolve();
  }

  get pending(): number {
    return this.#pending.length;
  }

  advance(millis: number): void {
    this.#now += millis;
    const due = this.#pending.filter(({at}) => at <= this.#now);
    this.#pending = this.#pending.filter(({at}) => at > this.#now);
    for (const {action} of due) action();
  }
}

function make(options: OptionValues): {
  writer: SinkWriter;
  time: VirtualTime;
  context: ReturnType<typeof testContext>;
} {
  const time = new VirtualTime();
  const context = testContext({uid: 'out', clock: time, timers: time});
  return {writer: blackholeSink.create(sinkSpec(options, {n: INT}), context), time, context};
}

function batchOf(rows: number): RecordBatch {
  const builder = new BatchBuilder({fields: [{name: 'n', type: INT}]});
  for (let row = 0; row < rows; row += 1) builder.appendRow([row]);
  return builder.build();
}

test('without a rate it never waits', async () => {
  const {writer, context} = make({});
  writer.write(batchOf(10_000));
  expect(writer.flow()).toBeNull();
  expect(context.metrics.sink('out').recordsOut).toBe(10_000);
  await writer.close();
});

test('the next rows may come when the time of the last ones has passed', async () => {
  const {writer, time} = make({'rate-limit': 100});
  expect(writer.flow()).toBeNull();
  writer.write(batchOf(50));
  const flow = writer.flow();
  expect(writer.flow()).toBe(flow);
  time.advance(499);
  expect(writer.flow()).toBe(flow);
  time.advance(1);
  await flow;
  expect(writer.flow()).toBeNull();
});

test('rows in several batches are paid for together, a pause is not saved up', async () => {
  const {writer, time} = make({'rate-limit': 1000});
  time.advance(60_000);
  writer.write(batchOf(5));
  writer.write(batchOf(5));
  const flow = writer.flow();
  time.advance(9);
  expect(writer.flow()).toBe(flow);
  time.advance(1);
  await flow;
  expect(writer.flow()).toBeNull();
});

test('closing it ends the wait and leaves no timer', async () => {
  const {writer, time} = make({'rate-limit': 1});
  writer.write(batchOf(100));
  const flow = writer.flow();
  await writer.close();
  await flow;
  expect([writer.flow(), time.pending]).toEqual([null, 0]);
});
