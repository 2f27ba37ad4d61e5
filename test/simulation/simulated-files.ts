// The disk as one thread of one simulated process sees it. A call happens in one event and is answered in a
// later one; in between, whoever called may be gone. A call of a process that dies is, by chance, still
// carried out: the kernel had it already.

import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from '#src/storage/file-system.js';
import type {Actor, SimulatedEvent} from './scheduler.ts';
import type {World} from './world.ts';

export class SimulatedFiles implements FileSystem {
  readonly #world: World;
  /** Gets the answers. */
  readonly #caller: Actor;
  /** Calls that have not happened yet. */
  readonly inFlight = new Set<SimulatedEvent>();
  /** End records that it made, and that no fault kept it from taking away. */
  readonly ends = new Set<string>();

  constructor(world: World, caller: Actor) {
    this.#world = world;
    this.#caller = caller;
  }

  async openForRead(path: string): Promise<FileHandle> {
    return this.#handle(
      path,
      await this.#call('openForRead', path, async (disk) => disk.openForRead(path)),
    );
  }

  async createNew(path: string): Promise<FileHandle> {
    return this.#handle(
      path,
      await this.#call('createNew', path, async (disk) => disk.createNew(path)),
    );
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#call('makeDirectory', path, async (disk) => disk.makeDirectory(path));
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#call('list', path, async (disk) => disk.list(path));
  }

  async status(path: string): Promise<FileStatus> {
    return this.#call('status', path, async (disk) => disk.status(path));
  }

  async rename(source: string, target: string): Promise<void> {
    await this.#call(
      'rename',
      source,
      async (disk) => disk.rename(source, target),
      () => this.#world.watch.renamed(source, target, this.#caller),
    );
  }

  async link(source: string, target: string): Promise<void> {
    await this.#call(
      'link',
      target,
      async (disk) => disk.link(source, target),
      () => {
        if (target.endsWith('.end')) this.ends.add(target);
        this.#world.watch.linked(source, target, this.#caller);
      },
    );
  }

  async unlink(path: string): Promise<void> {
    await this.#call(
      'unlink',
      path,
      async (disk) => disk.unlink(path),
      () => this.#world.watch.unlinked(path),
    );
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#call('removeDirectory', path, async (disk) => disk.removeDirectory(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call('syncDirectory', path, async (disk) => disk.syncDirectory(path));
  }

  async freeBytes(path: string): Promise<number> {
    return this.#call('freeBytes', path, async (disk) => disk.freeBytes(path));
  }

  #handle(path: string, inner: FileHandle): FileHandle {
    return {
      location: () => inner.location?.() ?? null,
      read: async (buffer, offset, length, position) =>
        this.#call('read', path, async () => inner.read(buffer, offset, length, position)),
      append: async (bytes) => this.#call('append', path, async () => inner.append(bytes)),
      sync: async () => this.#call('sync', path, async () => inner.sync()),
      status: async () => this.#call('handle.status', path, async () => inner.status()),
      close: async () => this.#call('close', path, async () => inner.close()),
    };
  }

  async #call<T>(
    name: string,
    path: string,
    act: (disk: World['disk']) => Promise<T>,
    happened: () => void = () => undefined,
  ): Promise<T> {
    const {scheduler, faults} = this.#world;
    const {millis, fault} = faults.onCall(name, scheduler.now);
    if (name === 'unlink' && fault?.kind === 'fail') this.ends.delete(path);
    this.#world.called(name, path, this.#caller);
    return new Promise<T>((resolve, reject) => {
      const answer = (what: string, then: () => void): void => {
        scheduler.after(this.#caller, millis / 4, what, then);
      };
      const happens = (): void => {
        this.inFlight.delete(event);
        const {disk} = this.#world;
        // The disk asks for it in the same event, before any other call.
        disk.options = {fault: () => fault};
        act(disk).then(
          (result) => {
            happened();
            answer('ok', () => resolve(result));
          },
          (thrown: unknown) => {
            const error = thrown instanceof Error ? thrown : new Error(String(thrown));
            if (fault?.kind === 'reply-lost' && codeOf(error) === fault.code) happened();
            answer(codeOf(error), () => reject(error));
          },
        );
      };
      const event = scheduler.after(this.#caller, millis, `${name} ${path}`, happens, true);
      this.inFlight.add(event);
    });
  }
}

function codeOf(error: unknown): string {
  const code: unknown = (error as {code?: unknown}).code;
  return typeof code === 'string' ? code : String(error);
}
