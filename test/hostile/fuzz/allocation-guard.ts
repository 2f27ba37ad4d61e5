// Watches how much memory is asked for at once: typed arrays and buffers whose length is a number that somebody computed.

const NAMES = [
  ...['ArrayBuffer', 'SharedArrayBuffer', 'Uint8Array', 'Int8Array', 'Uint8ClampedArray'],
  ...['Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array', 'Float32Array', 'Float64Array'],
  ...['BigInt64Array', 'BigUint64Array'],
] as const;
type Constructor = new (...args: unknown[]) => object;
const BUFFER_NAMES = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;

export class AllocationGuard {
  readonly #max: number;
  /** Bytes, of the largest since `reset`. */
  largest = 0;
  readonly #restore: (() => void)[] = [];

  /** More than `max` bytes at once are refused. */
  constructor(max: number) {
    this.#max = max;
    const global = globalThis as unknown as Record<string, Constructor>;
    for (const name of NAMES) {
      const original = global[name]!;
      const {BYTES_PER_ELEMENT: unit = 1} = original as {BYTES_PER_ELEMENT?: number};
      global[name] = this.#watched(original, unit);
      this.#restore.push(() => {
        global[name] = original;
      });
    }
    const buffer = Buffer as unknown as Record<
      string,
      (size: number, ...rest: unknown[]) => Buffer
    >;
    for (const name of BUFFER_NAMES) {
      const original = buffer[name]!;
      buffer[name] = (size, ...rest) => {
        this.#note(size);
        return original.call(Buffer, size, ...rest);
      };
      this.#restore.push(() => {
        buffer[name] = original;
      });
    }
  }

  reset(): void {
    this.largest = 0;
  }

  stop(): void {
    for (const restore of this.#restore) restore();
  }

  /** A function and no Proxy: what is watched is made hundreds of times for each mutation. */
  #watched(original: Constructor, unit: number): Constructor {
    const note = (bytes: number): void => this.#note(bytes);
    function watched(first?: unknown, second?: unknown, third?: unknown): object {
      if (typeof first === 'number') note(first * unit);
      const args = [first, second, third];
      if (new.target !== watched) return Reflect.construct(original, args, new.target) as object;
      return new original(first, second, third);
    }
    watched.prototype = original.prototype;
    return Object.setPrototypeOf(watched, original) as Constructor;
  }

  #note(bytes: number): void {
    if (!(bytes <= this.largest)) this.largest = bytes;
    if (!(bytes <= this.#max)) throw new Error(`a bound is broken: asks for ${bytes} bytes`);
  }
}
