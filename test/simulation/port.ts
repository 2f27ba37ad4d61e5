// Messages of one thread to another: in order, each some time later. What crosses is copied, as a real port
// does it.

import type {Actor} from './scheduler.ts';
import type {World} from './world.ts';

/** On the way from one thread to the other. */
const LATENCY_MILLIS = 0.3;

export class Port<Message extends {readonly kind: string}> {
  readonly #world: World;
  readonly #receiver: Actor;
  readonly #deliver: (message: Message) => void;
  readonly #queue: Message[] = [];
  #lastDue = 0;

  constructor(world: World, receiver: Actor, deliver: (message: Message) => void) {
    this.#world = world;
    this.#receiver = receiver;
    this.#deliver = deliver;
  }

  send(message: Message): void {
    const {scheduler, draw} = this.#world;
    this.#queue.push(structuredClone(message));
    const due = Math.max(this.#lastDue, scheduler.now + draw.between(0, LATENCY_MILLIS));
    this.#lastDue = due;
    // Events that are due at once may change places: each delivers what is first in the queue.
    scheduler.after(this.#receiver, due - scheduler.now, 'message', () => {
      const first = this.#queue.shift();
      if (first === undefined) return;
      this.#world.note(`  ${first.kind}`);
      this.#deliver(first);
    });
  }

  /** Out of order. */
  sendLate(message: Message, millis: number): void {
    const copy = structuredClone(message);
    this.#world.scheduler.after(this.#receiver, millis, `late ${message.kind}`, () =>
      this.#deliver(copy),
    );
  }

  /** What is on its way is lost from some message on, as when the sender is torn down. */
  cut(): void {
    this.#queue.length = this.#world.draw.integer(0, this.#queue.length);
  }
}
