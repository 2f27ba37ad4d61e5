// What each SST file of a live database was when it was first read for a checkpoint, or in the checkpoint that the database was
// restored from. RocksDB never changes one and never uses its number again while the database lives: one that is copied again and
// has other bytes is damaged. RocksDB itself finds that out when it reads the block, which for rows in the cache is never; and
// every checkpoint from then on would have the damage under a digest that is right.

import {EngineError} from '../../base/errors.ts';
import type {StoredFile} from './stored-database.ts';

export class TableDigests {
  readonly #what: string;
  readonly #directory: string;
  /** By the name in the database. */
  readonly #digests = new Map<string, string>();

  /** `directory`: of the live database, for errors. `stored`: what it was made of; its bytes were verified. */
  constructor(what: string, directory: string, stored: readonly StoredFile[]) {
    this.#what = what;
    this.#directory = directory;
    for (const {file, state} of stored) this.#digests.set(file, state.sha256);
  }

  /** STORAGE_FAILED when the file had another digest before. */
  check(file: string, sha256: string): void {
    const before = this.#digests.get(file);
    this.#digests.set(file, before ?? sha256);
    if (before === undefined || before === sha256) return;
    const path = `${this.#directory}/${file}`;
    throw new EngineError(
      'STORAGE_FAILED',
      `the live RocksDB database of ${this.#what} is damaged: ${path} has changed since a checkpoint was made of it, and RocksDB changes none`,
      {
        file: path,
        hint: 'The job resumes from its newest checkpoint. Check the disk and the memory.',
        facts: {expected: before, found: sha256},
      },
    );
  }

  /** Those that the database has: others do not come back. */
  keepOnly(files: readonly string[]): void {
    const kept = new Set(files);
    for (const file of this.#digests.keys()) if (!kept.has(file)) this.#digests.delete(file);
  }
}
