import {randomBytes} from 'node:crypto';

/** A source of randomness; seeded in tests and simulations. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** `count` random bytes as lower-case hexadecimal digits. */
  hex(count: number): string;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  hex: (count) => randomBytes(count).toString('hex'),
};

/**
 * A small seeded generator (mulberry32): the same seed gives the same sequence on every machine.
 * Its whole state is one 32-bit integer, so a position in the sequence can be stored and restored.
 */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  get state(): number {
    return this.#state;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  hex(count: number): string {
    let digits = '';
    for (let index = 0; index < count; index += 1) {
      digits += Math.floor(this.next() * 256)
        .toString(16)
        .padStart(2, '0');
    }
    return digits;
  }
}
