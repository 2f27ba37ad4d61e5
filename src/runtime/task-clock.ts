import type {TaskTimes} from '../metrics/job-metrics.ts';

/**
 * Busy, back-pressured or idle, as Flink measures it: busy while it steps; at all other times what it waits for.
 * Another task of the thread that steps meanwhile counts as that wait.
 */
export class TaskClock {
  #at: number;
  #busy = 0;
  #backPressured = 0;
  #idle = 0;
  #waitsForRoom = false;

  /** `now`: monotonic milliseconds, as everywhere here. */
  constructor(now: number) {
    this.#at = now;
  }

  /** A step begins: what was until now was waiting. */
  begin(now: number): void {
    this.#wait(now);
  }

  end(now: number): void {
    this.#busy += now - this.#at;
    this.#at = now;
    this.#waitsForRoom = false;
  }

  /** It did not step: it has no input, or no room. */
  waits(forRoom: boolean, now: number): void {
    if (forRoom === this.#waitsForRoom) return;
    this.#wait(now);
    this.#waitsForRoom = forRoom;
  }

  read(now: number): TaskTimes {
    this.#wait(now);
    return {
      busyMillis: this.#busy,
      backPressuredMillis: this.#backPressured,
      idleMillis: this.#idle,
    };
  }

  #wait(now: number): void {
    const millis = now - this.#at;
    if (this.#waitsForRoom) this.#backPressured += millis;
    else this.#idle += millis;
    this.#at = now;
  }
}
