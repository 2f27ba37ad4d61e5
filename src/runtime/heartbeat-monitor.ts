import type {Clock, Timer, Timers} from '../base/clock.ts';

export interface HeartbeatMonitorOptions {
  /** An int per thread, which it counts up while it lives. */
  readonly beats: SharedArrayBuffer;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly timeoutMillis: number;
  /** `subtask` has not beaten for `millis`; called once, then the monitor has stopped. */
  readonly silent: (subtask: number, millis: number) => void;
}

/** Looks whether each thread still beats. */
export class HeartbeatMonitor {
  readonly #options: HeartbeatMonitorOptions;
  readonly #beats: Int32Array;
  readonly #seen: {beat: number; at: number}[];
  #timer: Timer | null = null;
  #stopped = false;
  #lookedAt: number;

  constructor(options: HeartbeatMonitorOptions) {
    this.#options = options;
    this.#beats = new Int32Array(options.beats);
    this.#lookedAt = options.clock.monotonicMillis();
    this.#seen = Array.from(this.#beats, (beat) => ({beat, at: this.#lookedAt}));
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  get #intervalMillis(): number {
    return this.#options.timeoutMillis / 5;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.timers.after(this.#intervalMillis, () => {
      this.#look();
      this.#schedule();
    });
  }

  #look(): void {
    const {clock, timeoutMillis, silent} = this.#options;
    const now = clock.monotonicMillis();
    // This thread stood still itself (the process was paused): that the others did says nothing.
    const stoodStill = now - this.#lookedAt - 2 * this.#intervalMillis;
    this.#lookedAt = now;
    for (const [subtask, seen] of this.#seen.entries()) {
      const beat = Atomics.load(this.#beats, subtask);
      if (beat !== seen.beat) {
        seen.beat = beat;
        seen.at = now;
        continue;
      }
      if (stoodStill > 0) seen.at += stoodStill;
      if (now - seen.at < timeoutMillis) continue;
      this.stop();
      silent(subtask, now - seen.at);
      return;
    }
  }
}
