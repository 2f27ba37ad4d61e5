// A doorbell over shared memory: one thread sleeps, any thread rings. One word, three values:
//
//   AWAKE    the sleeper is up, and nothing was rung since it last looked
//   RUNG     rung, and not yet noticed
//   ASLEEP   the sleeper waits, or is about to
//
// No ring is lost. Who rings first stores what it has to tell, then sets RUNG (or finds RUNG). The sleeper
// first turns the word from AWAKE to ASLEEP, and waits only while it is ASLEEP; once up it sets AWAKE, and
// only then looks at what it was told. All accesses are atomic, so they have one order:
//   a ring before the turn to ASLEEP   the sleeper finds RUNG and does not wait;
//   a ring after it, before the wait   the wait finds another value and ends at once;
//   a ring during the wait             who rings saw ASLEEP, and notifies;
//   a ring that found RUNG             the sleeper has not yet set AWAKE, and looks after it does.

import type {Timers} from '../base/clock.ts';

const AWAKE = 0;
const RUNG = 1;
const ASLEEP = 2;

export function newBellBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/** Each thread makes its own of the same buffer. Only one thread may `wait`, once at a time. */
export class ThreadBell {
  readonly #word: Int32Array;
  #wake: (() => void) | null = null;

  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  /** One atomic access while the sleeper is up and has been rung, two while it was not. */
  ring(): void {
    if (Atomics.load(this.#word, 0) === RUNG) return;
    if (Atomics.exchange(this.#word, 0, RUNG) !== ASLEEP) return;
    Atomics.notify(this.#word, 0);
    // The sleeper's own thread need not go through the engine.
    this.#wake?.();
  }

  /** Resolves at the next ring, at once if one came since the last wait, or after `millis`. */
  async wait(timers: Timers, millis: number): Promise<void> {
    if (Atomics.compareExchange(this.#word, 0, AWAKE, ASLEEP) === AWAKE) {
      await this.#sleep(timers, millis);
    }
    Atomics.store(this.#word, 0, AWAKE);
  }

  async #sleep(timers: Timers, millis: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#word, 0, ASLEEP);
    if (!waiting.async) return;
    await new Promise<void>((resolve) => {
      const timer = timers.after(millis, () => {
        // Nobody rang: the engine would keep the wait in its list for ever.
        Atomics.notify(this.#word, 0);
        resolve();
      });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      void waiting.value.then(this.#wake);
    });
    this.#wake = null;
  }
}
