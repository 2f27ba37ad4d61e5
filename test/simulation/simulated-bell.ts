import type {Timers} from '#src/base/clock.js';
import type {Bell} from '#src/runtime/bell.js';

/** A bell without shared memory: all threads of a simulated process are on one real thread. */
export class SimulatedBell implements Bell {
  readonly #timers: Timers;
  #rung = false;
  #wake: (() => void) | null = null;

  /** `timers`: of the sleeper. */
  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** The sleeper wakes in an event of its own. */
  ring(): void {
    this.#rung = true;
    const wake = this.#wake;
    this.#wake = null;
    if (wake !== null) this.#timers.after(0, wake);
  }

  async wait(timers: Timers, millis: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = timers.after(millis, () => {
          this.#wake = null;
          resolve();
        });
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#rung = false;
  }
}
