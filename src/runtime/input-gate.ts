// All channels into one task: takes their elements one by one, merges their watermarks, idleness and ends, and
// carries out what the pure aligner (or, at-least-once, the tracker) of checkpoint/ decides about barriers.
//
// A channel is a ring that another thread fills, or a call inside the thread (`LocalChannel`). A call has no
// queue: while its channel is blocked, its task upstream does not step (`accepts`).
//
// In-flight data that a checkpoint restored comes first: one virtual channel for each old channel, with a
// watermark of its own; no other element is taken until they are empty.

import type {ChannelReader} from '../channels/channel-reader.ts';
import type {MessageEncoder} from '../channels/message-encoder.ts';
import type {BarrierElement, ChannelElement} from '../channels/element.ts';
import {align, startAligner, type AlignerState} from '../checkpoint/aligner.ts';
import type {AlignerDecision, AlignerEvent} from '../checkpoint/aligner-protocol.ts';
import type {DeclineReason} from '../checkpoint/abort-reason.ts';
import {startTracker, track, type TrackerState} from '../checkpoint/barrier-tracker.ts';
import {assert, must} from '../base/assert.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import {AlignmentWatch} from './alignment-watch.ts';
import type {Target} from './chain-node.ts';
import {ClampedWatermarks} from './clamped-watermarks.ts';
import {GateChannel, leastWatermark} from './gate-channel.ts';
import {LocalChannel, type CalledGate} from './local-channel.ts';
import type {GateReplay} from './gate-replay.ts';
import {RecordedInput, type BarrierPassage} from './barrier-passage.ts';

/** What the gate tells its task. */
export interface GateListener {
  /** Its order has come from the master; until then a barrier waits in its channel. */
  isTriggered(checkpointId: number): boolean;
  /** The cut of this checkpoint is here: snapshot now, then send the barrier on. */
  reachBarrier(passage: BarrierPassage): void;
  decline(checkpointId: number, reason: DeclineReason): void;
  forwardCancel(checkpointId: number): void;
}

export interface GateOptions {
  readonly head: Target;
  readonly listener: GateListener;
  readonly subtask: number;
  readonly mode: 'exactly-once' | 'at-least-once';
  /** Its exchange cannot keep in-flight data (broadcast): always aligned. */
  readonly forcedAligned: boolean;
  /** No channel that the task calls is blocked by a barrier. */
  readonly downstreamOpen: () => boolean;
  /** Rings the bell of a sender's thread: there is room again. */
  readonly ring: (subtask: number) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class InputGate implements CalledGate {
  readonly #options: GateOptions;
  readonly #channels: GateChannel[] = [];
  readonly #watch = new AlignmentWatch();
  readonly #clamp = new ClampedWatermarks();
  #aligner: AlignerState | null = null;
  #tracker: TrackerState | null = null;
  #replay: GateReplay | null = null;
  #recorded: RecordedInput | null = null;
  #watermark = -Infinity;
  #idle = false;
  /** The channel whose turn it is. */
  #turn = 0;
  #deadline = Infinity;
  /** Of nested events: a decision may hand in another barrier. */
  #depth = 0;
  /** The channel whose barrier is being taken ahead of its queue; -1: none. */
  #overtaking = -1;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** One more channel that is a call. */
  addLocalChannel(edge: string, encoder: MessageEncoder): LocalChannel {
    this.#channels.push(new GateChannel(edge, this.#options.subtask, null));
    return new LocalChannel(this, this.#channels.length - 1, encoder);
  }

  /** One more channel that is a ring, from subtask `from` of its edge. */
  addRemoteChannel(edge: string, from: number, reader: ChannelReader): void {
    this.#channels.push(new GateChannel(edge, from, reader));
  }

  /** Restored in-flight data, before the first step. */
  replayFirst(replay: GateReplay): void {
    this.#replay = replay;
  }

  get replaying(): boolean {
    return this.#replay !== null;
  }

  /** Every channel is at its end, and what was before it has been taken. */
  get ended(): boolean {
    return this.#replay === null && this.#channels.every((channel) => channel.ended);
  }

  /** When `onTimer` is due; +Infinity: never. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Something lies in a ring that may be taken. */
  get hasInput(): boolean {
    if (this.#replay !== null) return true;
    return this.#channels.some(
      ({reader, blocked, held}) =>
        reader !== null && !blocked && (held !== null || !reader.isEmpty),
    );
  }

  /** May channel `index` be called with an element? */
  accepts(index: number): boolean {
    return this.#replay === null && !this.#at(index).blocked;
  }

  /** Takes one element; false: there is none. The task has room for what follows from it. */
  step(): boolean {
    if (this.#replay !== null) return this.#stepReplay(this.#replay);
    const {length} = this.#channels;
    for (let tried = 0; tried < length; tried += 1) {
      const index = this.#turn;
      this.#turn = index + 1 === length ? 0 : index + 1;
      if (this.#takeFrom(index)) return true;
    }
    return false;
  }

  /**
   * Barriers that wait for the master's order, or may overtake. Needs no room downstream, so that back-pressure
   * does not hold them up; but while a channel downstream is blocked none may follow there. True: something changed.
   */
  attendBarriers(): boolean {
    if (this.#replay !== null) return false;
    let changed = false;
    for (let index = 0; index < this.#channels.length; index += 1) {
      const channel = this.#at(index);
      if (channel.reader === null) continue;
      const {held, blocked} = channel;
      if (held !== null && !blocked && this.#options.downstreamOpen()) {
        if (this.#takeHeld(index, channel, held)) changed = true;
      }
      if (this.#options.forcedAligned) continue;
      const newest = channel.reader.announcement();
      if (newest !== null) {
        channel.announced = newest;
        channel.announcementGiven = false;
      }
      const {announced} = channel;
      if (announced === null || channel.announcementGiven) continue;
      if (!this.#options.listener.isTriggered(announced.checkpointId)) continue;
      channel.announcementGiven = true;
      this.#advance({kind: 'announced', channel: index, barrier: announced, now: this.#now()});
      changed = true;
    }
    return changed;
  }

  /** At the deadline, between two steps. */
  onTimer(): void {
    this.#deadline = Infinity;
    this.#advance({kind: 'timer', now: this.#now()});
  }

  /** The coordinator gave the checkpoint up. */
  abort(checkpointId: number): void {
    this.#advance({kind: 'aborted', checkpointId, now: this.#now()});
  }

  receive(index: number, batch: RecordBatch): void {
    const channel = this.#at(index);
    assert(!channel.blocked, 'a batch came on a channel that is blocked by a barrier');
    this.#pass(channel, batch);
  }

  advanceWatermark(index: number, time: number): void {
    this.#at(index).watermark = time;
    this.#mergeWatermarks();
  }

  setIdle(index: number, idle: boolean): void {
    this.#at(index).idle = idle;
    this.#mergeIdle();
    this.#mergeWatermarks();
  }

  endInput(index: number): void {
    this.#at(index).ended = true;
    if (this.#channels.every((channel) => channel.ended)) {
      this.#options.head.endInput();
      return;
    }
    // It may have been the last one that was active.
    this.#mergeIdle();
    this.#mergeWatermarks();
  }

  /** Barriers go on also after the end of a channel's data. */
  receiveBarrier(index: number, barrier: BarrierElement): void {
    const {blocked, waiting} = this.#at(index);
    if (blocked) waiting.push(barrier);
    else this.#handIn(index, barrier);
  }

  receiveCancel(index: number, checkpointId: number): void {
    const {blocked, waiting} = this.#at(index);
    if (blocked) waiting.push({kind: 'cancel', checkpointId});
    else this.#cancel(index, checkpointId);
  }

  /** What a local channel keeps of an element that passes; null: nothing is recorded. */
  recordingOf(index: number): Uint8Array[] | null {
    return this.#at(index).recording;
  }

  #takeFrom(index: number): boolean {
    const channel = this.#at(index);
    const {reader} = channel;
    if (reader === null || channel.blocked) return false;
    if (channel.held !== null) return this.#takeHeld(index, channel, channel.held);
    const before = reader.bytesReceived;
    const element = reader.next();
    if (element === null) {
      // Parts of a long batch may have been taken all the same, and their room given back.
      if (reader.bytesReceived === before) return false;
      if (reader.writerWaits) this.#options.ring(channel.from);
      return true;
    }
    if (element.kind === 'barrier') {
      // Its turn has come: it overtakes nothing any more.
      if ((channel.announced?.checkpointId ?? Infinity) <= element.checkpointId) {
        channel.announced = null;
      }
      channel.held = element;
      this.#release(channel, reader);
      return this.#takeHeld(index, channel, element);
    }
    channel.recording?.push(...reader.rawMessages());
    this.#watch.passed(reader.bytesReceived - before);
    this.#take(index, channel, element);
    this.#release(channel, reader);
    return true;
  }

  /** A barrier has its turn once the master's order is here. */
  #takeHeld(index: number, channel: GateChannel, barrier: BarrierElement): boolean {
    if (!this.#options.listener.isTriggered(barrier.checkpointId)) return false;
    channel.held = null;
    this.#handIn(index, barrier);
    return true;
  }

  #release({from}: GateChannel, reader: ChannelReader): void {
    reader.release();
    if (reader.writerWaits) this.#options.ring(from);
  }

  #take(index: number, channel: GateChannel, element: ChannelElement): void {
    switch (element.kind) {
      case 'batch':
        this.#pass(channel, element.batch);
        return;
      case 'watermark':
        this.advanceWatermark(index, element.time);
        return;
      case 'idle':
        this.setIdle(index, element.idle);
        return;
      case 'end-of-data':
        this.endInput(index);
        return;
      case 'barrier':
        this.#handIn(index, element);
        return;
      case 'cancel':
        this.#cancel(index, element.checkpointId);
    }
  }

  #stepReplay(replay: GateReplay): boolean {
    const element = replay.next();
    if (element === null) {
      this.#replay = null;
      this.#mergeIdle();
      this.#mergeWatermarks();
      return true;
    }
    const channel = replay.channel;
    switch (element.kind) {
      case 'batch':
        this.#pass(channel, element.batch);
        break;
      case 'watermark':
        channel.watermark = element.time;
        this.#mergeWatermarks();
        break;
      case 'idle':
        channel.idle = element.idle;
        this.#mergeWatermarks();
        break;
      default:
      // The real channel ends again; barriers are not stored.
    }
    return true;
  }

  #pass(channel: GateChannel, batch: RecordBatch): void {
    const others = this.#channelCount === 1 ? Infinity : leastWatermark(this.#all(), channel);
    this.#options.head.receive(this.#clamp.apply(batch, others ?? Infinity));
  }

  #handIn(index: number, barrier: BarrierElement): void {
    const now = this.#now();
    const overtook = this.#overtaking === index;
    this.#watch.barrierCame(barrier, now);
    const handled = this.#asHandled(barrier);
    this.#advance({kind: 'barrier', channel: index, barrier: handled, overtook, now});
  }

  #asHandled(barrier: BarrierElement): BarrierElement {
    return this.#options.forcedAligned ? {...barrier, alignment: {kind: 'aligned'}} : barrier;
  }

  #cancel(index: number, checkpointId: number): void {
    this.#advance({kind: 'cancel', channel: index, checkpointId, now: this.#now()});
  }

  #advance(event: AlignerEvent): void {
    this.#depth += 1;
    for (const decision of this.#decide(event)) this.#carryOut(decision);
    this.#depth -= 1;
    // What a decision brings about has its turn when all of them are carried out.
    if (this.#depth === 0) this.#handInWaiting();
  }

  #handInWaiting(): void {
    for (let index = 0; index < this.#channels.length; index += 1) {
      const channel = this.#at(index);
      if (channel.blocked) continue;
      const next = channel.waiting.shift();
      if (next === undefined) continue;
      if (next.kind === 'barrier') this.#handIn(index, next);
      else this.#cancel(index, next.checkpointId);
      return;
    }
  }

  #decide(event: AlignerEvent): readonly AlignerDecision[] {
    const count = this.#channels.length;
    if (this.#options.mode === 'at-least-once') {
      const step = track(this.#tracker ?? startTracker(count), event);
      this.#tracker = step.state;
      return step.decisions;
    }
    const step = align(this.#aligner ?? startAligner(count), event);
    this.#aligner = step.state;
    return step.decisions;
  }

  #carryOut(decision: AlignerDecision): void {
    const {listener} = this.#options;
    switch (decision.kind) {
      case 'block':
        for (const index of decision.channels) this.#at(index).blocked = true;
        return;
      case 'unblock':
        for (const index of decision.channels) this.#at(index).blocked = false;
        return;
      case 'snapshot':
        listener.reachBarrier(this.#passage(decision));
        return;
      case 'start-recording':
        this.#startRecording(decision.checkpointId, decision.channels);
        return;
      case 'stop-recording':
        this.#stopRecording(decision.checkpointId, decision.channel);
        return;
      case 'recording-complete':
        this.#recorded?.complete(this.#watch.millisAt(this.#now()));
        this.#recorded = null;
        return;
      case 'drop-recording':
        this.#dropRecording();
        return;
      case 'prioritize':
        this.#prioritize(decision.channel, decision.checkpointId);
        return;
      case 'decline':
        listener.decline(decision.checkpointId, decision.reason);
        return;
      case 'forward-cancel':
        listener.forwardCancel(decision.checkpointId);
        return;
      case 'set-timer':
        this.#deadline = decision.at;
        return;
      case 'clear-timer':
        this.#deadline = Infinity;
    }
  }

  #passage(decision: Extract<AlignerDecision, {kind: 'snapshot'}>): BarrierPassage {
    const {checkpointId, alignment, alignmentMillis} = decision;
    return {
      checkpointId,
      alignment,
      alignmentMillis,
      startDelayMillis: this.#watch.startDelayMillis,
      alignmentBytes: this.#watch.bytes,
      recorded: alignment === 'unaligned' ? must(this.#recorded, 'recording').done : null,
    };
  }

  #startRecording(checkpointId: number, channels: readonly number[]): void {
    assert(this.#recorded === null, `recording for ${checkpointId} while another is under way`);
    this.#recorded = new RecordedInput(checkpointId);
    for (const index of channels) {
      this.#at(index).recording = [];
    }
  }

  #stopRecording(checkpointId: number, index: number): void {
    const channel = this.#at(index);
    const recorded = must(this.#recorded, `recording of ${checkpointId}`);
    if (this.#overtaking === index) {
      // What stands before the barrier is still in the ring, and in flight.
      channel.recording?.push(...(channel.reader?.copyBefore(checkpointId) ?? []));
    }
    recorded.add(channel.takeRecording(this.#options.subtask));
  }

  #dropRecording(): void {
    for (const channel of this.#channels) channel.recording = null;
    this.#recorded?.drop();
    this.#recorded = null;
  }

  #prioritize(index: number, checkpointId: number): void {
    const channel = this.#at(index);
    const reader = must(channel.reader, 'a call has no queue');
    const barrier = must(channel.announced, `barrier ${checkpointId} on channel ${index}`);
    // A newer one stands in its place: the checkpoint was given up, and the order that says so is on its way.
    if (barrier.checkpointId > checkpointId || !reader.isAnnounced(checkpointId)) return;
    assert(barrier.checkpointId === checkpointId, `barrier ${barrier.checkpointId} is announced`);
    channel.announced = null;
    const before = this.#overtaking;
    this.#overtaking = index;
    this.#handIn(index, barrier);
    this.#overtaking = before;
    reader.handedIn(checkpointId);
  }

  get #channelCount(): number {
    return this.#channels.length + (this.#replay?.channels.length ?? 0);
  }

  #all(): readonly GateChannel[] {
    return this.#replay === null ? this.#channels : [...this.#channels, ...this.#replay.channels];
  }

  #at(index: number): GateChannel {
    return must(this.#channels[index], `channel ${index}`);
  }

  #now(): number {
    return this.#options.now();
  }

  #mergeIdle(): void {
    const allIdle = this.#channels.every((channel) => channel.idle || channel.ended);
    if (allIdle === this.#idle) return;
    this.#idle = allIdle;
    this.#options.head.setIdle(allIdle);
  }

  #mergeWatermarks(): void {
    const merged = leastWatermark(this.#all(), null);
    if (merged === null || merged <= this.#watermark) return;
    this.#watermark = merged;
    this.#options.head.advanceWatermark(merged);
  }
}
