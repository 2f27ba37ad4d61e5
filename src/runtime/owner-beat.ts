import type {Timer, Timers} from '../base/clock.ts';
import {EngineError} from '../base/errors.ts';
import type {Ownership} from '../storage/job-directory.ts';

const BEAT_INTERVAL_MILLIS = 1000;

/** Bumps the beat of the generation that works, each second, so that others see that its owner lives. */
export class OwnerBeat {
  readonly #timers: Timers;
  readonly #fenced: (error: EngineError) => void;
  #ownership: Ownership | null = null;
  #timer: Timer | null = null;

  /** `fenced`: another process is the owner. */
  constructor(timers: Timers, fenced: (error: EngineError) => void) {
    this.#timers = timers;
    this.#fenced = fenced;
  }

  begin(ownership: Ownership): void {
    this.stop();
    this.#ownership = ownership;
    this.#beat(ownership);
  }

  stop(): void {
    this.#ownership = null;
    this.#timer?.cancel();
  }

  #beat(ownership: Ownership): void {
    ownership.beat().catch((error: unknown) => {
      // One that was under way when we took the next generation ourselves was fenced by nobody else.
      if (this.#ownership !== ownership) return;
      if (error instanceof EngineError && error.code === 'FENCED') this.#fenced(error);
    });
    this.#timer = this.#timers.after(BEAT_INTERVAL_MILLIS, () => this.#beat(ownership));
  }
}
