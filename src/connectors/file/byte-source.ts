// The content of one split, in order, from wherever it lies: plain bytes, or gzip, told apart by the first
// two bytes and not by the name.

import {createGunzip, type Gunzip} from 'node:zlib';
import {EngineError} from '../../base/errors.ts';
import type {Timers} from '../../base/clock.ts';
import type {FileHandle} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';
import {closeFile} from './split-identity.ts';

/**
 * Compressed bytes per step: what they expand to is held in memory at once (deflate expands to at most
 * 1032 times its size), and what came before a damaged step is kept.
 */
const COMPRESSED_STEP_BYTES = 16_384;

export interface ByteSource {
  /** Fills `buffer` at `offset` with up to `length` bytes that follow; fewer only at the end or before damage. */
  read(buffer: Uint8Array, offset: number, length: number): Promise<number>;
  /** All was read. May be known only after a read that gave nothing. */
  atEnd(): boolean;
  close(): Promise<void>;
}

/** Of a file that is read up to `size`; `uid` (of the source) and `path` name it in errors. */
export interface SplitFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly uid: string;
  readonly path: string;
}

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

export class PlainBytes implements ByteSource {
  readonly #file: SplitFile;
  #position: number;

  constructor(file: SplitFile, position: number) {
    this.#file = file;
    this.#position = position;
  }

  async read(buffer: Uint8Array, offset: number, length: number): Promise<number> {
    const count = await readFully(this.#file, buffer, offset, length, this.#position);
    this.#position += count;
    return count;
  }

  atEnd(): boolean {
    return this.#position >= this.#file.size;
  }

  async close(): Promise<void> {
    await closeFile(this.#file);
  }
}

export class GunzippedBytes implements ByteSource {
  readonly #file: SplitFile;
  readonly #timers: Timers;
  readonly #gunzip: Gunzip = createGunzip();
  readonly #input = Buffer.alloc(COMPRESSED_STEP_BYTES);
  /** Expanded and not read yet, oldest first. */
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were read. */
  #used = 0;
  #position = 0;
  #error: Error | null = null;
  #ended = false;

  constructor(file: SplitFile, timers: Timers) {
    this.#file = file;
    this.#timers = timers;
    this.#gunzip.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#gunzip.on('error', (error) => (this.#error = error));
    this.#gunzip.on('end', () => (this.#ended = true));
  }

  async read(buffer: Uint8Array, offset: number, length: number): Promise<number> {
    let filled = 0;
    while (filled < length) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) {
        if (this.#ended) break;
        // What was expanded before the damage goes out first.
        if (this.#error !== null) {
          if (filled > 0) break;
          throw this.#damaged(this.#error);
        }
        await this.#expand();
        continue;
      }
      const count = Math.min(length - filled, chunk.length - this.#used);
      buffer.set(chunk.subarray(this.#used, this.#used + count), offset + filled);
      filled += count;
      this.#used += count;
      if (this.#used === chunk.length) {
        this.#chunks.shift();
        this.#used = 0;
      }
    }
    return filled;
  }

  atEnd(): boolean {
    return this.#ended && this.#chunks.length === 0;
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    await closeFile(this.#file);
  }

  /** One step of input, or the end of it. */
  async #expand(): Promise<void> {
    const count = await readFully(
      this.#file,
      this.#input,
      0,
      COMPRESSED_STEP_BYTES,
      this.#position,
    );
    this.#position += count;
    const gunzip = this.#gunzip;
    await new Promise<void>((resolve) => {
      // The error itself is kept by the listener of the constructor.
      gunzip.once('error', () => resolve());
      if (count === 0) gunzip.once('end', resolve).end();
      else gunzip.write(this.#input.subarray(0, count), () => resolve());
    });
    gunzip.removeAllListeners('error').on('error', (error) => (this.#error = error));
    while (gunzip.readableLength > 0 && this.#error === null) await this.#timers.yield();
  }

  #damaged(error: Error): EngineError {
    const cut = this.#position >= this.#file.size && /unexpected end/.test(error.message);
    const what = cut ? 'the gzip file is cut off' : `the gzip file is damaged (${error.message})`;
    return new EngineError('RECORD_FAILED', `${this.#file.uid}: ${this.#file.path}: ${what}`, {
      hint: 'Everything before it was read. Get the whole file, then start again with --fresh.',
      cause: error,
    });
  }
}

/** Up to `length` bytes at `position`, never beyond the size of the split. */
async function readFully(
  file: SplitFile,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  const wanted = Math.min(length, file.size - position);
  let filled = 0;
  while (filled < wanted) {
    const at = position + filled;
    const count = await readOnce(file, buffer, offset + filled, wanted - filled, at);
    if (count === 0) {
      const message = `${file.uid}: ${file.path}: the file became shorter while it was read: it had ${file.size} bytes, it ends at ${at}`;
      throw new EngineError('SOURCE_LOST_DATA', message, {
        hint: 'Files of a source may only appear, by rename, and stay as they are.',
      });
    }
    filled += count;
  }
  return filled;
}

async function readOnce(
  {handle, uid, path}: SplitFile,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  try {
    return await handle.read(buffer, offset, length, position);
  } catch (error) {
    throw storageError(uid, 'read', path, error);
  }
}
