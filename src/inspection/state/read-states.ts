// The rows of the keyed states of a checkpoint, without its job: what `state scan`, `checkpoint verify`, `export` and `diff`
// read. See README.md.

import type {FileSystem} from '../../storage/file-system.ts';
import {checkedFiles} from '../../storage/checked-files.ts';
import {statusOrNull} from '../../storage/derive-checkpoint-state.ts';
import type {FileOpener} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {goneMeanwhile} from '../../storage/gone-meanwhile.ts';
import {damageHint} from '../../storage/state-file-reader.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {must} from '../../base/assert.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import {isCanonical} from '../../state/canonical/canonical-format.ts';
import type {StoredDatabase} from '../../state/rocksdb/stored-database.ts';
import {StoredEntries} from '../../state/rocksdb/stored-entries.ts';
import {firstOfOtherTypes, type WrongRow} from '../../state/rows/check-rows.ts';
import {readCanonicalRows} from '../../state/rows/read-canonical-rows.ts';
import {readDatabaseRows} from '../../state/rows/read-database-rows.ts';
import {readSnapshotRows} from '../../state/rows/read-snapshot-rows.ts';
import type {RowColumns} from '../../state/rows/row-block.ts';
import {openCheckpoint} from './open-checkpoint.ts';
import {filesOf, stateTables, type StateTable} from './state-tables.ts';

export interface ReadStatesOptions {
  readonly files: FileSystem;
  /** Of the checkpoint, absolute. Nothing is written there. */
  readonly directory: string;
  /** Which states are read; all by default. */
  readonly select?: ((table: StateTable) => boolean) | undefined;
}

export interface ReadTableOptions {
  readonly files: FileSystem;
  readonly directory: string;
  /** Key groups that are read; all of the table by default. */
  readonly range?: KeyGroupRange | undefined;
  /** Of a chain with deltas: bytes of files whose rows are in memory at once. */
  readonly sliceBytes?: number | undefined;
  /** Bytes of files that were read since the last call; each is told of once. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** Some rows of one state. Columns are good until the next rows are asked for. */
export interface StateRows extends RowColumns {
  readonly table: StateTable;
}

/**
 * All rows of the states of a checkpoint, table by table. Every byte is checked before a row of it is handed out. Errors are
 * those of `openCheckpoint`; damage that shows later is CHECKPOINT_DAMAGED too; NOT_FOUND when the checkpoint is deleted
 * meanwhile.
 */
export async function* readStates(options: ReadStatesOptions): AsyncGenerator<StateRows> {
  const {files, directory, select = () => true} = options;
  const metadata = await openCheckpoint(files, directory);
  for (const table of stateTables(metadata, directory)) {
    if (select(table)) yield* readTable(table, options);
  }
}

/** The rows of one table of `stateTables`; their keys are of the types that the shape says. */
export async function* readTable(
  table: StateTable,
  options: ReadTableOptions,
): AsyncGenerator<StateRows> {
  yield* new TableReader(table, options).rows(options.range);
}

/**
 * For a table of which several ranges are read, or one several times: of its files the parts that a range needs are read, and what
 * of them was compared is not compared whole again.
 */
export class TableReader {
  readonly table: StateTable;
  readonly #options: Omit<ReadTableOptions, 'range'>;
  readonly #files: FileOpener;
  #database: StoredEntries | null = null;

  constructor(table: StateTable, options: Omit<ReadTableOptions, 'range'>) {
    this.table = table;
    this.#options = options;
    const {files, directory, onRead} = options;
    this.#files = checkedFiles(files, directory, filesOf(table), onRead);
  }

  /** As `readTable`; all of the table by default. */
  async *rows(wanted?: KeyGroupRange): AsyncGenerator<StateRows> {
    const {table} = this;
    const range = overlapOf(table.keyGroups, wanted);
    if (range === null) return;
    try {
      for await (const rows of this.#rowsOf(range)) {
        const wrong = firstOfOtherTypes(table.shape, rows);
        if (wrong !== null) throw wrongRows({...rows, table}, wrong);
        yield {...rows, table};
      }
    } catch (error) {
      throw await this.#toldAs(error);
    }
  }

  /** Of a database, what none of its tables needs is read and compared too: the first of them does it. Errors as of `rows`. */
  async checkRest(): Promise<void> {
    const {source, state} = this.table;
    if (source.kind !== 'database' || source.stored.schemas[0]?.table !== state) return;
    try {
      const database = await this.#opened(source.stored);
      await database.check(source.stored.schemas.map(({table}) => table));
    } catch (error) {
      throw await this.#toldAs(error);
    }
  }

  async #toldAs(error: unknown): Promise<unknown> {
    const {files, directory} = this.#options;
    if (await isGone(files, directory)) return goneMeanwhile(directory);
    if (systemErrorCode(error) === null) return error;
    return storageFailed('reading the state from', directory, error);
  }

  async #opened(stored: StoredDatabase): Promise<StoredEntries> {
    const {directory} = this.#options;
    this.#database ??= await StoredEntries.open({opener: this.#files, directory, stored});
    return this.#database;
  }

  async *#rowsOf(range: KeyGroupRange): AsyncGenerator<RowColumns> {
    const {shape, source} = this.table;
    const {directory, sliceBytes} = this.#options;
    if (source.kind === 'files') {
      yield* fileRows(this.#files, this.table, source.chain, {directory, range, sliceBytes});
      return;
    }
    const {stored} = source;
    const database = await this.#opened(stored);
    yield* readDatabaseRows(database, shape, range, stateFileAt(directory, stored.path));
  }
}

function wrongRows(
  {table, path, offset}: StateRows,
  {message, expected, found}: WrongRow,
): EngineError {
  const state = `${table.operator}.${table.state}`;
  return new EngineError('CHECKPOINT_DAMAGED', `${path}: state ${state}: ${message}`, {
    file: path,
    facts: {offset, expected, found},
    hint: `${damageHint(path)} --level decode`,
  });
}

async function* fileRows(
  files: FileOpener,
  {shape, keyGroups}: StateTable,
  chain: readonly FileState[],
  {
    directory,
    range,
    sliceBytes,
  }: {
    readonly directory: string;
    readonly range: KeyGroupRange;
    readonly sliceBytes: number | undefined;
  },
): AsyncGenerator<RowColumns> {
  const base = must(chain[0], 'a state file');
  if (isCanonical(base)) {
    yield* readCanonicalRows(files, stateFileAt(directory, base.path), shape, range);
  } else yield* readSnapshotRows({files, directory, chain, shape, keyGroups, range, sliceBytes});
}

/** The checkpoint as a whole, or a part of it that goes first when it is deleted. */
async function isGone(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, directory)) === null;
}

/** Null: none of them. */
function overlapOf(own: KeyGroupRange, wanted: KeyGroupRange | undefined): KeyGroupRange | null {
  if (wanted === undefined) return own;
  const range = {start: Math.max(own.start, wanted.start), end: Math.min(own.end, wanted.end)};
  return range.start <= range.end ? range : null;
}
