// Reads a state file so that no byte is handed out before its chunk was checked.

import {crc32, sha256} from '../base/checksum.ts';
import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {closeQuietly} from './durable-file.ts';
import type {FileHandle} from './file-system.ts';
import type {FileOpener} from './open-below.ts';
import {verifiableAbove} from './paths.ts';
import {CHUNK_BYTES, type StateFileSummary} from './state-chunks.ts';
import {storageFailed} from './storage-error.ts';

/** An open state file. Every failure is CHECKPOINT_DAMAGED with path and offset, or STORAGE_FAILED. */
export class StateFileReader {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #expected: StateFileSummary;

  private constructor(handle: FileHandle, path: string, expected: StateFileSummary) {
    this.#handle = handle;
    this.#path = path;
    this.#expected = expected;
  }

  /** Opens and checks the length. `expected` is the file's handle in `_metadata`. */
  static async open(
    files: FileOpener,
    path: string,
    expected: StateFileSummary,
  ): Promise<StateFileReader> {
    let handle: FileHandle;
    try {
      handle = await files.openForRead(path);
    } catch (error) {
      throw storageFailed('opening', path, error);
    }
    const {size} = await handle.status();
    if (size !== expected.length) {
      await closeQuietly(handle);
      throw damagedAt(path, Math.min(size, expected.length), {
        expected: `${expected.length} bytes`,
        found: `${size} bytes`,
      });
    }
    return new StateFileReader(handle, path, expected);
  }

  get chunkCount(): number {
    return this.#expected.chunkCrcs.length;
  }

  /** Chunk `index`, checked. A new array, the caller's. */
  async readChunk(index: number): Promise<Uint8Array> {
    const offset = index * CHUNK_BYTES;
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, this.#expected.length - offset));
    let count: number;
    try {
      count = await this.#handle.read(bytes, 0, bytes.length, offset);
    } catch (error) {
      throw storageFailed('reading', this.#path, error);
    }
    const expected = hexCrc(this.#expected.chunkCrcs[index] ?? 0);
    const found = hexCrc(crc32(bytes.subarray(0, count)));
    if (count !== bytes.length || found !== expected) {
      throw damagedAt(this.#path, offset, {expected, found});
    }
    return bytes;
  }

  /** All chunks in order, then the digest of the whole: use no record before the iteration ended. */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    const digest = sha256();
    for (let index = 0; index < this.chunkCount; index += 1) {
      const bytes = await this.readChunk(index);
      digest.update(bytes);
      yield bytes;
    }
    const found = digest.digest('hex');
    if (found !== this.#expected.sha256) {
      throw damagedAt(this.#path, 0, {expected: this.#expected.sha256, found});
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The whole file, checked. For files that fit into memory. */
export async function readStateFile(
  files: FileOpener,
  path: string,
  expected: StateFileSummary,
): Promise<Uint8Array> {
  const reader = await StateFileReader.open(files, path, expected);
  try {
    const bytes = new Uint8Array(expected.length);
    let offset = 0;
    for await (const chunk of reader.chunks()) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  } finally {
    await reader.close();
  }
}

export function hexCrc(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** `stateFile`: absolute. */
export function damageHint(stateFile: string): string {
  return `see all damage: tidemark checkpoint verify ${shellWord(verifiableAbove(stateFile))}`;
}

export function damagedAt(
  path: string,
  offset: number,
  facts: {readonly expected: string; readonly found: string},
): EngineError {
  return new EngineError(
    'CHECKPOINT_DAMAGED',
    `${path} is damaged at byte ${offset}: expected ${facts.expected}, found ${facts.found}`,
    {
      file: path,
      hint: damageHint(path),
      facts: {path, offset, ...facts},
    },
  );
}
