// An input gate as the tests need it: channels with records and markers in them, a queue per channel of
// what has arrived, and the aligner or the tracker in charge. It checks each snapshot against the cut of
// Chandy and Lamport, computed here from the channels alone.

import {align, startAligner, type AlignerState} from '#src/checkpoint/aligner.js';
import type {
  AlignedBarrier,
  AlignerDecision,
  AlignerEvent,
} from '#src/checkpoint/aligner-protocol.js';
import type {Alignment} from '#src/checkpoint/alignment.js';
import {startTracker, track, type TrackerState} from '#src/checkpoint/barrier-tracker.js';

export type Element =
  | {readonly kind: 'record'; readonly id: string}
  | {readonly kind: 'barrier'; readonly checkpointId: number}
  | {readonly kind: 'cancel'; readonly checkpointId: number}
  | {readonly kind: 'end'};

/** `d1d2E`: d a record, 1–9 a barrier, a–c a cancel marker of 1–3, E the end of the channel. */
export function parseChannel(text: string, channel: number): readonly Element[] {
  return Array.from(text, (letter, position): Element => {
    if (letter === 'd') return {kind: 'record', id: `${channel}:${position}`};
    if (letter === 'E') return {kind: 'end'};
    if (letter >= '1' && letter <= '9') return {kind: 'barrier', checkpointId: Number(letter)};
    return {kind: 'cancel', checkpointId: letter.charCodeAt(0) - 96};
  });
}

export type GateMode = 'aligned' | 'unaligned' | 'aligned-with-timeout' | 'at-least-once';

interface Recording {
  readonly records: Map<number, string[]>;
  readonly open: Set<number>;
}

export class Gate {
  readonly channels: readonly (readonly Element[])[];
  readonly #alignment: Alignment;
  #aligner: AlignerState;
  #tracker: TrackerState;
  readonly #arrivedCount: number[];
  /** Positions in the channel, in the order of processing; a prioritized barrier has left the queue. */
  readonly #queues: number[][];
  readonly #blocked = new Set<number>();
  readonly #processed = new Set<string>();
  readonly #recordings = new Map<number, Recording>();
  now = 0;
  timerAt: number | null = null;
  /** What became of each checkpoint: snapshot, declined, whole. */
  readonly events: string[] = [];
  /** State at the snapshot of each id. */
  readonly snapshots = new Map<number, ReadonlySet<string>>();
  readonly whole = new Map<number, ReadonlySet<string>>();
  readonly #mode: GateMode;

  constructor(texts: readonly string[], mode: GateMode, timeoutMillis = 3) {
    this.channels = texts.map(parseChannel);
    this.#mode = mode;
    this.#alignment = mode === 'aligned-with-timeout' ? {kind: mode, timeoutMillis} : {kind: mode};
    this.#aligner = startAligner(texts.length);
    this.#tracker = startTracker(texts.length);
    this.#arrivedCount = texts.map(() => 0);
    this.#queues = texts.map(() => []);
  }

  /** Numbers of moves that are possible: `c` the next element of c arrives, `c + n` c is processed, `2n` the timer. */
  moves(): readonly number[] {
    const count = this.channels.length;
    const possible: number[] = [];
    for (let channel = 0; channel < count; channel++) {
      if (this.#arrivedCount[channel]! < this.channels[channel]!.length) possible.push(channel);
      if (this.#queues[channel]!.length > 0 && !this.#blocked.has(channel)) {
        possible.push(count + channel);
      }
    }
    if (this.timerAt !== null && this.now >= this.timerAt) possible.push(2 * count);
    return possible;
  }

  move(number: number): void {
    const count = this.channels.length;
    this.now += 1;
    if (number === 2 * count) {
      this.timerAt = null;
      this.tell({kind: 'timer', now: this.now});
    } else if (number >= count) this.#process(number - count);
    else this.#arrive(number);
  }

  get blocked(): ReadonlySet<number> {
    return this.#blocked;
  }

  get aligner(): AlignerState {
    return this.#aligner;
  }

  tell(event: AlignerEvent): void {
    let decisions: readonly AlignerDecision[];
    if (this.#mode === 'at-least-once') {
      ({state: this.#tracker, decisions} = track(this.#tracker, event));
    } else ({state: this.#aligner, decisions} = align(this.#aligner, event));
    const toPrioritize: {readonly channel: number; readonly checkpointId: number}[] = [];
    for (const decision of decisions) {
      if (decision.kind === 'prioritize') toPrioritize.push(decision);
      else this.#carryOut(decision);
    }
    for (const {channel, checkpointId} of toPrioritize) this.#prioritize(channel, checkpointId);
  }

  #arrive(channel: number): void {
    const position = this.#arrivedCount[channel]!++;
    this.#queues[channel]!.push(position);
    const element = this.channels[channel]![position]!;
    if (element.kind === 'barrier') {
      const barrier = this.#barrier(element.checkpointId);
      this.tell({kind: 'announced', channel, barrier, now: this.now});
    }
  }

  #process(channel: number): void {
    const element = this.channels[channel]![this.#queues[channel]!.shift()!]!;
    switch (element.kind) {
      case 'record':
        this.#processed.add(element.id);
        return;
      case 'barrier': {
        this.#handIn(channel, element.checkpointId, false);
        return;
      }
      case 'cancel': {
        this.tell({
          kind: 'cancel',
          channel,
          checkpointId: element.checkpointId,
          now: this.now,
        });
        return;
      }
      case 'end': {
        this.tell({kind: 'end', channel, now: this.now});
        return;
      }
    }
  }

  #handIn(channel: number, checkpointId: number, overtook: boolean): void {
    const barrier = this.#barrier(checkpointId);
    this.tell({kind: 'barrier', channel, barrier, overtook, now: this.now});
  }

  #prioritize(channel: number, checkpointId: number): void {
    const queue = this.#queues[channel]!;
    const index = queue.findIndex((position) => {
      const element = this.channels[channel]![position]!;
      return element.kind === 'barrier' && element.checkpointId === checkpointId;
    });
    if (index < 0) throw new Error(`no barrier ${checkpointId} in channel ${channel}`);
    queue.splice(index, 1);
    this.#handIn(channel, checkpointId, true);
  }

  #barrier(checkpointId: number): AlignedBarrier {
    return {checkpointId, alignment: this.#alignment, triggeredAt: 0};
  }

  #carryOut(decision: AlignerDecision): void {
    switch (decision.kind) {
      case 'block':
        for (const channel of decision.channels) this.#blocked.add(channel);
        return;
      case 'unblock':
        for (const channel of decision.channels) {
          this.#unblock(channel);
        }
        return;
      case 'snapshot':
        this.#snapshot(decision.checkpointId, decision.alignment);
        return;
      case 'start-recording':
        this.#recordings.set(decision.checkpointId, {
          records: new Map(),
          open: new Set(decision.channels),
        });
        return;
      case 'stop-recording': {
        this.#stopRecording(decision.checkpointId, decision.channel);
        return;
      }
      case 'recording-complete': {
        this.#recordingComplete(decision.checkpointId);
        return;
      }
      case 'drop-recording': {
        this.#dropRecording(decision.checkpointId);
        return;
      }
      case 'decline':
        this.events.push(`decline ${decision.checkpointId} ${decision.reason}`);
        return;
      case 'forward-cancel':
        this.events.push(`cancel ${decision.checkpointId}`);
        return;
      case 'set-timer':
      case 'clear-timer':
        this.timerAt = decision.kind === 'set-timer' ? decision.at : null;
        return;
      case 'prioritize':
    }
  }

  #dropRecording(id: number): void {
    if (!this.#recordings.delete(id)) throw new Error('nothing to drop');
    this.events.push(`dropped ${id}`);
  }

  #unblock(channel: number): void {
    if (!this.#blocked.delete(channel)) throw new Error(`${channel} was not blocked`);
  }

  #snapshot(id: number, alignment: 'aligned' | 'unaligned' | 'at-least-once'): void {
    if (this.snapshots.has(id)) throw new Error(`checkpoint ${id} was taken twice`);
    this.events.push(`snapshot ${id} ${alignment}`);
    this.snapshots.set(id, new Set(this.#processed));
    if (alignment !== 'unaligned') this.whole.set(id, new Set(this.#processed));
  }

  /**
   * What the channel carries before its barrier and was not processed at the snapshot. The real gate
   * copies records as they pass; the set is the same.
   */
  #stopRecording(id: number, channel: number): void {
    const recording = this.#recordings.get(id);
    if (recording?.open.delete(channel) !== true) throw new Error(`${channel} is not recorded`);
    const state = this.snapshots.get(id)!;
    const before = recordsBefore(this.channels[channel]!.slice(0, this.#arrivedCount[channel]), id);
    recording.records.set(
      channel,
      before.filter((record) => !state.has(record)),
    );
  }

  #recordingComplete(id: number): void {
    const recording = this.#recordings.get(id)!;
    if (recording.open.size > 0) throw new Error(`still recording ${[...recording.open].join()}`);
    this.#recordings.delete(id);
    const all = new Set(this.snapshots.get(id));
    for (const records of recording.records.values()) {
      for (const record of records) all.add(record);
    }
    this.whole.set(id, all);
    this.events.push(`whole ${id}`);
  }

  get recordingCount(): number {
    return this.#recordings.size;
  }
}

/** The records of a channel that stand before barrier `id`; all, when the barrier is not in it. */
export function recordsBefore(channel: readonly Element[], id: number): readonly string[] {
  const barrier = channel.findIndex(
    (element) => element.kind === 'barrier' && element.checkpointId === id,
  );
  return (barrier < 0 ? channel : channel.slice(0, barrier)).flatMap((element) =>
    element.kind === 'record' ? [element.id] : [],
  );
}

/** The cut of `id`: exactly the records before its barrier on each channel; ended channels whole. */
export function cutOf(channels: readonly (readonly Element[])[], id: number): ReadonlySet<string> {
  return new Set(channels.flatMap((channel) => recordsBefore(channel, id)));
}

/** Does every channel carry barrier `id`, or end without a word about it? */
export function isPossible(channels: readonly (readonly Element[])[], id: number): boolean {
  const has = (channel: readonly Element[], kind: 'barrier' | 'cancel'): boolean =>
    channel.some((element) => element.kind === kind && element.checkpointId === id);
  return (
    channels.some((channel) => has(channel, 'barrier')) &&
    channels.every(
      (channel) =>
        has(channel, 'barrier') || (channel.at(-1)?.kind === 'end' && !has(channel, 'cancel')),
    )
  );
}
