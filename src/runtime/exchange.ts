// The sending side of an exchange: rows are split between all subtasks of the target chain. The own subtask's
// share is a call (`local`); the others' go into rings. What a ring has no room for waits in its writer: the
// task then yields (`canAccept`), and the loop moves it on (`flush`).
//
// An unaligned barrier overtakes what waits; an aligned one with a timeout overtakes it when the timeout is over
// and it still has not entered the ring. What was overtaken here is stored with the sender's snapshot.

import type {ChannelWriter} from '../channels/channel-writer.ts';
import type {BarrierElement, ControlElement} from '../channels/element.ts';
import type {Partitioner} from '../channels/partitioner.ts';
import {must} from '../base/assert.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {InFlightMessages} from '../state/in-flight.ts';
import type {LocalChannel} from './local-channel.ts';
import type {TaskOutput} from './task-output.ts';

export interface ExchangeOptions {
  readonly edge: string;
  readonly subtask: number;
  readonly partitioner: Partitioner;
  /** By subtask of the target; null at the own one. */
  readonly writers: readonly (ChannelWriter | null)[];
  readonly local: LocalChannel;
  /** Rings the bell of a target's thread. */
  readonly ring: (subtask: number) => void;
  /** False: its in-flight data could not be restored, so that nothing is overtaken (broadcast). */
  readonly mayOvertake: boolean;
}

/** A barrier that may still overtake. */
interface PendingBarrier {
  readonly checkpointId: number;
  readonly dueAt: number;
  /** Targets in whose writer it waits. */
  readonly waiting: Set<number>;
  readonly overtaken: InFlightMessages[];
  readonly resolve: (overtaken: readonly InFlightMessages[]) => void;
  readonly reject: (error: Error) => void;
}

export class Exchange implements TaskOutput {
  readonly #options: ExchangeOptions;
  #pending: PendingBarrier | null = null;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  canAccept(): boolean {
    for (const writer of this.#options.writers) if (writer?.full === true) return false;
    return this.#options.local.canAccept();
  }

  receive(batch: RecordBatch): void {
    const {partitioner, writers, local, subtask, ring} = this.#options;
    const parts = partitioner.split(batch);
    for (let target = 0; target < writers.length; target += 1) {
      const count = parts.counts[target]!;
      if (target === subtask || count === 0) continue;
      must(writers[target], 'writer').sendBatch(batch, parts.selections[target]!, count);
      ring(target);
    }
    const own = parts.counts[subtask]!;
    if (own === 0) return;
    // The others have theirs, and work beside this call.
    local.receive({...batch, selection: parts.selections[subtask]!, selectedCount: own});
  }

  advanceWatermark(time: number): void {
    this.#sendToOthers({kind: 'watermark', time});
    this.#options.local.advanceWatermark(time);
  }

  setIdle(idle: boolean): void {
    this.#sendToOthers({kind: 'idle', idle});
    this.#options.local.setIdle(idle);
  }

  endInput(): void {
    this.#sendToOthers({kind: 'end-of-data'});
    this.#options.local.endInput();
  }

  sendBarrier(barrier: BarrierElement): Promise<readonly InFlightMessages[]> | null {
    const {writers, local, mayOvertake} = this.#options;
    const sent: BarrierElement = mayOvertake ? barrier : {...barrier, alignment: {kind: 'aligned'}};
    this.#sendToOthers(sent);
    const overtaken = this.#awaitRoom(sent, writers);
    local.sendBarrier(barrier);
    return overtaken;
  }

  sendCancel(checkpointId: number): void {
    this.abort(checkpointId);
    this.#sendToOthers({kind: 'cancel', checkpointId});
    this.#options.local.sendCancel(checkpointId);
  }

  get local(): LocalChannel {
    return this.#options.local;
  }

  /** When `settle` has something to do; +Infinity: never. */
  get deadline(): number {
    return this.#pending?.dueAt ?? Infinity;
  }

  /** Everything has entered the rings. */
  get drained(): boolean {
    return this.#options.writers.every((writer) => writer?.full !== true);
  }

  /** Moves what waits into the rings; true: something moved. */
  flush(now: number): boolean {
    let moved = false;
    const {writers, ring} = this.#options;
    for (let target = 0; target < writers.length; target += 1) {
      const writer = writers[target];
      if (writer?.full !== true) continue;
      const before = writer.waitingBytes;
      writer.flush();
      if (writer.waitingBytes === before) continue;
      moved = true;
      ring(target);
    }
    if (this.#pending !== null) this.#settle(this.#pending, now);
    return moved;
  }

  /** The checkpoint was given up. */
  abort(checkpointId: number): void {
    if (this.#pending?.checkpointId !== checkpointId) return;
    const {reject} = this.#pending;
    this.#pending = null;
    reject(new Error(`checkpoint ${checkpointId} was given up`));
  }

  #sendToOthers(element: ControlElement): void {
    const {writers, ring} = this.#options;
    for (let target = 0; target < writers.length; target += 1) {
      const writer = writers[target];
      if (writer === null || writer === undefined) continue;
      writer.send(element);
      ring(target);
    }
  }

  /** Null: the barrier keeps its place. */
  #awaitRoom(
    {checkpointId, alignment, triggeredAt}: BarrierElement,
    writers: ExchangeOptions['writers'],
  ): Promise<readonly InFlightMessages[]> | null {
    if (alignment.kind !== 'unaligned' && alignment.kind !== 'aligned-with-timeout') return null;
    if (this.#pending !== null) this.abort(this.#pending.checkpointId);
    const waiting = new Set(writers.flatMap((writer, target) => (writer === null ? [] : [target])));
    const done = new Promise<readonly InFlightMessages[]>((resolve, reject) => {
      const dueAt =
        alignment.kind === 'unaligned' ? -Infinity : triggeredAt + alignment.timeoutMillis;
      this.#pending = {checkpointId, dueAt, waiting, overtaken: [], resolve, reject};
    });
    done.catch(() => undefined);
    this.#settle(must(this.#pending, 'pending'), triggeredAt);
    return done;
  }

  #settle(pending: PendingBarrier, now: number): void {
    const {checkpointId, waiting, overtaken, dueAt} = pending;
    for (const target of waiting) {
      const writer = must(this.#options.writers[target], 'writer');
      if (writer.entered(checkpointId)) waiting.delete(target);
      else if (now >= dueAt) {
        const messages = must(writer.overtake(checkpointId), `barrier ${checkpointId} is queued`);
        const {edge, subtask} = this.#options;
        overtaken.push({edge, from: subtask, to: target, side: 'output', messages});
        waiting.delete(target);
        this.#options.ring(target);
      }
    }
    if (waiting.size > 0) return;
    this.#pending = null;
    pending.resolve(overtaken);
  }
}
