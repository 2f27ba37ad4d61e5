// The sending side of an exchange: what a full ring has no room for waits, in order; a barrier that may overtake what
// waits gives it to be stored, at once or when its time is over; and whoever must be woken is.

import {beforeEach, describe, expect, test} from 'vitest';

import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import type {ChannelElement} from '#src/channels/element.js';
import {MessageEncoder} from '#src/channels/message-encoder.js';
import type {Partitioner} from '#src/channels/partitioner.js';
import {ReplayReader} from '#src/channels/replay.js';
import {newRingBuffer} from '#src/channels/ring.js';
import type {Alignment} from '#src/checkpoint/alignment.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {INT, STRING} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {toRows} from '#src/records/value.js';
import {Exchange} from '#src/runtime/exchange.js';
import {InputGate} from '#src/runtime/input-gate.js';
import type {InFlightMessages} from '#src/state/in-flight.js';

const SCHEMA: Schema = {
  fields: [
    {name: 'id', type: INT},
    {name: 'text', type: STRING},
  ],
};
const UNALIGNED: Alignment = {kind: 'unaligned'};
const TIMEOUT: Alignment = {kind: 'aligned-with-timeout', timeoutMillis: 10};

/** Even ids stay with subtask 0, odd ones go to subtask 1. */
const BY_PARITY: Partitioner = {
  targetCount: 2,
  split({columns, rowCount}) {
    const {values: ids} = columns[0] as {
      readonly values: ArrayLike<number>;
    } & RecordBatch['columns'][0];
    const rows = Array.from({length: rowCount}, (_, row) => row);
    const selections = [0, 1].map((parity) =>
      Int32Array.from(rows.filter((row) => ids[row]! % 2 === parity)),
    );
    return {selections, counts: Int32Array.from(selections, ({length}) => length)};
  },
};

function batchOf(ids: readonly number[], length = 0): RecordBatch {
  const builder = new BatchBuilder(SCHEMA);
  for (const id of ids) builder.appendRow([id, 'x'.repeat(length)]);
  return builder.build();
}

function idsOf(batch: RecordBatch): number[] {
  return toRows(batch).map((row) => row['id'] as number);
}

/** Subtask 0 of two, and what its two targets get. */
class Sender {
  readonly exchange: Exchange;
  readonly reader: ChannelReader;
  readonly rung: number[] = [];
  readonly own: (number | string)[] = [];

  constructor(mayOvertake = true) {
    const ring = newRingBuffer(1024);
    this.reader = new ChannelReader(ring, SCHEMA);
    const gate = new InputGate({
      head: {
        receive: (batch) => this.own.push(...idsOf(batch)),
        advanceWatermark: (time) => this.own.push(`watermark ${time}`),
        setIdle: (idle) => this.own.push(idle ? 'idle' : 'active'),
        endInput: () => this.own.push('end'),
      },
      listener: {
        isTriggered: () => true,
        reachBarrier: ({checkpointId}) => this.own.push(`barrier ${checkpointId}`),
        decline: () => undefined,
        forwardCancel: (checkpointId) => this.own.push(`cancel ${checkpointId}`),
      },
      subtask: 0,
      mode: 'exactly-once',
      forcedAligned: false,
      ring: () => undefined,
      now: () => 0,
      downstreamOpen: () => true,
    });
    this.exchange = new Exchange({
      edge: 'a>b#0',
      subtask: 0,
      partitioner: BY_PARITY,
      writers: [null, new ChannelWriter(ring, SCHEMA)],
      local: gate.addLocalChannel('a>b#0', new MessageEncoder(SCHEMA)),
      ring: (subtask) => this.rung.push(subtask),
      mayOvertake,
    });
  }

  /** Batches of one odd row each, until one has to wait; returns the ids. */
  fill(): number[] {
    const ids: number[] = [];
    while (this.exchange.canAccept()) {
      if (ids.length > 100) throw new Error('a ring of 1,024 bytes is never full');
      ids.push(ids.length * 2 + 1);
      this.exchange.receive(batchOf(ids.slice(-1), 100));
    }
    return ids;
  }

  barrier(alignment: Alignment, checkpointId = 1): Promise<readonly InFlightMessages[]> | null {
    return this.exchange.sendBarrier({kind: 'barrier', checkpointId, alignment, triggeredAt: 0});
  }

  /** What comes out on the other side now. */
  read(): (number | string)[] {
    const got: (number | string)[] = [];
    for (let element = this.reader.next(); element !== null; element = this.reader.next()) {
      if (element.kind === 'batch') got.push(...idsOf(element.batch));
      else got.push(textOf(element));
      this.reader.release();
    }
    return got;
  }

  /** Reads and flushes until nothing is left. */
  drain(now = 0): (number | string)[] {
    const got = this.read();
    while (this.exchange.flush(now)) got.push(...this.read());
    return got;
  }
}

function textOf(element: Exclude<ChannelElement, {kind: 'batch'}>): string {
  if (element.kind === 'barrier') return `${element.alignment.kind} ${element.checkpointId}`;
  if (element.kind === 'cancel') return `cancel ${element.checkpointId}`;
  return element.kind === 'watermark' ? `watermark ${element.time}` : element.kind;
}

function rowsIn(stored: readonly InFlightMessages[]): number[] {
  const reader = new ReplayReader(
    SCHEMA,
    stored.flatMap(({messages}) => messages),
  );
  const ids: number[] = [];
  for (let element = reader.next(); element !== null; element = reader.next()) {
    if (element.kind === 'batch') ids.push(...idsOf(element.batch));
  }
  return ids;
}

describe('an exchange', () => {
  let sender: Sender;

  beforeEach(() => {
    sender = new Sender();
  });

  test('gives each row to its target, and everything else to all', () => {
    sender.exchange.receive(batchOf([1, 2, 3, 4]));
    sender.exchange.advanceWatermark(7);
    sender.exchange.setIdle(true);
    sender.exchange.sendCancel(3);
    sender.exchange.endInput();
    expect(sender.own).toEqual([2, 4, 'watermark 7', 'idle', 'cancel 3', 'end']);
    expect(sender.read()).toEqual([1, 3, 'watermark 7', 'idle', 'cancel 3', 'end-of-data']);
  });

  test('takes no further batch while something waits, and loses none', () => {
    const ids = sender.fill();
    expect(sender.exchange.drained).toBe(false);
    expect(sender.drain()).toEqual(ids);
    expect([sender.exchange.drained, sender.exchange.canAccept()]).toEqual([true, true]);
  });

  test('wakes the reader with what is sent and with what is moved on, and not for nothing', () => {
    sender.fill();
    expect(new Set(sender.rung)).toEqual(new Set([1]));
    sender.rung.length = 0;
    expect([sender.exchange.flush(0), sender.rung]).toEqual([false, []]);
    sender.read();
    expect([sender.exchange.flush(0), sender.rung]).toEqual([true, [1]]);
  });

  test('an unaligned barrier overtakes what waits, which is stored and sent all the same', async () => {
    const ids = sender.fill();
    const stored = await sender.barrier(UNALIGNED)!;
    expect(stored).toMatchObject([{edge: 'a>b#0', from: 0, to: 1, side: 'output'}]);
    expect(rowsIn(stored)).toEqual(ids.slice(-1));
    const got = sender.drain();
    expect(got).toEqual([...ids.slice(0, -1), 'unaligned 1', ...ids.slice(-1)]);
  });

  test('an aligned one with a timeout keeps its place until the time is over', async () => {
    const ids = sender.fill();
    const stored = sender.barrier(TIMEOUT)!;
    expect(sender.exchange.deadline).toBe(10);
    sender.exchange.flush(9);
    expect(sender.read()).toEqual(ids.slice(0, -1));
    // Room has come, but not before the time was over.
    sender.exchange.flush(9);
    expect(rowsIn(await stored)).toEqual([]);
    expect(sender.drain()).toEqual([...ids.slice(-1), 'aligned-with-timeout 1']);

    const again = sender.fill();
    const overtaken = sender.barrier(TIMEOUT, 2)!;
    sender.exchange.flush(10);
    expect(sender.exchange.deadline).toBe(Infinity);
    expect(rowsIn(await overtaken)).toEqual(again.slice(-1));
    expect(sender.drain()).toEqual([...again.slice(0, -1), 'unaligned 2', ...again.slice(-1)]);
  });

  test('an aligned barrier never overtakes, nor does any where in-flight data cannot be kept', () => {
    const ids = sender.fill();
    expect(sender.barrier({kind: 'aligned'})).toBeNull();
    expect(sender.drain()).toEqual([...ids, 'aligned 1']);
    const broadcast = new Sender(false);
    const all = broadcast.fill();
    expect(broadcast.barrier(UNALIGNED)).toBeNull();
    expect(broadcast.drain(100)).toEqual([...all, 'aligned 1']);
  });

  test('a barrier that is given up keeps nobody waiting, and the next one works', async () => {
    sender.fill();
    const stored = sender.barrier(TIMEOUT)!;
    sender.exchange.abort(1);
    await expect(stored).rejects.toThrow('given up');
    expect(sender.exchange.deadline).toBe(Infinity);
    const next = await sender.barrier(UNALIGNED, 2)!;
    expect(rowsIn(next).length).toBe(1);
  });
});
