// The aligner of one input gate in exactly-once mode: brings the barriers of all channels together, so
// that a snapshot holds exactly the records before them (Chandy and Lamport's cut). Aligned, it blocks
// the channels whose barrier has come; unaligned, it snapshots at once and has recorded what the other
// channels carry before their barrier. An immutable state machine; invariants (A1) … in PROTOCOL.md.
// The at-least-once counterpart is barrier-tracker.ts.

import {assert, must} from '../base/assert.ts';
import type {DeclineReason} from './abort-reason.ts';
import {
  ABORTED_AHEAD_MAX,
  type AlignedBarrier,
  type AlignerDecision,
  type AlignerEvent,
} from './aligner-protocol.ts';

/** `waiting`: for a first barrier. `aligned`, `unaligned`: collecting the others. */
export type AlignerPhase = 'waiting' | 'aligned' | 'unaligned';

interface ChannelState {
  readonly open: boolean;
  readonly blocked: boolean;
  /** The newest id announced and not yet handed in. */
  readonly announced: number | null;
}

export interface AlignerState {
  readonly phase: AlignerPhase;
  readonly channels: readonly ChannelState[];
  /** The newest id seen; 0: none. In `waiting` it is over, however it ended. */
  readonly current: number;
  /** Of `current` while it is being collected. */
  readonly barrier: AlignedBarrier | null;
  /** Channels whose barrier `current` has come, or that ended since it began. */
  readonly arrived: ReadonlySet<number>;
  /** When the first barrier of `current` came. */
  readonly startedAt: number;
  readonly timerSet: boolean;
  /** Given up by the coordinator before their barrier came. */
  readonly abortedAhead: readonly number[];
}

export interface AlignerStep {
  readonly state: AlignerState;
  readonly decisions: readonly AlignerDecision[];
}

export function startAligner(channelCount: number): AlignerState {
  assert(channelCount > 0, `an input gate with ${channelCount} channels`);
  return {
    phase: 'waiting',
    channels: Array.from({length: channelCount}, () => ({
      open: true,
      blocked: false,
      announced: null,
    })),
    current: 0,
    barrier: null,
    arrived: new Set(),
    startedAt: 0,
    timerSet: false,
    abortedAhead: [],
  };
}

/** What follows from `event`. The given state stays as it is. */
export function align(state: AlignerState, event: AlignerEvent): AlignerStep {
  const step = new Step(state, event.now);
  HANDLERS[state.phase][event.kind](step, event as never);
  return step.result();
}

type EventOf<Kind extends AlignerEvent['kind']> = Extract<AlignerEvent, {kind: Kind}>;
type Handlers = {
  readonly [Phase in AlignerPhase]: {
    readonly [Kind in AlignerEvent['kind']]: (step: Step, event: EventOf<Kind>) => void;
  };
};

/** The transition table: a phase or event without a cell does not compile. */
const HANDLERS: Handlers = {
  waiting: {
    announced: (step, {channel, barrier}) => step.announceNewer(channel, barrier),
    barrier: (step, event) => step.firstBarrier(event),
    cancel: (step, {checkpointId}) => step.cancelNewer(checkpointId),
    end: (step, {channel}) => step.close(channel),
    timer: ignore,
    aborted: (step, {checkpointId}) => step.rememberAborted(checkpointId),
  },
  aligned: {
    announced: (step, event) => {
      if (step.isCurrent(event.barrier)) step.announceCurrent(event.channel);
      else step.announceNewer(event.channel, event.barrier);
    },
    barrier: (step, event) => {
      if (step.isCurrent(event.barrier)) step.nextBarrierAligned(event);
      else step.firstBarrier(event);
    },
    cancel: (step, {checkpointId}) => step.cancel(checkpointId),
    end: (step, {channel}) => {
      step.close(channel);
      step.endAligned(channel);
    },
    timer: (step) => step.turnUnalignedWhenDue(),
    aborted: (step, {checkpointId}) => step.abort(checkpointId),
  },
  unaligned: {
    announced: (step, event) => {
      if (step.isCurrent(event.barrier)) step.prioritize(event.channel);
      else step.announceNewer(event.channel, event.barrier);
    },
    barrier: (step, event) => {
      if (step.isCurrent(event.barrier)) step.nextBarrierUnaligned(event);
      else step.firstBarrier(event);
    },
    cancel: (step, {checkpointId}) => step.cancel(checkpointId),
    end: (step, {channel}) => {
      step.close(channel);
      step.arriveUnaligned(channel);
    },
    timer: ignore,
    aborted: (step, {checkpointId}) => step.abort(checkpointId),
  },
};

function ignore(): void {
  // A timer that was cleared may still fire once.
}

/** The draft of one transition: fields of the next state are replaced, never changed in place. */
class Step {
  #state: AlignerState;
  readonly #now: number;
  readonly #decisions: AlignerDecision[] = [];

  constructor(state: AlignerState, now: number) {
    this.#state = state;
    this.#now = now;
  }

  result(): AlignerStep {
    return {state: this.#state, decisions: this.#decisions};
  }

  isCurrent({checkpointId}: AlignedBarrier): boolean {
    return checkpointId === this.#state.current;
  }

  /** A barrier that is not of the checkpoint being collected: begins its own, or comes too late. */
  firstBarrier(event: EventOf<'barrier'>): void {
    this.#unannounce(event.channel);
    if (!this.#isNew(event.barrier.checkpointId)) return;
    this.#begin(event.barrier);
    if (event.barrier.alignment.kind === 'unaligned') this.#startUnaligned(event.channel);
    else this.nextBarrierAligned(event);
  }

  nextBarrierAligned({channel, barrier}: EventOf<'barrier'>): void {
    this.#unannounce(channel);
    // Turned unaligned upstream, maybe ahead of records that are still queued here.
    if (barrier.alignment.kind === 'unaligned') {
      this.#startUnaligned(channel);
      return;
    }
    this.#arrive(channel);
    if (this.#allArrived()) {
      this.#finishAligned();
      return;
    }
    this.#block(channel);
    this.turnUnalignedWhenDue();
  }

  /** A channel that ended counts as arrived. */
  endAligned(channel: number): void {
    this.#arrive(channel);
    if (this.#allArrived()) {
      this.#finishAligned();
      return;
    }
    this.turnUnalignedWhenDue();
  }

  nextBarrierUnaligned({channel, overtook}: EventOf<'barrier'>): void {
    this.#unannounce(channel);
    // One that kept its place blocks its channel until the end, as if it had come before the switch.
    if (!overtook) this.#block(channel);
    this.arriveUnaligned(channel);
  }

  arriveUnaligned(channel: number): void {
    const {current, arrived} = this.#state;
    if (!arrived.has(channel)) {
      this.#arrive(channel);
      this.#decide({kind: 'stop-recording', checkpointId: current, channel});
    }
    if (!this.#allArrived()) return;
    this.#decide({kind: 'recording-complete', checkpointId: current});
    this.#reset();
  }

  /** An announcement that is not of the checkpoint being collected. */
  announceNewer(channel: number, barrier: AlignedBarrier): void {
    const {checkpointId, alignment} = barrier;
    // Plain aligned ones wait for their turn: they must not end an older one that is under way (A6).
    if (alignment.kind !== 'unaligned' && alignment.kind !== 'aligned-with-timeout') return;
    if (!this.#isNew(checkpointId)) return;
    this.#announce(channel, checkpointId);
    if (alignment.kind === 'unaligned') {
      this.#decide({kind: 'prioritize', checkpointId, channel});
      return;
    }
    this.#begin(barrier);
    this.turnUnalignedWhenDue();
  }

  announceCurrent(channel: number): void {
    this.#announce(channel, this.#state.current);
    this.turnUnalignedWhenDue();
  }

  prioritize(channel: number): void {
    this.#announce(channel, this.#state.current);
    this.#decide({kind: 'prioritize', checkpointId: this.#state.current, channel});
  }

  /** Aligned with a timeout that is over: snapshot at once, and collect what is on the way. */
  turnUnalignedWhenDue(): void {
    const {barrier, phase} = this.#state;
    if (phase !== 'aligned' || barrier?.alignment.kind !== 'aligned-with-timeout') return;
    if (this.#now - barrier.triggeredAt >= barrier.alignment.timeoutMillis) {
      this.#startUnaligned(null);
    }
  }

  cancelNewer(checkpointId: number): void {
    if (!this.#isNew(checkpointId)) return;
    this.#set({current: checkpointId});
    this.#decline(checkpointId, 'declined-on-cancellation-barrier');
    this.#decide({kind: 'forward-cancel', checkpointId});
  }

  cancel(checkpointId: number): void {
    const {current} = this.#state;
    if (checkpointId < current) return;
    if (checkpointId > current) {
      if (!this.#isNew(checkpointId)) return;
      this.#giveUp('declined-subsumed');
      this.cancelNewer(checkpointId);
      return;
    }
    this.#giveUp('declined-on-cancellation-barrier');
    this.#decide({kind: 'forward-cancel', checkpointId});
  }

  abort(checkpointId: number): void {
    if (checkpointId === this.#state.current) this.#giveUp(null);
    else this.rememberAborted(checkpointId);
  }

  /** Its barrier may still come, while an older checkpoint is being collected: both facts are kept. */
  rememberAborted(checkpointId: number): void {
    const {current, abortedAhead} = this.#state;
    if (checkpointId <= current || abortedAhead.includes(checkpointId)) return;
    this.#set({abortedAhead: [...abortedAhead, checkpointId].slice(-ABORTED_AHEAD_MAX)});
  }

  close(channel: number): void {
    assert(this.#channel(channel).open, `channel ${channel} ended twice`);
    this.#change([channel], {open: false, blocked: false, announced: null});
  }

  #begin(barrier: AlignedBarrier): void {
    if (this.#state.phase !== 'waiting') this.#giveUp('declined-subsumed');
    const {checkpointId, alignment, triggeredAt} = barrier;
    this.#set({
      phase: 'aligned',
      current: checkpointId,
      barrier,
      arrived: new Set(),
      startedAt: this.#now,
      abortedAhead: this.#state.abortedAhead.filter((id) => id > checkpointId),
    });
    if (alignment.kind !== 'aligned-with-timeout') return;
    this.#set({timerSet: true});
    this.#decide({kind: 'set-timer', at: triggeredAt + alignment.timeoutMillis});
  }

  /** `channel`: whose barrier brings it about; null: the time. */
  #startUnaligned(channel: number | null): void {
    const {current: checkpointId, channels, arrived} = this.#state;
    this.#clearTimer();
    this.#set({phase: 'unaligned'});
    const missing = this.#openChannels().filter((other) => !arrived.has(other));
    this.#decide({kind: 'start-recording', checkpointId, channels: missing});
    this.#snapshot('unaligned');
    if (channel !== null) this.arriveUnaligned(channel);
    if (this.#state.phase !== 'unaligned') return;
    for (const other of missing) {
      if (other === channel || channels[other]?.announced !== checkpointId) continue;
      this.#decide({kind: 'prioritize', checkpointId, channel: other});
    }
  }

  #finishAligned(): void {
    this.#snapshot('aligned');
    this.#reset();
  }

  #snapshot(alignment: 'aligned' | 'unaligned'): void {
    const {current: checkpointId, startedAt} = this.#state;
    const alignmentMillis = this.#now - startedAt;
    this.#decide({kind: 'snapshot', checkpointId, alignment, alignmentMillis});
  }

  /** Ends the collecting without a whole snapshot; null: the coordinator knows already. */
  #giveUp(reason: DeclineReason | null): void {
    const {current, phase} = this.#state;
    if (phase === 'unaligned') this.#decide({kind: 'drop-recording', checkpointId: current});
    this.#reset();
    if (reason !== null) this.#decline(current, reason);
  }

  #reset(): void {
    this.#clearTimer();
    const blocked = this.#openChannels().filter((channel) => this.#channel(channel).blocked);
    if (blocked.length > 0) {
      this.#change(blocked, {blocked: false});
      this.#decide({kind: 'unblock', channels: blocked});
    }
    this.#set({phase: 'waiting', barrier: null, arrived: new Set()});
  }

  #clearTimer(): void {
    if (!this.#state.timerSet) return;
    this.#set({timerSet: false});
    this.#decide({kind: 'clear-timer'});
  }

  #decline(checkpointId: number, reason: DeclineReason): void {
    this.#decide({kind: 'decline', checkpointId, reason});
  }

  #isNew(checkpointId: number): boolean {
    const {current, abortedAhead} = this.#state;
    return checkpointId > current && !abortedAhead.includes(checkpointId);
  }

  #arrive(channel: number): void {
    this.#set({arrived: new Set([...this.#state.arrived, channel])});
  }

  #allArrived(): boolean {
    return this.#openChannels().every((channel) => this.#state.arrived.has(channel));
  }

  #openChannels(): readonly number[] {
    return this.#state.channels.flatMap(({open}, channel) => (open ? [channel] : []));
  }

  #block(channel: number): void {
    this.#change([channel], {blocked: true});
    this.#decide({kind: 'block', channels: [channel]});
  }

  #announce(channel: number, announced: number): void {
    this.#change([channel], {announced});
  }

  #unannounce(channel: number): void {
    assert(this.#channel(channel).open, `a barrier on channel ${channel}, which has ended`);
    this.#change([channel], {announced: null});
  }

  #channel(channel: number): ChannelState {
    return must(this.#state.channels[channel], `channel ${channel}`);
  }

  #change(channels: readonly number[], change: Partial<ChannelState>): void {
    this.#set({
      channels: this.#state.channels.map((state, channel) =>
        channels.includes(channel) ? {...state, ...change} : state,
      ),
    });
  }

  #decide(decision: AlignerDecision): void {
    this.#decisions.push(decision);
  }

  #set(change: Partial<AlignerState>): void {
    this.#state = {...this.#state, ...change};
  }
}
