// A state file while it is written: bytes go to the file system's own threads in large pieces, and this
// thread hashes a piece while it is being written.

import {closeQuietly} from '../storage/durable-file.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {FileHandle, FileSystem} from '../storage/file-system.ts';
import type {StateFileSummary} from '../storage/state-chunks.ts';
import {RunningChecksums} from '../storage/state-file-writer.ts';

/** Written bytes are synced behind so many, so that the disk is not idle until the end. */
const SYNC_BYTES = 32 * 1024 * 1024;
/** Pieces that may wait for the disk. */
const PENDING_MAX = 2;

export class StateFile {
  readonly #handle: FileHandle;
  readonly #checksums = new RunningChecksums();
  #unsynced = 0;
  readonly #pending: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /**
   * Resolves when it may be called again; `bytes` must stay as they are until PENDING_MAX further calls
   * have resolved, or `finish`.
   */
  async append(bytes: Uint8Array): Promise<void> {
    while (this.#pending.length >= PENDING_MAX) await this.#pending.shift();
    this.#unsynced += bytes.length;
    const syncs = this.#unsynced >= SYNC_BYTES;
    if (syncs) this.#unsynced = 0;
    this.#last = this.#last.then(async () => {
      await this.#handle.append(bytes);
      if (syncs) await this.#handle.sync();
    });
    // Whoever awaits it gets the error; nobody may be awaiting it yet.
    this.#last.catch(() => undefined);
    this.#pending.push(this.#last);
    this.#checksums.update(bytes);
  }

  /** Synced and closed when it resolves. */
  async finish(): Promise<StateFileSummary> {
    await this.#last;
    await this.#handle.sync();
    await this.#handle.close();
    return this.#checksums.finish();
  }

  /** After a failure: waits for what is being written, then closes. */
  async abandon(): Promise<void> {
    await Promise.allSettled([this.#last]);
    await closeQuietly(this.#handle);
  }
}

/** `<uid>/` of an attempt: whoever writes the first file there makes it. */
export async function makeStateDirectory(files: FileSystem, path: string): Promise<void> {
  try {
    await files.makeDirectory(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}
