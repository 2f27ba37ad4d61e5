// Writes one state file with its checksums. Layout: whatever is appended, nothing before or behind it.

import {crc32 as crcOf} from 'node:zlib';

import {assert} from '../base/assert.ts';
import {sha256} from '../base/checksum.ts';
import {closeQuietly, writeDurableFile} from './durable-file.ts';
import type {FileHandle, FileSystem} from './file-system.ts';
import {CHUNK_BYTES, type StateFileSummary} from './state-chunks.ts';

/** Checksums over what was appended; knows nothing of files. */
export class RunningChecksums {
  readonly #digest = sha256();
  readonly #chunkCrcs: number[] = [];
  #length = 0;
  #crc = 0;

  update(bytes: Uint8Array): void {
    this.#digest.update(bytes);
    for (let offset = 0; offset < bytes.length;) {
      const room = CHUNK_BYTES - (this.#length % CHUNK_BYTES);
      const part = bytes.subarray(offset, offset + room);
      this.#crc = crcOf(part, this.#crc);
      this.#length += part.length;
      offset += part.length;
      if (this.#length % CHUNK_BYTES === 0) this.#endChunk();
    }
  }

  finish(): StateFileSummary {
    if (this.#length % CHUNK_BYTES !== 0) this.#endChunk();
    return {length: this.#length, sha256: this.#digest.digest('hex'), chunkCrcs: this.#chunkCrcs};
  }

  #endChunk(): void {
    this.#chunkCrcs.push(this.#crc);
    this.#crc = 0;
  }
}

/** Use in this order: `append`*, then `finish` or `discard`, once. A failed call ends its use. */
export class StateFileWriter {
  readonly #handle: FileHandle;
  readonly #checksums = new RunningChecksums();
  #open = true;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** `bytes` may be reused once it has resolved. */
  async append(bytes: Uint8Array): Promise<void> {
    assert(this.#open, 'append to a finished state file');
    this.#checksums.update(bytes);
    await this.#handle.append(bytes);
  }

  /** Syncs and closes. The entry in the directory is synced by the publish. */
  async finish(): Promise<StateFileSummary> {
    assert(this.#open, 'a state file is finished once');
    this.#open = false;
    try {
      await this.#handle.sync();
    } catch (error) {
      await closeQuietly(this.#handle);
      throw error;
    }
    await this.#handle.close();
    return this.#checksums.finish();
  }

  /** After a failure: closes without a sync. */
  async discard(): Promise<void> {
    this.#open = false;
    await closeQuietly(this.#handle);
  }
}

/** Starts a new file; EEXIST when it is there. Its directory exists. */
export async function createStateFile(files: FileSystem, path: string): Promise<StateFileWriter> {
  return new StateFileWriter(await files.createNew(path));
}

/**
 * Writes a whole state file. `produce` appends all of it; it is called a second time, for a new file of
 * the same name, when the first one's sync failed.
 */
export async function writeStateFile(
  files: FileSystem,
  path: string,
  produce: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<StateFileSummary> {
  let checksums = new RunningChecksums();
  await writeDurableFile(files, path, async (handle) => {
    checksums = new RunningChecksums();
    await produce(async (bytes) => {
      checksums.update(bytes);
      await handle.append(bytes);
    });
  });
  return checksums.finish();
}
