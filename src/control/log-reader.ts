// Reading a log that is being written: the files that rotation left, oldest first, then what comes to the newest. The
// writer renames files under a reader: a file is known by its inode, and read to its end before the next one.

import {closeSync, fstatSync, openSync, readSync, statSync} from 'node:fs';

import {systemErrorCode} from '../base/errors.ts';
import {LOG_FILES_MAX, logPath} from './rotating-log.ts';

const PIECE_BYTES = 64 * 1024;
/** A longer line is shown in pieces; the writer makes none. */
const LINE_CHARACTERS_MAX = 1024 * 1024;

interface OpenFile {
  readonly descriptor: number;
  readonly inode: number;
}

export class LogReader {
  readonly #directory: string;
  /** Oldest first; the last one is the newest that is known. */
  readonly #files: OpenFile[];
  readonly #decoder = new TextDecoder();
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  #begun = '';

  constructor(directory: string) {
    this.#directory = directory;
    this.#files = openFiles(directory, LOG_FILES_MAX - 1);
  }

  /** There is no log yet. */
  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  /** Whole lines, until there are no more for now. */
  *lines(): Generator<string> {
    while (this.#files.length > 0 || this.#findNewer()) {
      const file = this.#files[0]!;
      yield* this.#linesOf(file);
      // The newest stays open: more may come.
      if (this.#files.length === 1 && !this.#findNewer()) return;
      // What was written between the last look and the renaming.
      yield* this.#linesOf(file);
      closeSync(file.descriptor);
      this.#files.shift();
    }
  }

  close(): void {
    for (const {descriptor} of this.#files.splice(0)) closeSync(descriptor);
  }

  *#linesOf({descriptor}: OpenFile): Generator<string> {
    while (true) {
      const count = readSync(descriptor, this.#piece, 0, PIECE_BYTES, null);
      if (count === 0) return;
      this.#begun += this.#decoder.decode(this.#piece.subarray(0, count), {stream: true});
      const lines = this.#begun.split('\n');
      this.#begun = lines.pop() ?? '';
      yield* lines;
      if (this.#begun.length > LINE_CHARACTERS_MAX) {
        yield this.#begun;
        this.#begun = '';
      }
    }
  }

  /** Files that came after the one that is open; true when there are some. */
  #findNewer(): boolean {
    const [current] = this.#files;
    if (current === undefined) {
      this.#files.push(...openFiles(this.#directory, LOG_FILES_MAX - 1));
      return this.#files.length > 0;
    }
    const index = indexOf(this.#directory, current.inode);
    if (index === 0) return false;
    // Rotated away altogether: what is left of the log is all newer.
    this.#files.push(...openFiles(this.#directory, (index ?? LOG_FILES_MAX) - 1));
    return this.#files.length > 1;
  }
}

/** From `oldest` to the newest. */
function openFiles(directory: string, oldest: number): OpenFile[] {
  const files: OpenFile[] = [];
  for (let index = oldest; index >= 0; index -= 1) {
    try {
      const descriptor = openSync(logPath(directory, index), 'r');
      const inode = fstatSync(descriptor).ino;
      // Renamed between two looks: it is there already.
      if (files.some((file) => file.inode === inode)) closeSync(descriptor);
      else files.push({descriptor, inode});
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return files;
}

function indexOf(directory: string, inode: number): number | null {
  for (let index = 0; index < LOG_FILES_MAX; index += 1) {
    const status = statSync(logPath(directory, index), {throwIfNoEntry: false});
    if (status?.ino === inode) return index;
  }
  return null;
}
