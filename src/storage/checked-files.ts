// State files that hand out no byte which was not compared with its CRC, behind the ordinary calls of a file: for readers that
// jump about in a file, and come back for other parts of it. A chunk is read and compared whole the first time; the CRC of each
// of its blocks is kept then, so that of a chunk that was seen only the blocks that are asked for are read again, and compared.

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
/** Divides a chunk. Four bytes are kept for each of them: of 1 GiB of files, 256 KiB. */
const BLOCK_BYTES = 16 * 1024;
const CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES;

/**
 * Opens only what `states` name in the checkpoint in `directory`, as often as it is asked for. A file of another length, or with
 * a chunk that is not what was written, is CHECKPOINT_DAMAGED with its offset; a file that is gone is ENOENT. `onRead` is told of
 * each byte once, however often it is read.
 */
export function checkedFiles(
  files: FileSystem,
  directory: string,
  states: readonly FileState[],
  onRead: (bytes: number) => void = () => undefined,
): FileOpener {
  const own = checkpointFiles(files, directory);
  const byPath = new Map(
    states.map((state) => [stateFileAt(directory, state.path), new SeenChunks(state)]),
  );
  return {
    async openForRead(path) {
      const seen = byPath.get(path);
      if (seen === undefined) throw new EngineError('UNEXPECTED', `${path} is not to be read`);
      const {state} = seen;
      const handle = await own.openForRead(path);
      const {size} = await handle.status();
      if (size === state.length) return new CheckedHandle(handle, path, seen, onRead);
      await handle.close();
      throw damagedAt(path, Math.min(size, state.length), {
        expected: `${state.length} bytes`,
        found: `${size} bytes`,
      });
    },
  };
}

/** Of one file: the chunks that were compared, and the CRCs of their blocks. */
class SeenChunks {
  readonly state: FileState;
  readonly #isSeen: Uint8Array;
  readonly #blockCrcs: Uint32Array;

  constructor(state: FileState) {
    this.state = state;
    this.#isSeen = new Uint8Array(Math.ceil(state.length / CHUNK_BYTES));
    this.#blockCrcs = new Uint32Array(Math.ceil(state.length / BLOCK_BYTES));
  }

  has(index: number): boolean {
    return this.#isSeen[index] === 1;
  }

  /** False: it was added before. */
  add(index: number, bytes: Uint8Array): boolean {
    if (this.has(index)) return false;
    this.#isSeen[index] = 1;
    for (let block = 0; block * BLOCK_BYTES < bytes.length; block += 1) {
      this.#blockCrcs[index * CHUNK_BLOCKS + block] = crc32(blockOf(bytes, block));
    }
    return true;
  }

  crcOf(block: number): number {
    return this.#blockCrcs[block] ?? 0;
  }
}

/** Some neighbouring blocks of a file. */
interface Blocks {
  readonly at: number;
  readonly bytes: Uint8Array;
}

class CheckedHandle implements FileHandle {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #state: FileState;
  readonly #seen: SeenChunks;
  readonly #onRead: (bytes: number) => void;
  /** By index, the one that was used last behind the others. */
  readonly #chunks = new Map<number, Promise<Uint8Array>>();
  /** That were read last: a head is read before what it is the head of. */
  #blocks: Blocks = {at: 0, bytes: new Uint8Array(0)};

  constructor(handle: FileHandle, path: string, seen: SeenChunks, onRead: (bytes: number) => void) {
    this.#handle = handle;
    this.#path = path;
    this.#state = seen.state;
    this.#seen = seen;
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
      const chunkEnd = Math.min(this.#state.length, (index + 1) * CHUNK_BYTES);
      const part = await this.#part(index, at, Math.min(end, chunkEnd));
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

  /** Bytes [start, end) of the file, which lie in one chunk. */
  async #part(index: number, start: number, end: number): Promise<Uint8Array> {
    if (this.#chunks.has(index) || !this.#seen.has(index)) {
      const chunk = await this.#chunk(index);
      const from = index * CHUNK_BYTES;
      return chunk.subarray(start - from, end - from);
    }
    const {at, bytes} = isIn(this.#blocks, start, end)
      ? this.#blocks
      : await this.#readBlocks(start, end);
    return bytes.subarray(start - at, end - at);
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
    const bytes = await this.#read(offset, CHUNK_BYTES);
    this.#compare(bytes, offset, {size: CHUNK_BYTES, crc: this.#state.chunkCrcs[index] ?? 0});
    if (this.#seen.add(index, bytes)) this.#onRead(bytes.length);
    return bytes;
  }

  /** The blocks of a chunk that was seen with bytes [start, end). */
  async #readBlocks(start: number, end: number): Promise<Blocks> {
    const first = Math.floor(start / BLOCK_BYTES);
    const count = Math.ceil(end / BLOCK_BYTES) - first;
    const at = first * BLOCK_BYTES;
    const bytes = await this.#read(at, count * BLOCK_BYTES);
    for (let block = 0; block < count; block += 1) {
      const part = blockOf(bytes, block);
      const offset = at + block * BLOCK_BYTES;
      this.#compare(part, offset, {size: BLOCK_BYTES, crc: this.#seen.crcOf(first + block)});
    }
    this.#blocks = {at, bytes};
    return this.#blocks;
  }

  /** Fewer bytes at the end of the file. */
  async #read(offset: number, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(size, this.#state.length - offset));
    try {
      const count = await this.#handle.read(bytes, 0, bytes.length, offset);
      return bytes.subarray(0, count);
    } catch (error) {
      throw systemErrorCode(error) === null ? error : storageFailed('reading', this.#path, error);
    }
  }

  /** `size`: of `bytes`, where the file does not end. */
  #compare(
    bytes: Uint8Array,
    offset: number,
    {size, crc}: {readonly size: number; readonly crc: number},
  ): void {
    const length = Math.min(size, this.#state.length - offset);
    const [expected, found] = [hexCrc(crc), hexCrc(crc32(bytes))];
    if (bytes.length !== length || found !== expected) {
      throw damagedAt(this.#path, offset, {expected, found});
    }
  }
}

function isIn({at, bytes}: Blocks, start: number, end: number): boolean {
  return start >= at && end <= at + bytes.length;
}

function blockOf(bytes: Uint8Array, block: number): Uint8Array {
  return bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
}
