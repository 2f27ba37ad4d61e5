// Promise: between two real threads nothing is lost, doubled or seen half, and no ring of a bell is lost.
// The other thread is support/peer.js.
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import {describe, expect, it} from 'vitest';
import {systemTimers} from '#src/base/clock.js';
import {SeededRandom} from '#src/base/random.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import {ReplayReader} from '#src/channels/replay.js';
import {newRingBuffer} from '#src/channels/ring.js';
import {newBellBuffer, ThreadBell} from '#src/channels/thread-bell.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {SCHEMA} from './support/channel-model.ts';
// @ts-expect-error a module of JavaScript, which the other thread loads too
import {checksumOf} from './support/checksum.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1';
const LONG_MILLIS = 20_000;

interface Outcome {
  readonly checksum: number;
  readonly rows: number;
  /** Id, rows read before it, and what was copied from before it. */
  readonly barriers: readonly (readonly [number, number, readonly Uint8Array[]])[];
}

function startPeer(data: object): {readonly worker: Worker; readonly answer: Promise<unknown>} {
  const worker = new Worker(new URL('./support/peer.js', import.meta.url), {workerData: data});
  const answer = Promise.race([
    once(worker, 'message').then(([message]) => message as unknown),
    once(worker, 'error').then(([error]) => {
      throw error as Error;
    }),
  ]);
  return {worker, answer};
}

function rowsIn(messages: readonly Uint8Array[]): number {
  const reader = new ReplayReader(SCHEMA, messages);
  let rows = 0;
  for (let element = reader.next(); element !== null; element = reader.next()) {
    if (element.kind === 'batch') rows += element.batch.rowCount;
  }
  return rows;
}

describe('between two threads', () => {
  it.each([1024, 64 * 1024])('a ring of %i bytes loses and doubles nothing', async (capacity) => {
    const random = new SeededRandom(capacity);
    const pick = (limit: number): number => Math.floor(random.next() * limit);
    const ring = newRingBuffer(capacity);
    const [ownBell, otherBell] = [newBellBuffer(), newBellBuffer()];
    const {worker, answer} = startPeer({
      ...{role: 'read', ring, schema: SCHEMA, ownBell: otherBell, otherBell: ownBell},
    });
    const own = new ThreadBell(ownBell);
    const other = new ThreadBell(otherBell);
    const writer = new ChannelWriter(ring, SCHEMA);
    const builder = new BatchBuilder(SCHEMA);
    const before = new Map<number, {readonly rows: number; readonly overtaken: number}>();
    let checksum = 0;
    let rows = 0;
    for (let step = 0; step < (PROOF ? 100_000 : 6000); step += 1) {
      builder.reset();
      const count = 1 + pick(20);
      for (let row = 0; row < count; row += 1) {
        builder.appendRow([rows + row, 'ab'.repeat(pick(8) === 0 ? 100 : pick(6))]);
      }
      const batch = builder.build();
      checksum = checksumOf(checksum, batch) as number;
      rows += count;
      writer.sendBatch(batch, null, count);
      if (step % 50 === 49) {
        const checkpointId = (step + 1) / 50;
        writer.sendBarrier({checkpointId, alignment: {kind: 'unaligned'}, triggeredAt: step});
        const overtaken = writer.overtake(checkpointId) ?? [];
        before.set(checkpointId, {rows, overtaken: rowsIn(overtaken)});
      }
      other.ring();
      // Some steps go on with a full channel, so that barriers have something to overtake.
      while (!writer.flush() && step % 10 !== 8) {
        other.ring();
        await own.wait(systemTimers, LONG_MILLIS);
      }
    }
    writer.send({kind: 'end-of-data'});
    while (!writer.flush()) {
      other.ring();
      await own.wait(systemTimers, LONG_MILLIS);
    }
    other.ring();
    const outcome = (await answer) as Outcome;
    await worker.terminate();
    expect(outcome.rows).toBe(rows);
    expect(outcome.checksum).toBe(checksum);
    // A barrier that a newer one followed may be gone; one that came stands right.
    expect(outcome.barriers.length).toBeGreaterThan(before.size / 2);
    for (const [checkpointId, read, copies] of outcome.barriers) {
      const sent = before.get(checkpointId)!;
      expect(read + rowsIn(copies) + sent.overtaken).toBe(sent.rows);
    }
  });

  it('no ring of a bell is lost', async () => {
    const rounds = PROOF ? 200_000 : 5000;
    const [ownBell, otherBell] = [newBellBuffer(), newBellBuffer()];
    const {worker, answer} = startPeer({
      ...{role: 'answer', ownBell: otherBell, otherBell: ownBell, rounds},
    });
    const own = new ThreadBell(ownBell);
    const other = new ThreadBell(otherBell);
    const started = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      other.ring();
      await own.wait(systemTimers, LONG_MILLIS);
    }
    expect(await answer).toBe('answered');
    // One lost ring would have waited for the time-out.
    expect(performance.now() - started).toBeLessThan(LONG_MILLIS);
    await worker.terminate();
  });
});
