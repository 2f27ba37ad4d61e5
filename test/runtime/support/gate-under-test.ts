import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import type {BarrierElement} from '#src/channels/element.js';
import {MessageEncoder} from '#src/channels/message-encoder.js';
import {ReplayReader} from '#src/channels/replay.js';
import {newRingBuffer} from '#src/channels/ring.js';
import type {Alignment} from '#src/checkpoint/alignment.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {toRows} from '#src/records/value.js';
import type {BarrierPassage} from '#src/runtime/barrier-passage.js';
import {InputGate} from '#src/runtime/input-gate.js';
import type {LocalChannel} from '#src/runtime/local-channel.js';

export const SCHEMA: Schema = {
  fields: [
    {name: 'id', type: {kind: 'int'}},
    {name: 'text', type: {kind: 'string'}},
  ],
};

export function batchOf(
  ids: readonly number[],
  text = '',
  watermarks?: readonly number[],
): RecordBatch {
  const builder = new BatchBuilder(SCHEMA);
  for (const id of ids) builder.appendRow([id, text]);
  const batch = builder.build();
  return watermarks === undefined ? batch : {...batch, watermarks: Float64Array.from(watermarks)};
}

export function idsOf(batch: RecordBatch): number[] {
  return toRows(batch).map((row) => row['id'] as number);
}

export function barrierOf(checkpointId: number, alignment: Alignment): BarrierElement {
  return {kind: 'barrier', checkpointId, alignment, triggeredAt: 0};
}

/** Two ring channels and a call into one gate, and a task that notes what it processed. */
export class GateUnderTest {
  readonly gate: InputGate;
  readonly writers: readonly ChannelWriter[];
  readonly call: LocalChannel;
  readonly processed: number[] = [];
  readonly passages = new Map<number, {passage: BarrierPassage; before: readonly number[]}>();
  readonly declined: number[] = [];
  now = 0;
  triggered = 0;

  constructor(ringBytes: number) {
    const rings = [newRingBuffer(ringBytes), newRingBuffer(ringBytes)];
    this.writers = rings.map((ring) => new ChannelWriter(ring, SCHEMA));
    this.gate = new InputGate({
      head: {
        receive: (batch) => this.processed.push(...idsOf(batch)),
        advanceWatermark: () => undefined,
        setIdle: () => undefined,
        endInput: () => undefined,
      },
      listener: {
        isTriggered: (id) => id <= this.triggered,
        reachBarrier: (passage) => {
          this.passages.set(passage.checkpointId, {passage, before: [...this.processed]});
        },
        decline: (id) => this.declined.push(id),
        forwardCancel: () => undefined,
      },
      subtask: 0,
      mode: 'exactly-once',
      forcedAligned: false,
      downstreamOpen: () => true,
      ring: () => undefined,
      now: () => this.now,
    });
    this.call = this.gate.addLocalChannel('a>c#0', new MessageEncoder(SCHEMA));
    rings.forEach((ring, from) =>
      this.gate.addRemoteChannel('a>c#0', from + 1, new ChannelReader(ring, SCHEMA)),
    );
  }

  attend(): void {
    this.gate.attendBarriers();
    if (this.now >= this.gate.deadline) this.gate.onTimer();
  }

  drain(): void {
    for (let turns = 0; turns < 10_000; turns += 1) {
      let moved = this.gate.attendBarriers();
      for (const writer of this.writers) {
        const before = writer.waitingBytes;
        if (before > 0) writer.flush();
        if (writer.waitingBytes !== before) moved = true;
      }
      if (!this.gate.step() && !moved) return;
    }
    throw new Error('it does not come to an end');
  }

  /** Ids of the rows that a checkpoint has: processed before, or stored in flight. */
  async rowsOf(id: number, output: readonly Uint8Array[][]): Promise<number[]> {
    const {passage, before} = this.passages.get(id)!;
    const recorded = (await passage.recorded)?.channels ?? [];
    const rows = [...before];
    for (const from of [0, 1, 2]) {
      const input = recorded.filter((each) => each.from === from).flatMap(({messages}) => messages);
      const reader = new ReplayReader(SCHEMA, [...input, ...(output[from] ?? [])]);
      for (let element = reader.next(); element !== null; element = reader.next()) {
        if (element.kind === 'batch') rows.push(...idsOf(element.batch));
      }
    }
    return rows;
  }
}
