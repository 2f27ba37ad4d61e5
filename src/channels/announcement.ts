// How a barrier is known to the reader before its turn: one place in shared memory, overwritten by the
// newest. It is a sequence lock: odd while the writer writes; a reader that sees the same even number
// before and after has read one announcement whole. Every access is atomic.
//
//   int 0        sequence
//   int 1        position in the ring
//   int 2        1: the barrier overtook, so it stands at this position and nowhere else;
//                0: its message begins there
//   int 3 … 10   the payload of a barrier message (message.ts)
//
// An overtaking barrier is announced before anything is written behind its position. A reader that loads
// the tail first and the announcement second can thus not read past the position without knowing it.

import {viewBytes} from './byte-views.ts';
import type {BarrierElement} from './element.ts';
import {BARRIER_BYTES, MESSAGE_KINDS, readControl, writeControl} from './message.ts';
import {padded} from './byte-views.ts';
import {ANNOUNCEMENT_INT, type Ring} from './ring.ts';
import {assert} from '../base/assert.ts';

export interface Announcement {
  readonly barrier: BarrierElement;
  readonly position: number;
  readonly overtook: boolean;
}

const POSITION = ANNOUNCEMENT_INT + 1;
const OVERTOOK = ANNOUNCEMENT_INT + 2;
const FIELDS = ANNOUNCEMENT_INT + 3;
const FIELD_COUNT = padded(BARRIER_BYTES) / 4;

export class AnnouncementWriter {
  readonly #ints: Int32Array;
  readonly #scratch = viewBytes(new ArrayBuffer(padded(BARRIER_BYTES)));

  constructor(ring: Ring) {
    this.#ints = ring.views.ints;
  }

  write({barrier, position, overtook}: Announcement): void {
    const ints = this.#ints;
    const sequence = Atomics.load(ints, ANNOUNCEMENT_INT);
    writeControl(barrier, this.#scratch, 0);
    Atomics.store(ints, ANNOUNCEMENT_INT, (sequence + 1) | 0);
    Atomics.store(ints, POSITION, position);
    Atomics.store(ints, OVERTOOK, overtook ? 1 : 0);
    for (let index = 0; index < FIELD_COUNT; index += 1) {
      Atomics.store(ints, FIELDS + index, this.#scratch.ints[index]!);
    }
    Atomics.store(ints, ANNOUNCEMENT_INT, (sequence + 2) | 0);
  }
}

export class AnnouncementReader {
  readonly #ints: Int32Array;
  readonly #scratch = viewBytes(new ArrayBuffer(padded(BARRIER_BYTES)));
  #sequence = 0;

  constructor(ring: Ring) {
    this.#ints = ring.views.ints;
  }

  /** The newest announcement, unless it was read before or is just being written. */
  read(): Announcement | null {
    const ints = this.#ints;
    const sequence = Atomics.load(ints, ANNOUNCEMENT_INT);
    if (sequence === this.#sequence || (sequence & 1) === 1) return null;
    const position = Atomics.load(ints, POSITION);
    const overtook = Atomics.load(ints, OVERTOOK) === 1;
    for (let index = 0; index < FIELD_COUNT; index += 1) {
      this.#scratch.ints[index] = Atomics.load(ints, FIELDS + index);
    }
    if (Atomics.load(ints, ANNOUNCEMENT_INT) !== sequence) return null;
    this.#sequence = sequence;
    const barrier = readControl(MESSAGE_KINDS.barrier, this.#scratch, 0);
    assert(barrier.kind === 'barrier', 'an announcement is of a barrier');
    return {barrier, position, overtook};
  }
}
