// Promise: a channel gives what was sent, in order, once; and for a barrier that overtook, what was read
// before it, what its reader records and what its writer records are together what was sent before it.
// Checked against a plain list, over random runs and over all interleavings of a short one.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import {newRingBuffer} from '#src/channels/ring.js';
import {ALIGNMENTS, ChannelModel, SCHEMA} from './support/channel-model.ts';

const PROOF = process.env['TIDEMARK_PROOF'] === '1';

type Act = (channel: ChannelModel) => void;

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.integer({min: 1, max: 6}), fc.constantFrom(0, 3, 20)).map(
      ([rows, length]): Act =>
        (channel) =>
          channel.sendBatch(rows, length),
    ),
  },
  // In fragments; also larger than the whole ring.
  {
    weight: 2,
    arbitrary: fc.constantFrom(240, 500, 3000).map(
      (length): Act =>
        (channel) =>
          channel.sendBatch(1, length),
    ),
  },
  fc.constantFrom<Act>(
    (channel) => channel.sendWatermark(),
    (channel) => channel.sendIdle(),
    (channel) => {
      if (channel.settled) channel.sendCancel();
    },
  ),
  {
    weight: 2,
    arbitrary: fc.constantFrom(...ALIGNMENTS).map((alignment): Act => (channel) => {
      if (channel.settled) channel.sendBarrier(alignment);
    }),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Act>(
      (channel) => channel.overtake(),
      (channel) => channel.flush(),
      (channel) => channel.prioritize(),
      (channel) => channel.release(),
      (channel) => channel.read(),
      (channel) => channel.read(),
    ),
  },
);

describe('a channel', () => {
  it('gives what was sent, in order, once, and records what barriers overtake', () => {
    fc.assert(
      fc.property(fc.array(act, {maxLength: 120}), (acts) => {
        const channel = new ChannelModel();
        for (const step of acts) step(channel);
        channel.endData();
        channel.finish();
      }),
      {numRuns: PROOF ? 20_000 : 800},
    );
  });

  it('records a barrier whole wherever reader and writer stand', () => {
    const writer: readonly Act[] = [
      (channel) => channel.sendBatch(2, 20),
      (channel) => channel.sendBatch(1, 1400),
      (channel) => channel.sendWatermark(),
      (channel) => channel.sendBarrier(ALIGNMENTS[2]!),
      (channel) => channel.flush(),
      (channel) => channel.overtake(),
      (channel) => channel.flush(),
      (channel) => channel.sendBatch(1, 20),
    ];
    for (const prioritize of [true, false]) {
      const reader: Act = (channel) => {
        if (prioritize) channel.prioritize();
        channel.read();
        channel.release();
      };
      let runs = 0;
      for (const schedule of interleavings(writer.length, 6)) {
        const channel = new ChannelModel();
        let next = 0;
        for (const isWriter of schedule) {
          if (isWriter) writer[next++]!(channel);
          else reader(channel);
        }
        channel.finish();
        runs += 1;
      }
      expect(runs).toBe(3003);
    }
  });

  it('passes over barriers that are older than one that came', () => {
    const buffer = newRingBuffer();
    const writer = new ChannelWriter(buffer, SCHEMA);
    const reader = new ChannelReader(buffer, SCHEMA);
    writer.sendBarrier({checkpointId: 4, alignment: {kind: 'aligned'}, triggeredAt: 0});
    writer.sendBarrier({checkpointId: 5, alignment: {kind: 'unaligned'}, triggeredAt: 0});
    writer.send({kind: 'watermark', time: 1});
    expect(reader.announcement()).toMatchObject({checkpointId: 5});
    expect(reader.copyBefore(5)).toEqual([]);
    reader.handedIn(5);
    expect(reader.next()).toEqual({kind: 'watermark', time: 1});
  });

  it('keeps the announcement of a barrier that overtook an older one, which enters the ring later', () => {
    const buffer = newRingBuffer(1024);
    const writer = new ChannelWriter(buffer, SCHEMA);
    const reader = new ChannelReader(buffer, SCHEMA);
    const alignment = {kind: 'aligned-with-timeout', timeoutMillis: 500} as const;
    let sent = 0;
    const fill = (): void => {
      // Bounded: a ring that is never full must fail the test, and not hold it for ever.
      while (!writer.full && sent < 10_000) writer.send({kind: 'watermark', time: (sent += 1)});
      expect(writer.full).toBe(true);
    };
    fill();
    // Given up while it waits for room; the next one is late, and overtakes.
    writer.sendBarrier({checkpointId: 1, alignment, triggeredAt: 0});
    writer.sendBarrier({checkpointId: 2, alignment, triggeredAt: 0});
    expect(reader.next()).toEqual({kind: 'watermark', time: 1});
    expect(writer.overtake(2)).toHaveLength(1);
    // The reader gives room back before it looks at the announcement.
    for (let time = 2; time <= 10; time += 1) {
      reader.release();
      expect(reader.next()).toEqual({kind: 'watermark', time});
    }
    reader.release();
    expect(writer.flush()).toBe(true);
    const rest: string[] = [];
    for (let element = reader.next(); element !== null; element = reader.next()) {
      rest.push(element.kind === 'barrier' ? `barrier ${element.checkpointId}` : element.kind);
      reader.release();
    }
    expect(rest.filter((each) => each !== 'watermark')).toEqual(['barrier 2']);
    // It stands before what it overtook: the last watermark.
    expect(rest.slice(-2)).toEqual(['barrier 2', 'watermark']);
    expect(rest).toHaveLength(sent - 10 + 1);
  });

  it('does not announce a barrier whose turn has come', () => {
    const buffer = newRingBuffer();
    const writer = new ChannelWriter(buffer, SCHEMA);
    const reader = new ChannelReader(buffer, SCHEMA);
    writer.sendBarrier({checkpointId: 1, alignment: {kind: 'unaligned'}, triggeredAt: 7.5});
    expect(reader.next()).toEqual({
      kind: 'barrier',
      checkpointId: 1,
      alignment: {kind: 'unaligned'},
      triggeredAt: 7.5,
    });
    expect(reader.announcement()).toBe(null);
  });

  it('goes on when positions pass 2^31', () => {
    const buffer = newRingBuffer(1024);
    // Head and tail just below the end of the positive range.
    const ints = new Int32Array(buffer);
    const position = 2 ** 31 - 512;
    ints[0] = position;
    ints[16] = position;
    const writer = new ChannelWriter(buffer, SCHEMA);
    const reader = new ChannelReader(buffer, SCHEMA);
    for (let time = 0; time < 1000; time += 1) {
      writer.send({kind: 'watermark', time});
      if (time % 3 > 0) continue;
      writer.flush();
      for (let element = reader.next(); element !== null; element = reader.next()) reader.release();
    }
    writer.flush();
    while (reader.next() !== null) reader.release();
    expect(writer.queuedBytes).toBe(0);
    expect(reader.bytesReceived).toBe(writer.bytesSent);
  });
});

/** All orders of `left` trues and `right` falses. */
function* interleavings(left: number, right: number): Generator<boolean[]> {
  if (left === 0 && right === 0) yield [];
  if (left > 0) for (const rest of interleavings(left - 1, right)) yield [true, ...rest];
  if (right > 0) for (const rest of interleavings(left, right - 1)) yield [false, ...rest];
}
