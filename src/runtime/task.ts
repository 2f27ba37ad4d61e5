// One parallel instance of an operator chain. A barrier passes through it in this order, as in Flink:
//   1. every operator, from the head on, emits what belongs before the barrier;
//   2. the barrier goes out on every output, behind or ahead of what is queued there;
//   3. every operator takes the synchronous part of its snapshot; the rest resolves later;
//   4. unaligned: what was in flight at the inputs and the outputs is written, and the task acknowledges.

import type {BarrierElement} from '../channels/element.ts';
import type {OperatorSnapshot} from '../checkpoint/checkpoint-metadata.ts';
import type {SubtaskCheckpointStats} from '../metrics/checkpoint-stats.ts';
import type {SnapshotTarget} from '../operators/operator.ts';
import {must} from '../base/assert.ts';
import type {BarrierPassage} from './barrier-passage.ts';
import type {ChainNode} from './chain-node.ts';
import type {Exchange} from './exchange.ts';
import {writeInFlight, type InFlightMessages, type InFlightTarget} from '../state/in-flight.ts';
import type {InputGate} from './input-gate.ts';
import type {LocalChannel} from './local-channel.ts';
import type {SinkOperator} from './sink-operator.ts';
import type {SourceDriver} from './source-driver.ts';
import {TaskClock} from './task-clock.ts';

/** A checkpoint that the master has triggered. */
export interface TriggeredCheckpoint extends SnapshotTarget {
  /** As its barrier carries it. */
  readonly barrier: BarrierElement;
}

export interface TaskSnapshot {
  readonly snapshots: readonly OperatorSnapshot[];
  readonly stats: SubtaskCheckpointStats;
}

/** Told by a task when it has reached a barrier. */
export interface TaskListener {
  triggered(checkpointId: number): TriggeredCheckpoint;
  snapshotStarted(task: Task, checkpointId: number, done: Promise<TaskSnapshot>): void;
}

export interface TaskOptions {
  /** `<head uid>/<subtask>` */
  readonly id: string;
  readonly headUid: string;
  readonly subtask: number;
  readonly listener: TaskListener;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly inFlight: Pick<InFlightTarget, 'files' | 'schemaOf'>;
}

export class Task {
  readonly id: string;
  readonly headUid: string;
  readonly times: TaskClock;
  /** Head first; a node comes before what it feeds. */
  readonly nodes: ChainNode[] = [];
  readonly sinks: SinkOperator[] = [];
  /** Calls into other tasks of the thread. */
  readonly calls: {readonly channel: LocalChannel; readonly target: Task}[] = [];
  readonly exchanges: {readonly exchange: Exchange; readonly target: Task}[] = [];
  /** At its head: one of the two. */
  gate: InputGate | null = null;
  source: SourceDriver | null = null;
  readonly #options: TaskOptions;

  constructor(options: TaskOptions) {
    this.id = options.id;
    this.headUid = options.headUid;
    this.times = new TaskClock(options.now());
    this.#options = options;
  }

  /** Whatever one step emits finds a taker: no output is full, no sink behind, no channel blocked. */
  canAccept(): boolean {
    for (const sink of this.sinks) if (sink.behind) return false;
    for (const {exchange, target} of this.exchanges) {
      if (!exchange.canAccept() || !target.canAccept()) return false;
    }
    for (const {channel, target} of this.calls) {
      if (!channel.canAccept() || !target.canAccept()) return false;
    }
    return true;
  }

  /** No channel that it calls is blocked by a barrier. */
  get open(): boolean {
    const channels = [
      ...this.calls,
      ...this.exchanges.map(({exchange, target}) => ({channel: exchange.local, target})),
    ];
    return channels.every(({channel, target}) => channel.canAccept() && target.open);
  }

  /** Its input is at its end, and everything that followed from it has been sent. */
  get ended(): boolean {
    const inputEnded = this.gate?.ended ?? must(this.source, 'a head').ended;
    return inputEnded && this.exchanges.every(({exchange}) => exchange.drained);
  }

  /** Something waits to be worked on. */
  get hasInput(): boolean {
    return this.gate === null ? !must(this.source, 'a head').ended : this.gate.hasInput;
  }

  /** The earliest time at which something is due, though nothing comes in. */
  get deadline(): number {
    let due = this.gate?.deadline ?? Infinity;
    for (const {exchange} of this.exchanges) due = Math.min(due, exchange.deadline);
    return due;
  }

  /** What needs no room downstream: queued output, barriers that overtake, timers. True: something happened. */
  attend(now: number): boolean {
    let happened = false;
    for (const {exchange} of this.exchanges) if (exchange.flush(now)) happened = true;
    if (this.gate === null) return happened;
    if (this.gate.attendBarriers()) happened = true;
    if (now >= this.gate.deadline) {
      this.gate.onTimer();
      happened = true;
    }
    return happened;
  }

  /** The cut of the checkpoint is at this task. `passage` is null at a source. */
  reachBarrier(checkpointId: number, passage: BarrierPassage | null): void {
    const {listener, now} = this.#options;
    const started = now();
    const {barrier, ...target} = listener.triggered(checkpointId);
    for (const node of this.nodes) node.operator.beforeBarrier();
    const sent: BarrierElement =
      passage?.alignment === 'unaligned' ? {...barrier, alignment: {kind: 'unaligned'}} : barrier;
    const overtaken: Promise<readonly InFlightMessages[]>[] = [];
    for (const {exchange} of this.exchanges) {
      const waits = exchange.sendBarrier(sent);
      if (waits !== null) overtaken.push(waits);
    }
    for (const {channel} of this.calls) channel.sendBarrier(sent);
    const head = this.source === null ? [] : [Promise.resolve(this.source.snapshot())];
    const parts = this.nodes.map(async (node) => node.snapshot(target));
    const syncMillis = now() - started;
    const done = this.#finish({target, passage, parts: [...head, ...parts], overtaken}).then(
      ({snapshots, persistedBytes, alignmentMillis}): TaskSnapshot => ({
        snapshots,
        stats: {
          alignment: passage?.alignment ?? 'aligned',
          startDelayMillis: passage?.startDelayMillis ?? Math.max(0, started - barrier.triggeredAt),
          alignmentMillis,
          syncMillis,
          asyncMillis: now() - started - syncMillis,
          alignmentBytes: passage?.alignmentBytes ?? 0,
          persistedBytes,
        },
      }),
    );
    listener.snapshotStarted(this, checkpointId, done);
  }

  sendCancel(checkpointId: number): void {
    for (const {exchange} of this.exchanges) exchange.sendCancel(checkpointId);
    for (const {channel} of this.calls) channel.sendCancel(checkpointId);
  }

  async notifyComplete(checkpointId: number): Promise<void> {
    for (const node of this.nodes) await node.operator.notifyComplete(checkpointId);
  }

  /** The part that takes effect at once. */
  abort(checkpointId: number): void {
    this.gate?.abort(checkpointId);
    for (const {exchange} of this.exchanges) exchange.abort(checkpointId);
  }

  async notifyAborted(checkpointId: number): Promise<void> {
    for (const node of this.nodes) await node.operator.notifyAborted(checkpointId);
  }

  /** Waits for every part, and adds what was in flight to the snapshot of the head. */
  async #finish({
    target,
    passage,
    parts,
    overtaken,
  }: {
    readonly target: SnapshotTarget;
    readonly passage: BarrierPassage | null;
    readonly parts: readonly Promise<OperatorSnapshot>[];
    readonly overtaken: readonly Promise<readonly InFlightMessages[]>[];
  }): Promise<{
    readonly snapshots: readonly OperatorSnapshot[];
    readonly persistedBytes: number;
    readonly alignmentMillis: number;
  }> {
    const {headUid, subtask, inFlight} = this.#options;
    const [snapshots, recorded, output] = await settled(
      Promise.all(parts),
      passage?.recorded ?? Promise.resolve(null),
      Promise.all(overtaken),
    );
    const alignmentMillis = recorded?.alignmentMillis ?? passage?.alignmentMillis ?? 0;
    const sections = [...(recorded?.channels ?? []), ...output.flat()];
    const {directory} = target;
    const state = await writeInFlight(sections, {...inFlight, directory, uid: headUid, subtask});
    if (state === null) return {snapshots, persistedBytes: 0, alignmentMillis};
    const [head, ...others] = snapshots;
    const first = must(head, 'the snapshot of the head');
    const states = [...first.subtask.states, state];
    return {
      snapshots: [{...first, subtask: {...first.subtask, states}}, ...others],
      persistedBytes: state.length,
      alignmentMillis,
    };
  }
}

/** All three, once none is under way any more: nothing may still be written when a failure is reported. */
async function settled<A, B, C>(
  ...parts: readonly [Promise<A>, Promise<B>, Promise<C>]
): Promise<readonly [A, B, C]> {
  await Promise.allSettled(parts);
  return [await parts[0], await parts[1], await parts[2]];
}
