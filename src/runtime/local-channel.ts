import type {BarrierElement, ChannelElement} from '../channels/element.ts';
import type {MessageEncoder} from '../channels/message-encoder.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {TaskOutput} from './task-output.ts';

/** The gate that a call goes to; `index` is the channel's. */
export interface CalledGate {
  /** False: the channel is blocked, and must not be called with anything but barriers and cancel markers. */
  accepts(index: number): boolean;
  /** Where what passes is kept; null: it is not. */
  recordingOf(index: number): Uint8Array[] | null;
  receive(index: number, batch: RecordBatch): void;
  advanceWatermark(index: number, time: number): void;
  setIdle(index: number, idle: boolean): void;
  endInput(index: number): void;
  receiveBarrier(index: number, barrier: BarrierElement): void;
  receiveCancel(index: number, checkpointId: number): void;
}

/** A channel inside one thread: a function call. Nothing is ever in flight in it. */
export class LocalChannel implements TaskOutput {
  readonly #gate: CalledGate;
  readonly #index: number;
  /** Makes raw messages of what passes while the gate records. */
  readonly #encoder: MessageEncoder;

  constructor(gate: CalledGate, index: number, encoder: MessageEncoder) {
    this.#gate = gate;
    this.#index = index;
    this.#encoder = encoder;
  }

  canAccept(): boolean {
    return this.#gate.accepts(this.#index);
  }

  receive(batch: RecordBatch): void {
    this.#record({kind: 'batch', batch});
    this.#gate.receive(this.#index, batch);
  }

  advanceWatermark(time: number): void {
    this.#record({kind: 'watermark', time});
    this.#gate.advanceWatermark(this.#index, time);
  }

  setIdle(idle: boolean): void {
    this.#record({kind: 'idle', idle});
    this.#gate.setIdle(this.#index, idle);
  }

  endInput(): void {
    this.#record({kind: 'end-of-data'});
    this.#gate.endInput(this.#index);
  }

  sendBarrier(barrier: BarrierElement): null {
    this.#gate.receiveBarrier(this.#index, barrier);
    return null;
  }

  sendCancel(checkpointId: number): void {
    this.#gate.receiveCancel(this.#index, checkpointId);
  }

  #record(element: ChannelElement): void {
    this.#gate.recordingOf(this.#index)?.push(this.#encoder.encode(element));
  }
}
