// Restored in-flight data: before new data of its gate, each old channel with a watermark of its own, and every row at
// exactly one of the subtasks, whatever the parallelism.

import {describe, expect, test} from 'vitest';

import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import type {ChannelElement} from '#src/channels/element.js';
import {MessageEncoder} from '#src/channels/message-encoder.js';
import {newRingBuffer} from '#src/channels/ring.js';
import type {CheckpointMetadata, SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {Partitioning} from '#src/graph/stream-graph.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {INT, STRING} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {toRows} from '#src/records/value.js';
import {GateReplay} from '#src/runtime/gate-replay.js';
import {InputGate} from '#src/runtime/input-gate.js';
import {restoreInFlight} from '#src/runtime/restore-in-flight.js';
import type {Deployment} from '#src/runtime/task-messages.js';
import {writeInFlight, type InFlightMessages} from '#src/state/in-flight.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';

const MAX_PARALLELISM = 16;
const EDGE = 'a>b#0';
const SCHEMA: Schema = {
  fields: [
    {name: 'id', type: INT},
    {name: 'text', type: STRING},
  ],
};

function batchOf(ids: readonly number[]): RecordBatch {
  const builder = new BatchBuilder(SCHEMA);
  for (const id of ids) builder.appendRow([id, `row ${id}`]);
  return builder.build();
}

function rawOf(...elements: readonly ChannelElement[]): Uint8Array[] {
  const encoder = new MessageEncoder(SCHEMA);
  return elements.map((element) => encoder.encode(element));
}

const rowsOf = (...ids: number[]): ChannelElement => ({kind: 'batch', batch: batchOf(ids)});

/** A gate and what its task is told. */
class Receiver {
  readonly told: (number | string)[] = [];
  readonly gate: InputGate;

  constructor(subtask = 0) {
    this.gate = new InputGate({
      head: {
        receive: (batch) => this.told.push(...toRows(batch).map((row) => row['id'] as number)),
        advanceWatermark: (time) => this.told.push(`watermark ${time}`),
        setIdle: (idle) => this.told.push(idle ? 'idle' : 'active'),
        endInput: () => this.told.push('end'),
      },
      listener: {
        isTriggered: () => true,
        reachBarrier: () => undefined,
        decline: () => undefined,
        forwardCancel: () => undefined,
      },
      subtask,
      mode: 'exactly-once',
      forcedAligned: false,
      ring: () => undefined,
      now: () => 0,
      downstreamOpen: () => true,
    });
  }

  drain(): readonly (number | string)[] {
    while (this.gate.step());
    return this.told;
  }
}

describe('restored in-flight data', () => {
  test('comes before new data, and holds the watermark back until it is through', () => {
    const receiver = new Receiver();
    const ring = newRingBuffer(1024);
    const writer = new ChannelWriter(ring, SCHEMA);
    const call = receiver.gate.addLocalChannel(EDGE, new MessageEncoder(SCHEMA));
    receiver.gate.addRemoteChannel(EDGE, 1, new ChannelReader(ring, SCHEMA));
    const channel = (from: number, ...elements: readonly ChannelElement[]) => ({
      ...{edge: EDGE, from, schema: SCHEMA, messages: rawOf(...elements), filter: null},
    });
    receiver.gate.replayFirst(
      new GateReplay([
        channel(0, rowsOf(1), {kind: 'watermark', time: 5}, rowsOf(2)),
        channel(1, {kind: 'watermark', time: 9}, rowsOf(3)),
      ]),
    );
    expect(call.canAccept()).toBe(false);
    writer.send({kind: 'watermark', time: 30});
    writer.send(rowsOf(4));
    call.advanceWatermark(20);
    expect(receiver.drain()).toEqual([1, 2, 3, 'watermark 20', 4]);
    expect(receiver.gate.replaying).toBe(false);
    expect(call.canAccept()).toBe(true);
  });

  test('each old channel has a watermark of its own', () => {
    const receiver = new Receiver();
    const call = receiver.gate.addLocalChannel(EDGE, new MessageEncoder(SCHEMA));
    const channel = (from: number, ...elements: readonly ChannelElement[]) => ({
      ...{edge: EDGE, from, schema: SCHEMA, messages: rawOf(...elements), filter: null},
    });
    receiver.gate.replayFirst(
      new GateReplay([
        channel(0, {kind: 'watermark', time: 5}, rowsOf(1)),
        channel(1, {kind: 'watermark', time: 9}, rowsOf(2)),
      ]),
    );
    call.advanceWatermark(20);
    // The second one says nothing yet, then is alone with 9.
    expect(receiver.drain()).toEqual([1, 'watermark 9', 2, 'watermark 20']);
  });

  test('a gate that replays has no end yet', () => {
    const receiver = new Receiver();
    const call = receiver.gate.addLocalChannel(EDGE, new MessageEncoder(SCHEMA));
    const messages = rawOf(rowsOf(1));
    receiver.gate.replayFirst(
      new GateReplay([{edge: EDGE, from: 0, schema: SCHEMA, messages, filter: null}]),
    );
    expect([receiver.gate.ended, receiver.gate.hasInput]).toEqual([false, true]);
    receiver.drain();
    call.endInput();
    expect(receiver.told).toEqual([1, 'end']);
  });
});

/** What the subtasks of a checkpoint stored, as one of their chains wrote it. */
async function store(
  files: MemoryFileSystem,
  bySubtask: readonly (readonly InFlightMessages[])[],
): Promise<CheckpointMetadata> {
  await files.makeDirectory('/chk-1');
  const subtasks: SubtaskMetadata[] = [];
  for (const [index, sections] of bySubtask.entries()) {
    const target = {files, directory: '/chk-1', uid: 'b', subtask: index, schemaOf: schemaText};
    const state = await writeInFlight(sections, target);
    subtasks.push({index, states: state === null ? [] : [state], watermark: null});
  }
  const parallelism = bySubtask.length;
  const operators = [
    {uid: 'b', type: 'union', parallelism, maxParallelism: MAX_PARALLELISM, subtasks},
  ];
  return {operators} as unknown as CheckpointMetadata;
}

const schemaText = () => SCHEMA.fields.map(({name, type}) => [name, type.kind]);

async function restoreAt(
  files: MemoryFileSystem,
  metadata: CheckpointMetadata,
  parallelism: number,
  partitioning: Partitioning,
): Promise<readonly (readonly (number | string)[])[]> {
  const told: (readonly (number | string)[])[] = [];
  for (let subtask = 0; subtask < parallelism; subtask += 1) {
    const receiver = new Receiver(subtask);
    receiver.gate.addLocalChannel(EDGE, new MessageEncoder(SCHEMA));
    const deployment = {
      job: {parallelism, maxParallelism: MAX_PARALLELISM},
      subtask,
      restored: {directory: '/chk-1', metadata},
    } as unknown as Deployment;
    await restoreInFlight(files, deployment, [
      {key: EDGE, schema: SCHEMA, partitioning, gate: receiver.gate},
    ]);
    told.push(receiver.drain());
  }
  return told;
}

describe('at another parallelism', () => {
  const section = (from: number, to: number, side: 'input' | 'output', ...ids: number[]) => ({
    ...{edge: EDGE, from, to, side, messages: rawOf(rowsOf(...ids))},
  });

  test.each([1, 2, 3, 5, 8])('every row goes to one of %i subtasks', async (parallelism) => {
    const files = new MemoryFileSystem();
    const metadata = await store(files, [
      [section(0, 0, 'input', 0, 1, 2), section(1, 0, 'input', 3, 4)],
      [section(0, 1, 'input', 5), section(1, 1, 'input', 6, 7, 8)],
      [section(0, 2, 'output', 9, 10, 11)],
    ]);
    const all = Array.from({length: 12}, (_, id) => id);
    for (const partitioning of [
      {kind: 'hash', columns: ['id']} as const,
      {kind: 'rebalance'} as const,
    ]) {
      const told = await restoreAt(files, metadata, parallelism, partitioning);
      const ids = told.flat().filter((each) => typeof each === 'number');
      expect(ids.toSorted((left, right) => left - right)).toEqual(all);
      if (parallelism === 8 && partitioning.kind === 'hash') {
        expect(told.filter((each) => each.length > 0).length).toBeGreaterThan(3);
      }
    }
  });

  test('of a channel, what the receiver stored comes before what the sender stored', async () => {
    const files = new MemoryFileSystem();
    const metadata = await store(files, [
      [section(1, 0, 'output', 3, 4)],
      [section(1, 0, 'input', 1, 2)],
    ]);
    const partitioning = {kind: 'hash', columns: ['id']} as Partitioning;
    const [told] = await restoreAt(files, metadata, 1, partitioning);
    expect(told!.filter((each) => typeof each === 'number')).toEqual([1, 2, 3, 4]);
  });
});
