// What is known when the cut of a checkpoint has reached a task, and what is recorded of its input after that.

import type {InFlightMessages} from '../state/in-flight.ts';

/** How a barrier came through the gate of a task; a source has none. */
export interface BarrierPassage {
  readonly checkpointId: number;
  readonly alignment: 'aligned' | 'unaligned' | 'at-least-once';
  /** First to last barrier; of an unaligned one until the snapshot. */
  readonly alignmentMillis: number;
  /** From the trigger to the first barrier. */
  readonly startDelayMillis: number;
  /** Received on channels whose barrier had not come, while others waited. */
  readonly alignmentBytes: number;
  /** Unaligned: what was in flight; resolves when the last barrier has come, rejects when it is given up. */
  readonly recorded: Promise<RecordedInFlight> | null;
}

export interface RecordedInFlight {
  readonly channels: readonly InFlightMessages[];
  /** First to last barrier. */
  readonly alignmentMillis: number;
}

/** The recording of one unaligned checkpoint over all channels of a gate. */
export class RecordedInput {
  readonly done: Promise<RecordedInFlight>;
  readonly #channels: InFlightMessages[] = [];
  #resolve: (recorded: RecordedInFlight) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(checkpointId: number) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = () => reject(new Error(`checkpoint ${checkpointId} was given up`));
    });
    // The task may have given up before it looks at it.
    this.done.catch(() => undefined);
  }

  add(messages: InFlightMessages): void {
    this.#channels.push(messages);
  }

  complete(alignmentMillis: number): void {
    this.#resolve({channels: this.#channels, alignmentMillis});
  }

  drop(): void {
    this.#reject(new Error());
  }
}
