import type {JsonValue} from '../base/json.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds the end of an array element that is not JSON or is too long: the comma or bracket at its own
 * level, by counting brackets outside strings. A string also ends at a line break, which JSON does not
 * allow in it, so that a forgotten quote does not take the following lines with it. Goes on in the next
 * piece of input where it stopped.
 */
export class ElementSkipper {
  #depth = 0;
  #inString = false;
  #escaped = false;

  begin(): this {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    return this;
  }

  /** The position of what ends the element, or `end`. */
  skip(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at]!;
      if (this.#inString) this.#stepInString(byte);
      else if (this.#endsAt(byte)) return at;
    }
    return end;
  }

  snapshot(): JsonValue {
    return {depth: this.#depth, inString: this.#inString, escaped: this.#escaped};
  }

  restore(snapshot: JsonValue): void {
    const {depth, inString, escaped} = (snapshot ?? {}) as Record<string, JsonValue>;
    this.#depth = typeof depth === 'number' ? depth : 0;
    this.#inString = inString === true;
    this.#escaped = escaped === true;
  }

  #stepInString(byte: number): void {
    if (byte === 0x0a) {
      this.#inString = false;
      this.#escaped = false;
    } else if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  #endsAt(byte: number): boolean {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        return false;
      case 0x7b:
      case 0x5b:
        this.#depth += 1;
        return false;
      case 0x2c:
        return this.#depth === 0;
      case 0x7d:
      case 0x5d:
        if (this.#depth === 0) return byte === 0x5d;
        this.#depth -= 1;
        return false;
      default:
        return false;
    }
  }
}
