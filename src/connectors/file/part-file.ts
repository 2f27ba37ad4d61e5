// One part file while it is written: blocks go out in order in the background, the SHA-256 runs along.
//
// A failed sync: the kernel may have dropped the pages, so the descriptor is never synced again and the
// file is not read back. Up to REWRITE_BYTES_MAX the part's bytes are kept, and are written once more into
// a new file; a larger part, or a second failure, fails the attempt (STORAGE_FAILED), and with it the
// writer: the rows are made again from the last checkpoint.

import {join} from 'node:path';
import {must} from '../../base/assert.ts';
import {sha256} from '../../base/checksum.ts';
import type {ByteBuffer} from '../../formats/byte-buffer.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';

/** Bytes of one unfinished part that are kept in memory. */
export const REWRITE_BYTES_MAX = 8_388_608;

export interface PartFileOptions {
  readonly files: FileSystem;
  /** Operator uid, for errors. */
  readonly sink: string;
  readonly directory: string;
  /** A name that was never used. */
  readonly newTemporaryName: () => string;
  /** The block may be filled again. */
  readonly recycle: (block: ByteBuffer) => void;
}

/** What is durable under the temporary name, but for the entry in the directory. */
export interface FinishedPart {
  readonly temporary: string;
  readonly size: number;
  readonly sha256: string;
}

export class PartFile {
  readonly #options: PartFileOptions;
  readonly #hash = sha256();
  #temporary: string;
  #handle: FileHandle | null = null;
  #size = 0;
  /** Null: the part is too large to be written again. */
  #kept: ByteBuffer[] | null = [];
  #pending = 0;
  #tail: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(options: PartFileOptions) {
    this.#options = options;
    this.#temporary = options.newTemporaryName();
  }

  /** Bytes given so far. */
  get size(): number {
    return this.#size;
  }

  /** Bytes given and not written yet. */
  get pending(): number {
    return this.#pending;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** The block is the part's until it is recycled. */
  append(block: ByteBuffer): void {
    this.#size += block.length;
    this.#pending += block.length;
    this.#background(async () => this.#write(block));
  }

  /** Resolves when everything given so far is written, or failed. */
  async drained(): Promise<void> {
    await this.#tail;
  }

  /** Syncs and closes. Nothing is appended after it. */
  async finish(): Promise<FinishedPart> {
    await this.#tail;
    if (this.#failure !== null) throw this.#failure;
    try {
      await this.#syncOrRewrite();
    } catch (error) {
      this.#failure = this.#failed('sync', error);
      throw this.#failure;
    }
    this.#release();
    return {temporary: this.#temporary, size: this.#size, sha256: this.#hash.digest('hex')};
  }

  /** After a failure or a stop: the file stays as it is. */
  async abandon(): Promise<void> {
    await this.#tail;
    await this.#handle?.close();
    this.#handle = null;
  }

  #background(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#failure !== null) return;
      try {
        await work();
      } catch (error) {
        this.#failure = this.#failed('write', error);
      }
    });
  }

  async #write(block: ByteBuffer): Promise<void> {
    const bytes = block.written();
    this.#handle ??= await this.#create();
    const written = this.#handle.append(bytes);
    // While the bytes are on their way.
    this.#hash.update(bytes);
    await written;
    this.#pending -= block.length;
    if (this.#kept !== null && this.#size <= REWRITE_BYTES_MAX) {
      this.#kept.push(block);
      return;
    }
    this.#release();
    this.#options.recycle(block);
  }

  async #syncOrRewrite(): Promise<void> {
    const handle = must(this.#handle, 'open part file');
    this.#handle = null;
    try {
      await handle.sync();
    } catch (error) {
      await closeQuietly(handle);
      if (this.#kept === null) throw error;
      await this.#rewrite(this.#kept);
      return;
    }
    await handle.close();
  }

  async #rewrite(blocks: readonly ByteBuffer[]): Promise<void> {
    const spoiled = this.#path();
    this.#temporary = this.#options.newTemporaryName();
    const handle = await this.#create();
    try {
      for (const block of blocks) await handle.append(block.written());
      await handle.sync();
    } catch (error) {
      await closeQuietly(handle);
      throw error;
    }
    await handle.close();
    await this.#options.files.unlink(spoiled);
  }

  async #create(): Promise<FileHandle> {
    return this.#options.files.createNew(this.#path());
  }

  #release(): void {
    for (const block of this.#kept ?? []) this.#options.recycle(block);
    this.#kept = null;
  }

  #path(): string {
    return join(this.#options.directory, this.#temporary);
  }

  #failed(action: string, error: unknown): Error {
    return storageError(this.#options.sink, action, this.#path(), error);
  }
}

async function closeQuietly(handle: FileHandle): Promise<void> {
  try {
    await handle.close();
  } catch {
    // The failed write or sync before it is the one to report.
  }
}
