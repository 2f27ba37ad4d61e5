// Everything that goes wrong, by seed. A seed switches some kinds of fault on and draws how often each
// comes: many kinds at once hide each other, so that each must have runs in which it is nearly alone.

import type {Draw} from './draw.ts';

/** Each with the range that its rate is drawn from, by orders of magnitude. */
const RATES = {
  // What ends or stops a process; per round of the run.
  kill: [0.2, 0.9],
  'power-loss': [0.1, 0.8],
  zombie: [0.2, 0.8],
  'double-start': [0.2, 0.8],
  'restore-older': [0.5, 1],
  // Per process.
  interrupt: [0.1, 0.7],
  // Per task thread.
  'thread-death': [0.1, 0.7],
  'thread-hang': [0.1, 0.7],
  'thread-slow': [0.2, 0.9],
  // Per start of a process that has an earlier run behind it.
  rescale: [0.3, 1],
  // Per call of the file system.
  'sync-error': [0.002, 0.1],
  'reply-lost': [0.0005, 0.01],
  'io-error': [0.0002, 0.01],
  // Windows of time; per virtual second.
  'no-space': [0.05, 0.5],
  'slow-storage': [0.05, 0.5],
  'clock-jump': [0.1, 1],
  // Per message of the kind.
  'acknowledge-lost': [0.01, 0.2],
  'acknowledge-late': [0.02, 0.4],
  'acknowledge-doubled': [0.02, 0.4],
  'notice-lost': [0.02, 0.9],
  'notice-late': [0.02, 0.4],
  'notice-doubled': [0.02, 0.4],
} as const satisfies Record<string, readonly [number, number]>;

export type FaultKind = keyof typeof RATES;
export const FAULT_KINDS = Object.keys(RATES) as readonly FaultKind[];

/** Of the kinds, how many a seed switches on. */
const SHARE_ON = 0.3;

/** What becomes of one call of the file system. */
export interface CallFate {
  /** Until it happens. */
  readonly millis: number;
  readonly fault:
    | null
    | {readonly kind: 'fail'; readonly code: string}
    /** It happens, and the caller is told that it did not. */
    | {readonly kind: 'reply-lost'; readonly code: string};
}

export type MessageFate =
  | {readonly kind: 'deliver'}
  | {readonly kind: 'lose'}
  | {readonly kind: 'late'; readonly millis: number}
  | {readonly kind: 'double'};

/** Calls that change the disk; only these run out of space, and only their lost replies matter. */
const WRITES: ReadonlySet<string> = new Set([
  'createNew',
  'makeDirectory',
  'append',
  'rename',
  'link',
  'unlink',
  'removeDirectory',
]);
const NEED_SPACE: ReadonlySet<string> = new Set(['createNew', 'makeDirectory', 'append', 'link']);

interface FaultWindow {
  kind: 'no-space' | 'slow-storage' | null;
  until: number;
}

export class Faults {
  readonly fired = new Map<FaultKind, number>();
  readonly #draw: Draw;
  readonly #rates = new Map<FaultKind, number>();
  readonly #latencyMillis: number;
  readonly #window: FaultWindow = {kind: null, until: 0};
  #slowFactor = 1;
  /** False: from here on everything works. */
  active = true;

  /** `featured`: this kind comes, and often. */
  constructor(draw: Draw, featured: FaultKind) {
    this.#draw = draw;
    for (const kind of FAULT_KINDS) {
      const [least, most] = RATES[kind];
      const rate = draw.logarithmic(least, most);
      if (draw.chance(SHARE_ON)) this.#rates.set(kind, rate);
    }
    this.#rates.set(featured, RATES[featured][1]);
    // There is something to be restored only where a run ended before its end.
    if (featured === 'restore-older') this.#rates.set('kill', RATES.kill[1]);
    this.#latencyMillis = draw.logarithmic(0.02, 1);
  }

  get kinds(): readonly FaultKind[] {
    return [...this.#rates.keys()];
  }

  /** Whether a fault of this kind is drawn; whoever lets it happen counts it. */
  isComing(kind: FaultKind): boolean {
    const rate = this.#rates.get(kind);
    return this.active && rate !== undefined && this.#draw.chance(rate);
  }

  /** Whether a fault of this kind comes now; counted when it does. */
  strikes(kind: FaultKind): boolean {
    const comes = this.isComing(kind);
    if (comes) this.count(kind);
    return comes;
  }

  count(kind: FaultKind): void {
    this.fired.set(kind, (this.fired.get(kind) ?? 0) + 1);
  }

  onCall(name: string, now: number): CallFate {
    const millis = this.#draw.between(0.2, 2) * this.#latencyMillis;
    if (!this.active) return {millis, fault: null};
    this.#moveWindow(now);
    if (this.#window.kind === 'slow-storage') {
      this.count('slow-storage');
      return {millis: millis * this.#slowFactor, fault: this.#faultOf(name)};
    }
    return {millis, fault: this.#faultOf(name)};
  }

  onAcknowledge(): MessageFate {
    return this.#onMessage('acknowledge-lost', 'acknowledge-late', 'acknowledge-doubled');
  }

  onNotice(): MessageFate {
    return this.#onMessage('notice-lost', 'notice-late', 'notice-doubled');
  }

  #faultOf(name: string): CallFate['fault'] {
    if (NEED_SPACE.has(name) && this.#window.kind === 'no-space' && this.#draw.chance(0.7)) {
      this.count('no-space');
      return {kind: 'fail', code: 'ENOSPC'};
    }
    const isSync = name === 'sync' || name === 'syncDirectory';
    if (isSync && this.strikes('sync-error')) return {kind: 'fail', code: 'EIO'};
    if (WRITES.has(name) && this.strikes('reply-lost')) return {kind: 'reply-lost', code: 'EIO'};
    // Asked only for a warning, and not allowed to fail yet: the run would end with 1.
    if (this.strikes('io-error')) return {kind: 'fail', code: 'EIO'};
    return null;
  }

  /** One window after another, with well time in between. */
  #moveWindow(now: number): void {
    const window = this.#window;
    if (now < window.until) return;
    window.until = now + this.#draw.logarithmic(20, 3000);
    window.kind = null;
    const seconds = (window.until - now) / 1000;
    for (const kind of ['no-space', 'slow-storage'] as const) {
      const rate = this.#rates.get(kind);
      if (rate !== undefined && this.#draw.chance(Math.min(0.5, rate * seconds + rate / 4))) {
        window.kind = kind;
      }
    }
    this.#slowFactor = this.#draw.logarithmic(20, 3000);
  }

  #onMessage(lost: FaultKind, late: FaultKind, doubled: FaultKind): MessageFate {
    if (this.strikes(lost)) return {kind: 'lose'};
    if (this.strikes(late)) return {kind: 'late', millis: this.#draw.logarithmic(1, 2000)};
    if (this.strikes(doubled)) return {kind: 'double'};
    return {kind: 'deliver'};
  }
}
