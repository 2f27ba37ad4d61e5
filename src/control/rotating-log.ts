// The log of a detached run, written by the run itself: `tidemark.log` is the newest, `tidemark.log.1` to `.9` are
// older ones; ten files of at most 10 MB. Lines are whole: one is never cut by a rotation. A disk that is full takes
// lines away and nothing else; the first line that fits again says how many.

import {appendFileSync, renameSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';

import {systemErrorCode} from '../base/errors.ts';

export const LOG_NAME = 'tidemark.log';
export const LOG_FILES_MAX = 10;
export const LOG_BYTES_MAX = 10_000_000;

export interface RotatingLogOptions {
  readonly directory: string;
  readonly filesMax?: number;
  readonly bytesMax?: number;
}

export class RotatingLog {
  readonly #directory: string;
  readonly #filesMax: number;
  readonly #bytesMax: number;
  #size: number;
  #lost = 0;

  constructor({directory, filesMax = LOG_FILES_MAX, bytesMax = LOG_BYTES_MAX}: RotatingLogOptions) {
    this.#directory = directory;
    this.#filesMax = filesMax;
    this.#bytesMax = bytesMax;
    this.#size = statSync(this.#path(0), {throwIfNoEntry: false})?.size ?? 0;
  }

  /** `lines`: each without its line break. Never throws: what cannot be written is counted. */
  write(lines: readonly string[]): void {
    let piece: string[] = [];
    let pieceBytes = 0;
    for (const line of lines) {
      const bytes = Buffer.byteLength(line) + 1;
      if (this.#size + pieceBytes + bytes > this.#bytesMax) {
        this.#append(piece);
        [piece, pieceBytes] = [[], 0];
        if (this.#size > 0) this.#rotate();
      }
      piece.push(line);
      pieceBytes += bytes;
    }
    this.#append(piece);
  }

  #append(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const lost = `(${this.#lost} lines were lost: the log could not be written)`;
    const all = this.#lost === 0 ? lines : [lost, ...lines];
    try {
      const bytes = Buffer.from(`${all.join('\n')}\n`);
      appendFileSync(this.#path(0), bytes, {mode: 0o600});
      this.#size += bytes.length;
      this.#lost = 0;
    } catch (error) {
      if (systemErrorCode(error) === null) throw error;
      this.#lost += lines.length;
      // Part of it may be there.
      this.#size = statSync(this.#path(0), {throwIfNoEntry: false})?.size ?? 0;
    }
  }

  /** A file that cannot be renamed goes on growing: nothing of it is lost. */
  #rotate(): void {
    try {
      rmSync(this.#path(this.#filesMax - 1), {force: true});
      for (let index = this.#filesMax - 2; index >= 0; index -= 1) {
        if (statSync(this.#path(index), {throwIfNoEntry: false}) === undefined) continue;
        renameSync(this.#path(index), this.#path(index + 1));
      }
      this.#size = 0;
    } catch (error) {
      if (systemErrorCode(error) === null) throw error;
    }
  }

  #path(index: number): string {
    return logPath(this.#directory, index);
  }
}

/** 0: the newest. */
export function logPath(directory: string, index: number): string {
  return join(directory, index === 0 ? LOG_NAME : `${LOG_NAME}.${index}`);
}
