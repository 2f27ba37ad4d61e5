// A channel beside a plain list of what was sent. Every call that reads checks what it got; `finish` checks
// that nothing was lost or doubled.
import {expect} from 'vitest';
import {ChannelReader} from '#src/channels/channel-reader.js';
import {ChannelWriter} from '#src/channels/channel-writer.js';
import type {ChannelElement} from '#src/channels/element.js';
import {ReplayReader} from '#src/channels/replay.js';
import {newRingBuffer, RING_BYTES_MIN} from '#src/channels/ring.js';
import type {Alignment} from '#src/checkpoint/alignment.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {INT, STRING} from '#src/records/data-type.js';
import {toRows} from '#src/records/value.js';

export const SCHEMA = {
  fields: [
    {name: 'id', type: INT},
    {name: 'text', type: STRING},
  ],
};

export const ALIGNMENTS: readonly Alignment[] = [
  {kind: 'at-least-once'},
  {kind: 'aligned'},
  {kind: 'aligned-with-timeout', timeoutMillis: 500},
  {kind: 'unaligned'},
];

interface SentBarrier {
  readonly alignment: Alignment;
  /** How much data was sent before it. */
  readonly before: number;
  /** What the writer said that it overtook. */
  output: readonly Uint8Array[];
  overtook: boolean;
  taken: boolean;
}

/** An element as a text, to be compared. */
function textOf(element: ChannelElement): string {
  return element.kind === 'batch'
    ? `batch ${JSON.stringify(toRows(element.batch))}`
    : JSON.stringify(element);
}

export class ChannelModel {
  readonly writer: ChannelWriter;
  readonly reader: ChannelReader;
  readonly #sent: string[] = [];
  readonly #received: string[] = [];
  readonly #cancelsSent: number[] = [];
  readonly #cancelsReceived: number[] = [];
  readonly #barriers = new Map<number, SentBarrier>();
  #newest = 0;
  #nextId = 1;
  #lent: {readonly element: ChannelElement; readonly text: string} | null = null;

  constructor(capacity = RING_BYTES_MIN) {
    const buffer = newRingBuffer(capacity);
    this.writer = new ChannelWriter(buffer, SCHEMA);
    this.reader = new ChannelReader(buffer, SCHEMA);
  }

  /** Whether the newest barrier has come out: only then may another one that overtakes be sent. */
  get settled(): boolean {
    return this.#newest === 0 || this.#barriers.get(this.#newest)!.taken;
  }

  sendBatch(rows: number, textLength: number): void {
    const builder = new BatchBuilder(SCHEMA);
    for (let row = 0; row < rows; row += 1) {
      builder.appendRow([this.#nextId, String(this.#nextId % 10).repeat(textLength)]);
      this.#nextId += 1;
    }
    this.#sendData({kind: 'batch', batch: builder.build()});
  }

  sendWatermark(): void {
    this.#sendData({kind: 'watermark', time: this.#nextId++});
  }

  sendIdle(): void {
    this.#sendData({kind: 'idle', idle: this.#nextId % 2 === 0});
  }

  endData(): void {
    this.#sendData({kind: 'end-of-data'});
  }

  sendCancel(): void {
    this.#newest += 1;
    this.#barriers.set(this.#newest, {...this.#newBarrier({kind: 'aligned'}), taken: true});
    this.#cancelsSent.push(this.#newest);
    this.writer.send({kind: 'cancel', checkpointId: this.#newest});
  }

  sendBarrier(alignment: Alignment): void {
    this.#newest += 1;
    this.#barriers.set(this.#newest, this.#newBarrier(alignment));
    this.writer.sendBarrier({checkpointId: this.#newest, alignment, triggeredAt: this.#newest / 4});
    if (alignment.kind === 'unaligned') this.overtake();
  }

  /** Of the newest barrier, if it may. */
  overtake(): void {
    const barrier = this.#barriers.get(this.#newest);
    if (barrier === undefined || barrier.taken || barrier.overtook) return;
    if (
      !barrier.alignment.kind.startsWith('unaligned') &&
      !('timeoutMillis' in barrier.alignment)
    ) {
      return;
    }
    const hadEntered = this.writer.entered(this.#newest);
    const output = this.writer.overtake(this.#newest);
    expect(output === null).toBe(hadEntered);
    expect(this.writer.entered(this.#newest)).toBe(true);
    if (output === null) return;
    barrier.output = output;
    barrier.overtook = true;
  }

  flush(): void {
    expect(this.writer.flush()).toBe(!this.writer.full);
  }

  /** Takes the next element and checks it; it stays lent until the next read or `release`. */
  read(): boolean {
    this.release();
    const element = this.reader.next();
    if (element === null) {
      expect(this.reader.isEmpty).toBe(true);
      return false;
    }
    this.#lent = {element, text: textOf(element)};
    const raw = this.reader.rawMessages();
    switch (element.kind) {
      case 'barrier':
        expect(raw).toEqual([]);
        this.#takeBarrier(element.checkpointId, element.alignment, []);
        break;
      case 'cancel':
        expect(raw).toEqual([]);
        this.#cancelsReceived.push(element.checkpointId);
        break;
      default: {
        const text = textOf(element);
        expect(replay(raw)).toEqual([text]);
        expect(text).toBe(this.#sent[this.#received.length]);
        this.#received.push(text);
      }
    }
    return true;
  }

  release(): void {
    if (this.#lent === null) return;
    expect(textOf(this.#lent.element)).toBe(this.#lent.text);
    this.#lent = null;
    this.reader.release();
  }

  /** Takes a barrier ahead of the queue, if one is announced. */
  prioritize(): void {
    const barrier = this.reader.announcement();
    if (barrier === null) return;
    expect(this.reader.announcement()).toBe(null);
    const copies = this.reader.copyBefore(barrier.checkpointId);
    this.reader.handedIn(barrier.checkpointId);
    this.#takeBarrier(barrier.checkpointId, barrier.alignment, copies);
  }

  finish(): void {
    for (let goOn = true; goOn;) {
      this.flush();
      goOn = this.read() || this.writer.full;
    }
    expect(this.#received).toEqual(this.#sent);
    expect(this.#cancelsReceived).toEqual(this.#cancelsSent);
    expect([...this.#barriers.values()].every(({taken}) => taken)).toBe(true);
    expect(this.writer.queuedBytes).toBe(0);
    expect(this.reader.batchesReceived).toBe(this.writer.batchesSent);
  }

  #newBarrier(alignment: Alignment): SentBarrier {
    return {alignment, before: this.#sent.length, output: [], overtook: false, taken: false};
  }

  #sendData(element: ChannelElement): void {
    this.#sent.push(textOf(element));
    this.writer.send(element);
  }

  /** Read before, recorded by the reader, recorded by the writer: all that was sent before it. */
  #takeBarrier(checkpointId: number, alignment: Alignment, copies: readonly Uint8Array[]): void {
    const barrier = this.#barriers.get(checkpointId)!;
    expect(barrier.taken).toBe(false);
    barrier.taken = true;
    expect(alignment).toEqual(barrier.overtook ? {kind: 'unaligned'} : barrier.alignment);
    const recorded = replay([...copies, ...barrier.output]);
    expect([...this.#received, ...recorded]).toEqual(this.#sent.slice(0, barrier.before));
  }
}

/** As bytes that were written to a file and read from it as one. */
function replay(messages: readonly Uint8Array[]): string[] {
  const bytes = Buffer.concat(messages);
  let at = 0;
  const parts = messages.map(({length}) => bytes.subarray(at, (at += length)));
  const reader = new ReplayReader(SCHEMA, parts);
  const texts: string[] = [];
  for (let element = reader.next(); element !== null; element = reader.next()) {
    texts.push(textOf(element));
  }
  return texts;
}
