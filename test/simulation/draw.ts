// Questions to a seeded generator, in the words in which the simulation asks them.

import {SeededRandom} from '#src/base/random.js';

export class Draw {
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** A generator of its own, so that more questions here do not change the answers there. */
  fork(): Draw {
    return new Draw(Math.floor(this.random.next() * 2 ** 32));
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  /** A whole number, both ends included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.random.next() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.random.next() * (most - least);
  }

  /** Each order of magnitude is as likely as another. */
  logarithmic(least: number, most: number): number {
    return least * (most / least) ** this.random.next();
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random.next() * from.length)];
    if (picked === undefined) throw new Error('picked from nothing');
    return picked;
  }
}
