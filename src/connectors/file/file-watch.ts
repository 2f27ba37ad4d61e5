import type {Timer, Timers} from '../../base/clock.ts';

/** Calls `look` again and again, `intervalMillis` after the last call ended. `look` does not reject. */
export class FileWatch {
  readonly #timers: Timers;
  readonly #intervalMillis: number;
  readonly #look: () => Promise<void>;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(timers: Timers, intervalMillis: number, look: () => Promise<void>) {
    this.#timers = timers;
    this.#intervalMillis = intervalMillis;
    this.#look = look;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#timers.after(this.#intervalMillis, () => {
      this.#looking = this.#look().then(() => this.start());
    });
  }

  /** Resolves when no look is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }
}
