// State files that hand out no byte of a chunk which was not compared with its CRC, behind the ordinary calls of a file: for
// readers that jump about in a file, and read it once.

import {crc32} from '../base/checksum.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileHandle, FileStatus, FileSystem} from './file-system.ts';
import {checkpointFiles, type FileOpener} from './open-below.ts';
import {stateFileAt} from './paths.ts';
import {CHUNK_BYTES} from './state-chunks.ts';
import {damagedAt, hexCrc} from './state-file-reader.ts';
import {storageFailed} from './storage-error.ts';

/** In memory for each open file: what a reader of neighbouring places comes back to. */
const CHUNKS_KEPT = 4;

/**
 * Opens only what `states` name in the checkpoint in `directory`. A file of another length, or with a chunk that is not what
 * was written, is CHECKPOINT_DAMAGED with its offset; a file that is gone is ENOENT.
 */
export function checkedFiles(
  files: FileSystem,
  directory: string,
  states: readonly FileState[],
  onRead: (bytes: number) => void = () => undefined,
): FileOpener {
  const own = checkpointFiles(files, directory);
  const byPath = new Map(states.map((state) => [stateFileAt(directory, state.path), state]));
  return {
    async openForRead(path) {
      const state = byPath.get(path);
      if (state === undefined) throw new EngineError('UNEXPECTED', `${path} is not to be read`);
      const handle = await own.openForRead(path);
      const {size} = await handle.status();
      if (size === state.length) return new CheckedHandle(handle, path, state, onRead);
      await handle.close();
      throw damagedAt(path, Math.min(size, state.length), {
        expected: `${state.length} bytes`,
        found: `${size} bytes`,
      });
    },
  };
}

class CheckedHandle implements FileHandle {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #state: FileState;
  readonly #onRead: (bytes: number) => void;
  /** By index, the one that was used last behind the others. */
  readonly #chunks = new Map<number, Promise<Uint8Array>>();

  constructor(handle: FileHandle, path: string, state: FileState, onRead: (bytes: number) => void) {
    this.#handle = handle;
    this.#path = path;
    this.#state = state;
    this.#onRead = onRead;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    const end = Math.min(position + length, this.#state.length);
    let at = position;
    while (at < end) {
      const index = Math.floor(at / CHUNK_BYTES);
      const chunk = await this.#chunk(index);
      const from = at - index * CHUNK_BYTES;
      const part = chunk.subarray(from, Math.min(chunk.length, from + end - at));
      buffer.set(part, offset + at - position);
      at += part.length;
    }
    return Math.max(0, end - position);
  }

  async append(): Promise<void> {
    return Promise.reject(new EngineError('UNEXPECTED', `${this.#path} is open for reading`));
  }

  async sync(): Promise<void> {
    return this.append();
  }

  async status(): Promise<FileStatus> {
    return this.#handle.status();
  }

  async close(): Promise<void> {
    // What was read ahead must not meet a closed file.
    await Promise.allSettled(this.#chunks.values());
    await this.#handle.close();
  }

  async #chunk(index: number): Promise<Uint8Array> {
    const known = this.#chunks.get(index);
    if (known !== undefined) {
      this.#chunks.delete(index);
      this.#chunks.set(index, known);
      return known;
    }
    const chunk = this.#readChunk(index);
    this.#chunks.set(index, chunk);
    const [oldest] = this.#chunks.keys();
    if (this.#chunks.size > CHUNKS_KEPT && oldest !== undefined) this.#chunks.delete(oldest);
    return chunk;
  }

  async #readChunk(index: number): Promise<Uint8Array> {
    const offset = index * CHUNK_BYTES;
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, this.#state.length - offset));
    let count: number;
    try {
      count = await this.#handle.read(bytes, 0, bytes.length, offset);
    } catch (error) {
      throw systemErrorCode(error) === null ? error : storageFailed('reading', this.#path, error);
    }
    const expected = hexCrc(this.#state.chunkCrcs[index] ?? 0);
    const found = hexCrc(crc32(bytes.subarray(0, count)));
    if (count !== bytes.length || found !== expected) {
      throw damagedAt(this.#path, offset, {expected, found});
    }
    this.#onRead(count);
    return bytes;
  }
}
