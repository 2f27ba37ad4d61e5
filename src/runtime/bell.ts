import type {Timers} from '../base/clock.ts';

/** Wakes one sleeping thread; any thread may ring. */
export interface Bell {
  /** One that comes before `wait` is not lost. */
  ring(): void;
  /** Resolves at the next ring, at once if one came since the last wait, or after `millis`. */
  wait(timers: Timers, millis: number): Promise<void>;
}
