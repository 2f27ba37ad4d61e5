import type {Clock} from '../../base/clock.ts';
import {EngineError} from '../../base/errors.ts';
import {TTL_CLOCK_STATE} from '../../checkpoint/inline-states.ts';
import type {InlineState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';

/**
 * The time by which the state of one operator and subtask ages: milliseconds since the epoch, which never go back.
 *
 * It begins at the machine's wall clock and goes on by the monotonic one, so that a wall clock that jumps lets nothing
 * expire early and nothing live again. Each snapshot carries a reading, and a restored clock does not begin before it:
 * when the wall clock has gone back between two runs, the time between them is not counted, and state lives for longer.
 * A wall clock that is ahead at the start makes restored state older than it is: nothing here can tell that from a job
 * that did not run for so long.
 */
export class TtlClock {
  readonly #clock: Clock;
  readonly #begun: number;
  readonly #monotonicBegun: number;

  constructor(clock: Clock, restored: readonly SubtaskMetadata[]) {
    this.#clock = clock;
    // 0 in a row means that it was never written.
    this.#begun = Math.max(1, Math.floor(clock.wallMillis()), ...restored.flatMap(readingsOf));
    this.#monotonicBegun = clock.monotonicMillis();
  }

  now(): number {
    return this.#begun + Math.floor(this.#clock.monotonicMillis() - this.#monotonicBegun);
  }

  /** For a snapshot. */
  state(): InlineState {
    return {
      location: 'inline',
      name: TTL_CLOCK_STATE,
      kind: 'operator',
      codecVersion: 1,
      value: this.now(),
    };
  }
}

function readingsOf({states}: SubtaskMetadata): number[] {
  return states.flatMap((state) => {
    if (state.location !== 'inline' || state.name !== TTL_CLOCK_STATE) return [];
    const {value} = state;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return [value];
    throw new EngineError(
      'INCOMPATIBLE',
      `the state ${TTL_CLOCK_STATE} of the checkpoint holds no time: ${JSON.stringify(value)}`,
      {hint: 'Restore it with the version that wrote it, or from another checkpoint.'},
    );
  });
}
