// The only door to real time. Everything else is handed a Clock and Timers, so that the whole engine
// runs under virtual time in the simulation.

export interface Clock {
  /**
   * Milliseconds since an arbitrary start, the same for all threads of the process; never goes back. For
   * timeouts, intervals, durations.
   */
  monotonicMillis(): number;
  /** Milliseconds since the epoch, UTC. It may jump: for names, reports, and where other processes began. */
  wallMillis(): number;
}

/** A pending call; `cancel` after it ran, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls `action` once, not before `millis` have passed. A pending timer keeps the process alive. */
  after(millis: number, action: () => void): Timer;
  /** Lets other events of this thread run before going on. */
  yield(): Promise<void>;
}

/** `performance.now()` begins with each thread; the clock below it is one for the process. */
const THREAD_START_MILLIS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  monotonicMillis: () => THREAD_START_MILLIS + performance.now(),
  wallMillis: () => Date.now(),
};

const TIMEOUT_MAX_MILLIS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(millis, action) {
    // setTimeout fires at once when it is asked for more.
    const step = Math.min(millis, TIMEOUT_MAX_MILLIS);
    let next: Timer | null = null;
    const handle = setTimeout(() => {
      if (step === millis) action();
      else next = systemTimers.after(millis - step, action);
    }, step);
    return {
      cancel() {
        clearTimeout(handle);
        next?.cancel();
      },
    };
  },
  yield: async () => new Promise((resolve) => setImmediate(resolve)),
};

/** Resolves once `millis` have passed. */
export async function sleep(timers: Timers, millis: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(millis, resolve);
  });
}
