const utf8 = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** The wanted columns by their paths: what to do with the value of a key, and with the keys below it. */
export class PathNode {
  /** Columns whose path ends here. */
  readonly columns: number[] = [];
  /** Columns whose path goes on below. */
  readonly inner: number[] = [];
  /** Both. */
  readonly below: number[] = [];
  readonly #children = new Map<string, PathNode>();
  /** Children by a hash of length and two bytes; built when complete. */
  #slots: (readonly Entry[])[] = [];

  /** Column i has the path paths[i]. */
  static of(paths: readonly (readonly string[])[]): PathNode {
    const root = new PathNode();
    paths.forEach((path, index) => root.#add(path, 0, index));
    root.#build();
    return root;
  }

  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /** The child of the key between the quotes at bytes[start, end), with or without escapes. */
  find(bytes: Uint8Array, start: number, end: number, escaped: boolean): PathNode | null {
    const slot = this.#slots[hash(bytes, start, end) & (this.#slots.length - 1)];
    if (slot !== undefined) {
      for (const entry of slot) if (entry.matches(bytes, start, end)) return entry.node;
    }
    if (!escaped) return null;
    const key = JSON.parse(`"${utf8Decoder.decode(bytes.subarray(start, end))}"`) as string;
    return this.#children.get(key) ?? null;
  }

  #add(path: readonly string[], depth: number, column: number): void {
    this.below.push(column);
    const key = path[depth];
    if (key === undefined) {
      this.columns.push(column);
      return;
    }
    this.inner.push(column);
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new PathNode();
      this.#children.set(key, child);
    }
    child.#add(path, depth + 1, column);
  }

  #build(): void {
    let size = 4;
    while (size < this.#children.size * 2) size *= 2;
    const slots: Entry[][] = Array.from({length: size}, () => []);
    for (const [key, node] of this.#children) {
      const bytes = utf8.encode(key);
      slots[hash(bytes, 0, bytes.length) & (size - 1)]!.push(new Entry(bytes, node));
      node.#build();
    }
    this.#slots = slots;
  }
}

class Entry {
  readonly node: PathNode;
  readonly #key: Uint8Array;

  constructor(key: Uint8Array, node: PathNode) {
    this.#key = key;
    this.node = node;
  }

  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const key = this.#key;
    if (key.length !== end - start) return false;
    for (let index = 0; index < key.length; index += 1) {
      if (key[index] !== bytes[start + index]) return false;
    }
    return true;
  }
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  return start === end ? 0 : (end - start) * 7 + bytes[start]! * 31 + bytes[end - 1]!;
}
