// One channel into a gate, and the watermark that a set of channels has together.

import type {ChannelReader} from '../channels/channel-reader.ts';
import type {BarrierElement, ControlElement} from '../channels/element.ts';
import type {InFlightMessages} from '../state/in-flight.ts';

export class GateChannel {
  /** Null: a call inside the thread, or replayed from a checkpoint. */
  readonly reader: ChannelReader | null;
  /** The edge and the subtask that it comes from. */
  readonly edge: string;
  readonly from: number;
  watermark = -Infinity;
  idle = false;
  ended = false;
  /** By a barrier that came before those of the other channels. */
  blocked = false;
  /** Of a call: later barriers and cancel markers that came while it is blocked; a ring keeps them itself. */
  readonly waiting: Extract<ControlElement, {kind: 'barrier' | 'cancel'}>[] = [];
  /** A barrier that was taken from the ring before the master's order came. */
  held: BarrierElement | null = null;
  /** The newest barrier that may overtake and whose turn has not come. */
  announced: BarrierElement | null = null;
  /** The aligner knows of it. */
  announcementGiven = false;
  /** Copies of what passes; null: nothing is recorded. */
  recording: Uint8Array[] | null = null;

  constructor(edge: string, from: number, reader: ChannelReader | null) {
    this.edge = edge;
    this.from = from;
    this.reader = reader;
  }

  /** Ends the recording. */
  takeRecording(to: number): InFlightMessages {
    const messages = this.recording ?? [];
    this.recording = null;
    return {edge: this.edge, from: this.from, to, side: 'input', messages};
  }
}

/**
 * The least watermark of the channels that hold event time back, but for `except`. A channel at its end, like
 * an idle one, holds nothing back, and brings nothing forward: null when every open channel is idle.
 */
export function leastWatermark(
  channels: readonly GateChannel[],
  except: GateChannel | null,
): number | null {
  let least = Infinity;
  let active = 0;
  let open = 0;
  for (const channel of channels) {
    if (channel === except || channel.watermark === Infinity) continue;
    open += 1;
    if (channel.idle) continue;
    active += 1;
    if (channel.watermark < least) least = channel.watermark;
  }
  return active === 0 && open > 0 ? null : least;
}
