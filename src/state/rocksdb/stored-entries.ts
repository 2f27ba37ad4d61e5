// The entries of a database in a checkpoint, out of its files: no RocksDB, no directory to open it in, and nothing written.

import {PackedList} from './packed-list.ts';
import type {LiveFile} from './live-files.ts';
import {tableFileName} from './read-manifest.ts';
import {BlockChecksum} from './sst/block-checksum.ts';
import {mergeEntries, type Entries} from './sst/merge-entries.ts';
import {SstCursor, type SstSource} from './sst/sst-cursor.ts';
import {SstFile} from './sst/sst-file.ts';
import {tableProblem} from './sst/table-problem.ts';
import {readStoredManifest} from './stored-manifest.ts';
import {damagedHandle, type StoredDatabase} from './stored-database.ts';
import {must} from '../../base/assert.ts';
import type {FileOpener} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';

/** Of one batch of entries. */
const ENTRIES_MAX = 4096;
const BYTES_MAX = 4 * 1024 * 1024;

export interface StoredEntriesOptions {
  /** Hands out no byte that was not verified, or verifies as it reads. */
  readonly opener: FileOpener;
  /** The checkpoint's, absolute. */
  readonly directory: string;
  readonly stored: StoredDatabase;
}

export class StoredEntries {
  readonly #options: StoredEntriesOptions;
  readonly #checksum: BlockChecksum;
  readonly #files: readonly LiveFile[];

  private constructor(
    options: StoredEntriesOptions,
    checksum: BlockChecksum,
    files: readonly LiveFile[],
  ) {
    this.#options = options;
    this.#checksum = checksum;
    this.#files = files;
  }

  /** CHECKPOINT_DAMAGED when a file is missing, or does not say what one must. Nothing stays open. */
  static async open(options: StoredEntriesOptions): Promise<StoredEntries> {
    const {opener, directory, stored} = options;
    const {files, families, isBegun} = await readStoredManifest(opener, stored, ({state}) =>
      stateFileAt(directory, state.path),
    );
    const missing = stored.families.find((name) => !families.includes(name));
    if (!isBegun || missing !== undefined) {
      const what = isBegun ? `no column family ${String(missing)}` : 'not what each begins with';
      throw damagedHandle(stored.files[0]!.state, `the MANIFEST beside it has ${what}`);
    }
    return new StoredEntries(options, await BlockChecksum.load(), files);
  }

  /**
   * Of user keys from `from` on and below `to` (null: all), ascending, some at a time; those are good until the next ones are
   * asked for.
   */
  async *read(family: string, from: Uint8Array, to: Uint8Array | null): AsyncGenerator<Entries> {
    const files = this.#files.filter(
      (file) => file.family === family && (to === null || Buffer.compare(file.smallest, to) < 0),
    );
    const cursors = runsOf(files).map(
      (run) =>
        new SstCursor(
          run.map((file) => this.#sourceOf(file)),
          from,
        ),
    );
    const batch = {keys: new PackedList(), values: new PackedList()};
    yield* mergeEntries(cursors, batch, {
      to,
      entriesMax: ENTRIES_MAX,
      bytesMax: BYTES_MAX,
    });
  }

  /** Reads what the rows of `tables` do not need, and compares it: other families, filters. */
  async check(tables: readonly string[]): Promise<void> {
    for (const family of this.#options.stored.families) {
      if (tables.includes(family)) continue;
      // What is read is compared.
      for await (const _ of this.read(family, new Uint8Array(0), null));
    }
    for (const live of this.#files) {
      const file = await this.#sourceOf(live).open();
      try {
        await file.checkParts();
      } finally {
        await file.close();
      }
    }
  }

  #sourceOf({smallest, largest, number, bytes}: LiveFile): SstSource {
    const {opener, directory, stored} = this.#options;
    const name = tableFileName(number);
    const {state} = must(
      stored.files.find(({file}) => file === name),
      name,
    );
    const path = stateFileAt(directory, state.path);
    return {
      ...{smallest, largest},
      open: async () =>
        SstFile.open(
          await opener.openForRead(path),
          this.#checksum,
          {number, bytes},
          tableProblem(path),
        ),
    };
  }
}

/** Files that can be read one behind the other: each of level 0 alone, those of another level together. */
function runsOf(files: readonly LiveFile[]): readonly (readonly LiveFile[])[] {
  const levels = new Map<number, LiveFile[]>();
  const runs: LiveFile[][] = [];
  for (const file of files) {
    const run = file.level === 0 ? undefined : levels.get(file.level);
    if (run !== undefined) {
      run.push(file);
      continue;
    }
    const begun = [file];
    runs.push(begun);
    levels.set(file.level, begun);
  }
  for (const run of runs) run.sort((left, right) => Buffer.compare(left.smallest, right.smallest));
  return runs;
}
