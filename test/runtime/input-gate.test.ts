// A gate merges the watermarks of its channels, hands each row to its task with the watermark that all channels
// have reached, and carries out what the aligner decides: an unaligned snapshot and what was recorded with it hold
// exactly the records before the barriers, over rings and calls, also when long batches go in fragments.

import fc from 'fast-check';
import {beforeEach, describe, expect, test} from 'vitest';

import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import {MessageEncoder} from '#src/channels/message-encoder.js';
import {newRingBuffer} from '#src/channels/ring.js';
import type {Alignment} from '#src/checkpoint/alignment.js';
import type {Target} from '#src/runtime/chain-node.js';
import {InputGate, type GateOptions} from '#src/runtime/input-gate.js';
import type {LocalChannel} from '#src/runtime/local-channel.js';
import {barrierOf, batchOf, GateUnderTest, SCHEMA} from './support/gate-under-test.ts';

let told: (number | string)[];

function gateOf(options: Partial<GateOptions> = {}): InputGate {
  const head: Target = {
    receive: (batch) => told.push(`batch of ${batch.selectedCount}`),
    advanceWatermark: (time) => told.push(time),
    setIdle: (idle) => told.push(idle ? 'idle' : 'active'),
    endInput: () => told.push('end'),
  };
  return new InputGate({
    head,
    listener: {
      isTriggered: () => true,
      reachBarrier: ({checkpointId}) => told.push(`barrier ${checkpointId}`),
      decline: (checkpointId, reason) => told.push(`decline ${checkpointId} ${reason}`),
      forwardCancel: (checkpointId) => told.push(`cancel ${checkpointId}`),
    },
    subtask: 0,
    mode: 'exactly-once',
    forcedAligned: false,
    downstreamOpen: () => true,
    ring: () => undefined,
    now: () => 0,
    ...options,
  });
}

describe('the watermark of a gate', () => {
  let left: LocalChannel;
  let right: LocalChannel;

  beforeEach(() => {
    told = [];
    const gate = gateOf();
    left = gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
    right = gate.addLocalChannel('b>c#1', new MessageEncoder(SCHEMA));
  });

  test('is the least of its channels and never goes back', () => {
    left.advanceWatermark(10);
    expect(told).toEqual([]);
    right.advanceWatermark(5);
    right.advanceWatermark(20);
    expect(told).toEqual([5, 10]);
  });

  test('is not held back by an idle channel', () => {
    left.advanceWatermark(10);
    right.setIdle(true);
    expect(told).toEqual([10]);
  });

  test('does not jump to the end when one channel has ended and the other is idle', () => {
    left.advanceWatermark(7);
    right.advanceWatermark(7);
    right.setIdle(true);
    left.advanceWatermark(Infinity);
    left.endInput();
    expect(told).not.toContain(Infinity);
    right.setIdle(false);
    right.advanceWatermark(9);
    expect(told.filter((each) => typeof each === 'number')).toEqual([7, 9]);
  });

  test('is given up by a gate of which the last active channel ends while the others are idle', () => {
    right.setIdle(true);
    expect(told).toEqual([]);
    left.advanceWatermark(Infinity);
    left.endInput();
    expect(told).toEqual(['idle']);
    right.setIdle(false);
    right.advanceWatermark(9);
    expect(told).toEqual(['idle', 'active', 9]);
  });

  test('reaches the end with the last channel, right before the end itself', () => {
    left.advanceWatermark(Infinity);
    left.endInput();
    right.advanceWatermark(3);
    right.advanceWatermark(Infinity);
    right.endInput();
    expect(told).toEqual([3, Infinity, 'end']);
  });

  test('a barrier is aligned once it has come on every channel, also on ended ones', () => {
    left.endInput();
    left.sendBarrier(barrierOf(4, {kind: 'aligned'}));
    expect(left.canAccept()).toBe(false);
    expect(told).toEqual([]);
    right.sendBarrier(barrierOf(4, {kind: 'aligned'}));
    expect(told).toEqual(['barrier 4']);
    expect(left.canAccept()).toBe(true);
  });
});

test('no row carries a watermark that another channel holds up', () => {
  const seen: number[][] = [];
  const head: Target = {
    receive: (batch) => seen.push([...(batch.watermarks ?? [])].slice(0, batch.rowCount)),
    advanceWatermark: () => undefined,
    setIdle: () => undefined,
    endInput: () => undefined,
  };
  const gate = gateOf({head});
  const ahead = gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
  const behind = gate.addLocalChannel('b>c#1', new MessageEncoder(SCHEMA));
  behind.advanceWatermark(5);
  ahead.receive(batchOf([1, 2, 3], '', [-Infinity, 3, 90]));
  behind.setIdle(true);
  ahead.receive(batchOf([4], '', [95]));
  behind.setIdle(false);
  ahead.advanceWatermark(100);
  behind.receive(batchOf([5], '', [7]));
  expect(seen).toEqual([[-Infinity, 3, 5], [95], [7]]);
});

// ------------------------------------------------------------------------------ barriers over rings

const RUNS = process.env['TIDEMARK_PROOF'] === '1' ? 20_000 : 600;

const alignments: readonly Alignment[] = [
  {kind: 'aligned'},
  {kind: 'unaligned'},
  {kind: 'aligned-with-timeout', timeoutMillis: 10},
];

test('a snapshot and what was in flight are exactly the records before the barriers', async () => {
  const rows = fc.nat({max: 400});
  const move = fc.oneof(
    {weight: 6, arbitrary: fc.tuple(fc.constantFrom(0, 1, 2), fc.nat({max: 6}), rows)},
    {weight: 3, arbitrary: fc.tuple(fc.constantFrom(0, 1, 2), fc.constant('barrier' as const))},
    {weight: 8, arbitrary: fc.constant('step' as const)},
    {weight: 2, arbitrary: fc.constant('attend' as const)},
    {weight: 1, arbitrary: fc.constant('flush' as const)},
    {weight: 1, arbitrary: fc.constant('trigger' as const)},
    {weight: 1, arbitrary: fc.constant('time' as const)},
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...alignments),
      fc.boolean(),
      fc.array(move, {maxLength: 60}),
      async (alignment, early, moves) => {
        const it = new GateUnderTest(1024);
        if (early) it.triggered = 1;
        const cut: number[] = [];
        const sent = [false, false, false];
        const output: Uint8Array[][] = [[], [], []];
        let next = 0;
        const overtakeWhenDue = (): void => {
          if (alignment.kind === 'aligned') return;
          const {timeoutMillis} = {timeoutMillis: 0, ...alignment};
          const due = it.now >= timeoutMillis;
          it.writers.forEach((writer, index) => {
            if (!due || !sent[index + 1] || writer.entered(1)) return;
            output[index + 1]!.push(...writer.overtake(1)!);
          });
        };
        const sendBarrier = (from: number): void => {
          if (sent[from]) return;
          sent[from] = true;
          if (from === 0) it.call.sendBarrier(barrierOf(1, alignment));
          else it.writers[from - 1]!.sendBarrier(barrierOf(1, alignment));
          overtakeWhenDue();
        };
        const sendRows = (from: number, count: number, length: number): void => {
          if (count === 0 || (from === 0 && !it.call.canAccept())) return;
          const ids = Array.from({length: count}, () => next++);
          const batch = batchOf(ids, 'x'.repeat(length));
          if (!sent[from]) cut.push(...ids);
          if (from === 0) it.call.receive(batch);
          else it.writers[from - 1]!.sendBatch(batch, null, count);
        };
        for (const each of moves) {
          if (Array.isArray(each)) {
            const [from, what, length] = each as [number, number | 'barrier', number];
            // The call's own source takes part only once its order has come.
            if (what !== 'barrier') sendRows(from, what, length);
            else if (from !== 0 || it.triggered === 1) sendBarrier(from);
          } else if (each === 'step') it.gate.step();
          else if (each === 'attend') it.attend();
          else if (each === 'trigger') it.triggered = 1;
          else if (each === 'time') {
            it.now += 6;
            overtakeWhenDue();
          } else for (const writer of it.writers) writer.flush();
        }
        it.triggered = 1;
        for (const from of [0, 1, 2]) sendBarrier(from);
        it.drain();
        expect(it.declined).toEqual([]);
        expect([...it.passages.keys()]).toEqual([1]);
        const found = await it.rowsOf(1, output);
        expect(found.sort((left, right) => left - right)).toEqual(cut);
        // Nothing is lost or doubled for the task itself, and the gate is open again.
        expect([...it.processed].sort((left, right) => left - right)).toEqual(
          Array.from({length: next}, (_, id) => id),
        );
        expect(it.call.canAccept()).toBe(true);
      },
    ),
    {numRuns: RUNS},
  );
});

test('a barrier waits in its channel until the order of the master has come', () => {
  const it = new GateUnderTest(4096);
  for (const writer of it.writers) writer.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  it.attend();
  it.drain();
  expect(it.passages.size).toBe(0);
  it.triggered = 1;
  it.attend();
  expect([...it.passages.keys()]).toEqual([1]);
});

test('an abort ends the recording, and the next checkpoint records its own', async () => {
  const it = new GateUnderTest(4096);
  it.triggered = 2;
  const [one, two] = it.writers;
  one!.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  it.attend();
  two!.sendBatch(batchOf([1]), null, 1);
  it.gate.step();
  it.gate.abort(1);
  await expect(it.passages.get(1)!.passage.recorded).rejects.toThrow('given up');
  two!.sendBatch(batchOf([2]), null, 1);
  it.drain();
  one!.sendBarrier(barrierOf(2, {kind: 'unaligned'}));
  it.attend();
  two!.sendBatch(batchOf([3]), null, 1);
  it.drain();
  for (const each of [it.call, two!]) each.sendBarrier(barrierOf(2, {kind: 'unaligned'}));
  it.drain();
  expect(await it.rowsOf(2, [])).toEqual([1, 2, 3]);
});

test('nothing is recorded on a channel of which the checkpoint was given up', () => {
  const it = new GateUnderTest(4096);
  it.triggered = 1;
  it.writers[0]!.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  it.attend();
  expect(it.gate.recordingOf(0)).toEqual([]);
  it.gate.abort(1);
  expect(it.gate.recordingOf(0)).toBeNull();
});

test('a barrier that was taken ahead of its turn does not come again in its place', () => {
  const it = new GateUnderTest(4096);
  it.triggered = 1;
  const [writer] = it.writers;
  writer!.sendBatch(batchOf([1]), null, 1);
  writer!.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  writer!.sendBatch(batchOf([2]), null, 1);
  it.attend();
  expect(it.passages.get(1)!.before).toEqual([]);
  // The others still owe theirs; behind the barrier the channel is open.
  it.drain();
  expect(it.processed).toEqual([1, 2]);
});

test('a newer announcement does not make the checkpoint before it fail the task', async () => {
  // The coordinator gave 1 up and triggered 2. One sender has both orders already, this thread has neither, and
  // the timeout of 1 is over.
  const timed: Alignment = {kind: 'aligned-with-timeout', timeoutMillis: 10};
  for (const look of ['attend', 'hasInput'] as const) {
    const it = new GateUnderTest(4096);
    it.triggered = 1;
    const [one, two] = it.writers;
    one!.sendBatch(batchOf([1]), null, 1);
    one!.sendBarrier(barrierOf(1, timed));
    it.attend();
    one!.sendBarrier(barrierOf(2, timed));
    if (look === 'attend') it.gate.attendBarriers();
    else expect(it.gate.hasInput).toBe(true);
    it.now = 10;
    it.gate.onTimer();
    expect([...it.passages.keys()]).toEqual([1]);
    // Now the orders: the abort of 1, then 2.
    it.gate.abort(1);
    it.triggered = 2;
    it.attend();
    for (const each of [it.call, two!]) each.sendBarrier(barrierOf(2, timed));
    it.drain();
    expect(it.declined).toEqual([]);
    expect(await it.rowsOf(2, [])).toEqual([1]);
  }
});

test('a barrier that turned unaligned at the sender is taken as such', async () => {
  const it = new GateUnderTest(4096);
  it.triggered = 1;
  it.call.sendBarrier(barrierOf(1, {kind: 'aligned-with-timeout', timeoutMillis: 1000}));
  it.writers[0]!.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  it.attend();
  it.writers[1]!.sendBatch(batchOf([1]), null, 1);
  it.drain();
  expect(it.passages.get(1)!.passage.alignment).toBe('unaligned');
  it.writers[1]!.sendBarrier(barrierOf(1, {kind: 'aligned-with-timeout', timeoutMillis: 1000}));
  it.drain();
  expect(await it.rowsOf(1, [])).toEqual([1]);
});

test('a writer that waits for room is woken once there is some', () => {
  const rung: number[] = [];
  const ring = newRingBuffer(1024);
  const writer = new ChannelWriter(ring, SCHEMA);
  const gate = gateOf({ring: (subtask) => rung.push(subtask)});
  gate.addRemoteChannel('a>c#0', 3, new ChannelReader(ring, SCHEMA));
  writer.sendBatch(batchOf([1]), null, 1);
  gate.step();
  expect(rung).toEqual([]);
  while (!writer.full) writer.sendBatch(batchOf([1], 'x'.repeat(100)), null, 1);
  gate.step();
  expect(rung).toEqual([3]);
});

test('a later barrier waits on a call that is blocked, as it would in a ring', () => {
  told = [];
  const gate = gateOf();
  const left = gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
  const right = gate.addLocalChannel('b>c#1', new MessageEncoder(SCHEMA));
  for (const id of [1, 2, 3]) left.sendBarrier(barrierOf(id, {kind: 'aligned'}));
  expect(told).toEqual([]);
  right.sendBarrier(barrierOf(1, {kind: 'aligned'}));
  expect(told).toEqual(['barrier 1']);
  expect(left.canAccept()).toBe(false);
  right.sendBarrier(barrierOf(2, {kind: 'aligned'}));
  right.sendCancel(3);
  expect(told).toEqual([
    'barrier 1',
    'barrier 2',
    'decline 3 declined-on-cancellation-barrier',
    'cancel 3',
  ]);
  expect(left.canAccept()).toBe(true);
});

test('a cancel marker releases the gate and is told once', () => {
  told = [];
  const gate = gateOf();
  const left = gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
  const right = gate.addLocalChannel('b>c#1', new MessageEncoder(SCHEMA));
  left.sendBarrier(barrierOf(2, {kind: 'aligned'}));
  right.sendCancel(2);
  left.sendCancel(2);
  expect(told).toEqual(['decline 2 declined-on-cancellation-barrier', 'cancel 2']);
  expect(left.canAccept()).toBe(true);
});

test('an exchange that cannot keep in-flight data is aligned whatever the barrier says', () => {
  told = [];
  const gate = gateOf({forcedAligned: true});
  const left = gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
  const right = gate.addLocalChannel('b>c#1', new MessageEncoder(SCHEMA));
  left.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  expect(told).toEqual([]);
  expect(left.canAccept()).toBe(false);
  right.sendBarrier(barrierOf(1, {kind: 'unaligned'}));
  expect(told).toEqual(['barrier 1']);
});
