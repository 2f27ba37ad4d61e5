import type {AlignedBarrier} from '../checkpoint/aligner-protocol.ts';
import type {RecordBatch} from '../records/record-batch.ts';

export interface BarrierElement extends AlignedBarrier {
  readonly kind: 'barrier';
}

/** What goes through a channel, in order. */
export type ChannelElement =
  | {readonly kind: 'batch'; readonly batch: RecordBatch}
  /** No record with an earlier event time follows (ms since the epoch). */
  | {readonly kind: 'watermark'; readonly time: number}
  /** An idle channel does not hold back the watermark of its gate; false: it does again. */
  | {readonly kind: 'idle'; readonly idle: boolean}
  | BarrierElement
  /** The cancel marker: the barrier of this checkpoint does not come. */
  | {readonly kind: 'cancel'; readonly checkpointId: number}
  /** No record follows, and no watermark; barriers still do. */
  | {readonly kind: 'end-of-data'};

export type ControlElement = Exclude<ChannelElement, {kind: 'batch'}>;
