// A clock of which a test is the master.

import type {Clock, Timers} from '#src/base/clock.js';

/** Stands still until a test moves it on. */
export class ManualTime implements Clock, Timers {
  now = 0;
  #due: {at: number; action: () => void}[] = [];

  monotonicMillis(): number {
    return this.now;
  }

  wallMillis(): number {
    return this.now;
  }

  after(millis: number, action: () => void): {cancel(): void} {
    const timer = {at: this.now + millis, action};
    this.#due.push(timer);
    return {cancel: () => (this.#due = this.#due.filter((each) => each !== timer))};
  }

  async yield(): Promise<void> {
    return Promise.resolve();
  }

  async passTo(now: number): Promise<void> {
    this.now = now;
    const due = this.#due.filter(({at}) => at <= now);
    this.#due = this.#due.filter(({at}) => at > now);
    for (const {action} of due) action();
    await settled();
  }
}

/** Lets what was resolved run on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
