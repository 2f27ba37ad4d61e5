// Which files of `shared/` are needed, and by whom. Pure; one per generation, which alone changes what lies there.
//
// A file is needed while a published checkpoint names it or an attempt under way may refer to it. An attempt may refer
// to what was published when it began, or has been since, and to what it brings itself: it is registered before
// anybody looks into `shared/`. Files that an attempt brought and that was given up are needed by nobody, unless they
// were there before.
//
// Files are named by their SHA-256.

import {assert, must} from '../base/assert.ts';

/** By name, in bytes. */
export type SharedFiles = ReadonlyMap<string, number>;

interface Attempt {
  /** Of checkpoints that were published when it began, or since. */
  readonly completed: Set<string>;
  readonly brought: Set<string>;
}

export class SharedReferences {
  readonly #present = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #spared = new Set<string>();
  /** By checkpoint: names, and the bytes of each. */
  readonly #published = new Map<number, SharedFiles>();
  readonly #attempts = new Map<number, Attempt>();
  /** Of those that were published since the generation began. */
  #newest: number | null = null;

  /** It lies in `shared/`, or may. */
  found(name: string): void {
    this.#present.add(name);
  }

  begun(checkpointId: number): void {
    assert(!this.#attempts.has(checkpointId), `attempt ${checkpointId} begins once`);
    const completed = new Set([...this.#published.values()].flatMap((files) => [...files.keys()]));
    this.#attempts.set(checkpointId, {completed, brought: new Set()});
  }

  /** What the attempt brings itself; the files may be there or not. */
  brings(checkpointId: number, names: Iterable<string>): void {
    const {brought} = must(this.#attempts.get(checkpointId), `attempt ${checkpointId}`);
    for (const name of names) {
      brought.add(name);
      this.#present.add(name);
    }
  }

  mayRefer(checkpointId: number, name: string): boolean {
    return this.#attempts.get(checkpointId)?.completed.has(name) === true;
  }

  /** What one that begins now will refer to at most: what the newest has; before there is one in this generation, what any has. */
  referable(): SharedFiles {
    const newest = this.#newest === null ? undefined : this.#published.get(this.#newest);
    if (newest !== undefined) return newest;
    return new Map([...this.#published.values()].flatMap((files) => [...files]));
  }

  /** Nothing can be published of it any more; repeating it is fine. */
  ended(checkpointId: number): void {
    this.#attempts.delete(checkpointId);
    // Its rename may have been seen before it was taken back.
    this.#published.delete(checkpointId);
  }

  published(checkpointId: number, files: SharedFiles): void {
    this.learnt(checkpointId, files);
    this.#newest = checkpointId;
    this.#attempts.delete(checkpointId);
    for (const {completed} of this.#attempts.values()) {
      for (const name of files.keys()) completed.add(name);
    }
  }

  /** It is there, and was read. */
  learnt(checkpointId: number, files: SharedFiles): void {
    this.#published.set(checkpointId, files);
  }

  /** It cannot come back. */
  deleted(checkpointId: number): void {
    this.#published.delete(checkpointId);
  }

  /** It stays although nobody needs it: it may be too young to be sure. */
  spare(name: string): void {
    this.#spared.add(name);
  }

  /** Of those that are there, what nobody needs. */
  unreferenced(): readonly string[] {
    const needed = new Set<string>();
    const need = (names: Iterable<string>): void => {
      for (const name of names) needed.add(name);
    };
    for (const files of this.#published.values()) need(files.keys());
    for (const {completed, brought} of this.#attempts.values()) {
      need(completed);
      need(brought);
    }
    return [...this.#present].filter((name) => !needed.has(name) && !this.#spared.has(name));
  }

  /** What nobody needs goes: until `left` says so for each, it is neither there nor gone. */
  takeUnreferenced(): readonly string[] {
    const names = this.unreferenced();
    for (const name of names) {
      this.#present.delete(name);
      this.#leaving.add(name);
    }
    return names;
  }

  isLeaving(name: string): boolean {
    return this.#leaving.has(name);
  }

  /** `gone`: false when that is not known. */
  left(name: string, gone: boolean): void {
    this.#leaving.delete(name);
    if (!gone) this.#present.add(name);
  }
}
