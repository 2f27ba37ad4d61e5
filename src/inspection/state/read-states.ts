// The rows of the keyed states of a checkpoint, without its job: what `state scan`, `checkpoint verify`, `export` and `diff`
// read. See README.md.

import {removeTree} from '../../storage/durable-file.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {checkedFiles} from '../../storage/checked-files.ts';
import {statusOrNull} from '../../storage/derive-checkpoint-state.ts';
import {checkpointFiles, type FileOpener} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {goneMeanwhile} from '../../storage/gone-meanwhile.ts';
import {damageHint, StateFileReader} from '../../storage/state-file-reader.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {must} from '../../base/assert.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import {isCanonical} from '../../state/canonical/canonical-format.ts';
import {placeDatabase} from '../../state/rocksdb/place-database.ts';
import type {OpenedStored} from '../../state/restore-rows.ts';
import type {OpenStore} from '../../state/rocksdb/row-store.ts';
import type {StoredDatabase} from '../../state/rocksdb/stored-database.ts';
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
  /** For states in files of RocksDB. */
  readonly databases: DatabasePlace;
  /** Which states are read; all by default. */
  readonly select?: ((table: StateTable) => boolean) | undefined;
}

/** Where a database of a checkpoint is put together to be opened: in `directory`, which is there; it is removed again. */
export interface DatabasePlace {
  readonly openStore: OpenStore;
  /** A new directory of its own, absolute; called once for each database. */
  readonly makeDirectory: () => Promise<string>;
}

export interface ReadTableOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly databases: DatabasePlace;
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

/** Files of a database that are placed at once. */
const PLACING_THREADS = 4;

/** What is enough to read a database once. */
const READING = {
  writeBufferSize: 1024 * 1024,
  writeBufferCount: 2,
  backgroundThreads: 2,
  openFiles: -1,
  blockSize: 8192,
  bloomBitsPerKey: 10,
};

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
  const reader = new TableReader(table, options);
  try {
    yield* reader.rows(options.range);
  } finally {
    await reader.close();
  }
}

/**
 * For a table of which several ranges are read, or one several times: a database is checked and opened once, by the first that
 * needs it; of other files the parts that a range needs are read, and what of them was compared is not compared whole again.
 */
export class TableReader {
  readonly table: StateTable;
  readonly #options: Omit<ReadTableOptions, 'range'>;
  #database: OpenedStored | null = null;
  #files: FileOpener | null = null;

  constructor(table: StateTable, options: Omit<ReadTableOptions, 'range'>) {
    this.table = table;
    this.#options = options;
  }

  /** As `readTable`; all of the table by default. */
  async *rows(wanted?: KeyGroupRange): AsyncGenerator<StateRows> {
    const {directory, files} = this.#options;
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
      if (await isGone(files, directory)) throw goneMeanwhile(directory);
      throwIfDamaged(table, directory, error);
      if (systemErrorCode(error) === null) throw error;
      throw storageFailed('reading the state from', directory, error);
    }
  }

  /** What was opened is closed, and goes; rows may be asked for again. */
  async close(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    await database?.close();
  }

  async *#rowsOf(range: KeyGroupRange): AsyncGenerator<RowColumns> {
    const {shape, source} = this.table;
    if (source.kind !== 'database') {
      const {files, directory, onRead, sliceBytes} = this.#options;
      this.#files ??= checkedFiles(files, directory, source.chain, onRead);
      yield* fileRows(this.#files, this.table, source.chain, {directory, range, sliceBytes});
      return;
    }
    const {stored} = source;
    this.#database ??= await openChecked(this.table, stored, this.#options);
    yield* readDatabaseRows(this.#database.store, stored, shape, range);
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

/** The files were compared with their checksums before RocksDB was given them: what it cannot read was written so. */
function throwIfDamaged(
  {operator, state, source}: StateTable,
  directory: string,
  error: unknown,
): void {
  if (!(error instanceof EngineError) || source.kind !== 'database') return;
  const reason = error.details.facts?.['corruption'];
  if (typeof reason !== 'string') return;
  const {files, path} = source.stored;
  const told = files.find(({file}) => reason.includes(file))?.state.path ?? path;
  const file = stateFileAt(directory, told);
  throw new EngineError(
    'CHECKPOINT_DAMAGED',
    `${file} was damaged before the checkpoint was written: RocksDB cannot read state ${operator}.${state}: ${reason}`,
    {file, hint: `${damageHint(file)} --level decode`, cause: error},
  );
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

/** The files are read whole before RocksDB is given them: what it then reads is not checked by us. */
async function openChecked(
  table: StateTable,
  stored: StoredDatabase,
  {files, directory, databases, onRead}: ReadTableOptions,
): Promise<OpenedStored> {
  const opener = checkpointFiles(files, directory);
  for (const state of filesOf(table)) {
    const reader = await StateFileReader.open(opener, stateFileAt(directory, state.path), state);
    try {
      for await (const chunk of reader.chunks()) onRead?.(chunk.length);
    } finally {
      await reader.close();
    }
  }
  return openDatabase(stored, table.operator, {files, directory, databases});
}

/** Puts a database together in a directory of its own, which `close` removes. Its bytes were verified. */
export async function openDatabase(
  stored: StoredDatabase,
  operator: string,
  {files, directory, databases}: Pick<ReadTableOptions, 'files' | 'directory' | 'databases'>,
): Promise<OpenedStored> {
  const target = await databases.makeDirectory();
  try {
    await placeDatabase(files, {stored, source: directory, target, threads: PLACING_THREADS});
    const what = `the state of ${operator}`;
    const {families} = stored;
    const store = await databases.openStore({directory: target, families, options: READING, what});
    return {
      store,
      close: async () => {
        await store.close();
        await removeTree(files, target);
      },
    };
  } catch (error) {
    await removeTree(files, target);
    throw error;
  }
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
