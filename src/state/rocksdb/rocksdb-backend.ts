import {CachedTable} from './cached-table.ts';
import {LocalDirectory, type LocalPlace} from './local-directory.ts';
import {openStored} from './open-stored.ts';
import {placeDatabase} from './place-database.ts';
import type {OpenStore, RowStore, StoreOptions} from './row-store.ts';
import {
  describeDatabase,
  describeFile,
  ROCKSDB_CODEC_VERSION,
  stateNameOf,
  storedDatabaseOf,
  type StoredDatabase,
} from './stored-database.ts';
import {TableDigests} from './table-digests.ts';
import {identityOf, uploadFiles} from './upload-files.ts';
import {UploadedFiles, type UploadedFile} from './uploaded-files.ts';
import {assert, must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {parseSharedPath, stateFilePath} from '../../storage/paths.ts';
import {restoreRows} from '../restore-rows.ts';
import {schemaJson, snapshotSchema, type SnapshotSchema} from '../snapshot-format.ts';
import {givenUp, type SnapshotWriter} from '../snapshot-request.ts';
import {snapshotOngoing} from '../snapshot-ongoing.ts';
import type {BackendSnapshotTarget, KeyedTable, StateBackend, TableSpec} from '../state-backend.ts';

export interface RocksdbSettings {
  readonly store: StoreOptions;
  /** Rows of one table in memory. */
  readonly cacheBytes: number;
  /** Files that are copied at once. */
  readonly transferThreads: number;
}

export interface RocksdbBackendOptions {
  readonly uid: string;
  readonly subtask: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly restored: readonly SubtaskMetadata[];
  readonly restoredDirectory: string | null;
  readonly files: FileSystem;
  /** SST files are shared by checkpoints; each is uploaded once. */
  readonly incremental: boolean;
  /** What it has in `shared/` may be referred to; else the first snapshot uploads all. */
  readonly ownsRestored: boolean;
  readonly writer: SnapshotWriter;
  readonly openStore: OpenStore;
  readonly place: LocalPlace;
  readonly settings: RocksdbSettings;
}

interface OngoingSnapshot {
  readonly checkpointId: number;
  readonly control: SharedArrayBuffer;
}

/** The rocksdb backend of one operator and subtask: one database, of which some rows are in memory. */
export class RocksdbBackend implements StateBackend {
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly #options: RocksdbBackendOptions;
  readonly #tables = new Map<string, CachedTable>();
  readonly #families: string[] = [];
  #local: LocalDirectory | null = null;
  #store: RowStore | null = null;
  /** The stored database that became the live one; its tables are there already. */
  #adopted: StoredDatabase | null = null;
  /** Of the live database. After a restore, what the restored checkpoint has, if that is ours. */
  readonly #uploaded: UploadedFiles | null;
  /** Of the files of the live database. */
  #digests: TableDigests | null = null;
  #ongoing: OngoingSnapshot | null = null;
  #stagingCount = 0;

  constructor(options: RocksdbBackendOptions) {
    this.maxParallelism = options.maxParallelism;
    this.keyGroups = options.keyGroups;
    this.#options = options;
    this.#uploaded = options.incremental ? new UploadedFiles() : null;
  }

  async openTable(spec: TableSpec): Promise<KeyedTable> {
    const {uid, maxParallelism, settings, keyGroups} = this.#options;
    assert(!this.#tables.has(spec.name), `table ${uid}.${spec.name} is open already`);
    const store = this.#store ?? (await this.#openStore(spec));
    const adopted = this.#adoptedTable(spec);
    const names = familiesOf(spec.name);
    const further = Object.values(names).filter((name) => !this.#families.includes(name));
    store.openFamilies(further);
    this.#families.push(...further);
    const table = new CachedTable({
      spec,
      maxParallelism,
      keyGroups,
      uid,
      store,
      families: {
        rows: this.#families.indexOf(names.rows),
        index: this.#families.indexOf(names.index),
        changed: this.#families.indexOf(names.changed),
      },
      cacheBytes: settings.cacheBytes,
      isEmpty: adopted === null,
    });
    this.#tables.set(spec.name, table);
    if (adopted === null) await this.#restore(table);
    return table;
  }

  async snapshot(target: BackendSnapshotTarget): Promise<readonly FileState[]> {
    const {uid, files, writer} = this.#options;
    if (this.#ongoing !== null) {
      const limit = 'rocksdb takes one at a time';
      throw snapshotOngoing(uid, target.checkpointId, [this.#ongoing.checkpointId], limit);
    }
    const control = new SharedArrayBuffer(4);
    this.#ongoing = {checkpointId: target.checkpointId, control};
    this.#stagingCount += 1;
    const staging = `staging-${this.#stagingCount}`;
    try {
      const store = must(this.#store, 'open store');
      for (const table of this.#tables.values()) table.freezeDirty();
      const directory = `${this.#localPath}/${staging}`;
      const names = await store.checkpoint(directory);
      const states = await uploadFiles({
        ...{target, uid, control, directory, names, files, writer},
        uploaded: this.#uploaded,
        digests: must(this.#digests, 'digests'),
        threads: this.#options.settings.transferThreads,
        describe: (name) => this.#describe(name),
      });
      // Given up when it was all but copied: nobody will say once more that it is.
      if (Atomics.load(new Int32Array(control), 0) !== 0) throw givenUp(uid, target.checkpointId);
      return states;
    } catch (error) {
      this.#uploaded?.aborted(target.checkpointId);
      throw error;
    } finally {
      this.#ongoing = null;
      await must(this.#local, 'local directory').removeChild(staging);
    }
  }

  abortSnapshot(checkpointId: number): void {
    if (this.#ongoing?.checkpointId !== checkpointId) return;
    Atomics.store(new Int32Array(this.#ongoing.control), 0, 1);
  }

  checkpointCompleted(checkpointId: number): void {
    this.#uploaded?.completed(checkpointId);
  }

  checkpointAborted(checkpointId: number): void {
    this.abortSnapshot(checkpointId);
    this.#uploaded?.aborted(checkpointId);
  }

  sizeBytes(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.sizeBytes, 0);
  }

  async close(): Promise<void> {
    if (this.#ongoing !== null) this.abortSnapshot(this.#ongoing.checkpointId);
    this.#tables.clear();
    await this.#store?.close();
    await this.#local?.remove();
  }

  get #localPath(): string {
    return must(this.#local, 'local directory').path;
  }

  /** The live database: a stored one with exactly these key groups and this table, else an empty one. */
  async #openStore(spec: TableSpec): Promise<RowStore> {
    const {uid, restored, openStore, place, files, settings} = this.#options;
    this.#local = await LocalDirectory.make(place, files);
    const directory = await this.#local.child('db');
    const [stored, ...others] = restored.flatMap((subtask) => storedDatabaseOf(subtask) ?? []);
    if (stored !== undefined && others.length === 0 && this.#isOurs(stored, spec)) {
      await this.#place(stored, directory);
      if (this.#options.ownsRestored) await this.#noteRestored(stored, directory);
      this.#adopted = stored;
      this.#families.push(...stored.families);
    }
    this.#digests = new TableDigests(uid, directory, this.#adopted?.files ?? []);
    const families = [...this.#families];
    const what = `the state of ${uid}`;
    this.#store = await openStore({directory, families, options: settings.store, what});
    return this.#store;
  }

  #isOurs(stored: StoredDatabase, spec: TableSpec): boolean {
    const {start, end} = stored.keyGroups;
    const isSameRange = start === this.keyGroups.start && end === this.keyGroups.end;
    return isSameRange && this.#isSameTable(stored, spec);
  }

  #isSameTable(stored: StoredDatabase, spec: TableSpec): boolean {
    const wanted = JSON.stringify(schemaJson(this.#schemaOf(spec)));
    return stored.schemas.some((schema) => JSON.stringify(schemaJson(schema)) === wanted);
  }

  /** The adopted database, when `spec` is in it as it is now. */
  #adoptedTable(spec: TableSpec): StoredDatabase | null {
    const adopted = this.#adopted;
    if (adopted === null) return null;
    if (this.#isSameTable(adopted, spec)) return adopted;
    if (!adopted.schemas.some(({table}) => table === spec.name)) return null;
    throw new EngineError(
      'INCOMPATIBLE',
      `the state ${spec.name} in ${adopted.path} has other columns than the job, and other tables there have not`,
      {hint: 'Restore from a canonical savepoint, or undo the change.'},
    );
  }

  async #place(stored: StoredDatabase, target: string): Promise<void> {
    const {restoredDirectory, files, settings} = this.#options;
    const source = must(restoredDirectory, 'restored directory');
    await placeDatabase(files, {stored, source, target, threads: settings.transferThreads});
  }

  /** Of a database that was opened as it is: RocksDB changes none of its files and gives their numbers to no other. */
  async #noteRestored(stored: StoredDatabase, directory: string): Promise<void> {
    if (this.#uploaded === null) return;
    const found = new Map<string, UploadedFile>();
    for (const {file, state} of stored.files) {
      if (!file.endsWith('.sst') || parseSharedPath(state.path) === null) continue;
      const identity = await identityOf(this.#options.files, `${directory}/${file}`);
      found.set(file, {identity, state});
    }
    this.#uploaded.restored(found);
  }

  async #restore(table: CachedTable): Promise<void> {
    const {restored, restoredDirectory, files, uid, settings, openStore} = this.#options;
    let count = 0;
    await restoreRows(table, {
      ...{uid, restored, restoredDirectory, files},
      keyGroups: this.keyGroups,
      maxParallelism: this.maxParallelism,
      openStored: async (stored) => {
        count += 1;
        const name = `source-${table.spec.name}-${count}`;
        return openStored(stored, must(this.#local, 'local directory'), name, {
          ...{files, openStore, uid, store: settings.store, threads: settings.transferThreads},
          source: must(restoredDirectory, 'restored directory'),
        });
      },
    });
  }

  #describe(file: string): Omit<FileState, 'length' | 'sha256' | 'chunkCrcs'> {
    const {uid, subtask} = this.#options;
    const name = stateNameOf(file);
    const schemas = [...this.#tables.values()].map(({spec}) => this.#schemaOf(spec));
    return {
      location: 'file',
      name,
      kind: 'keyed',
      codecVersion: ROCKSDB_CODEC_VERSION,
      keyGroups: this.keyGroups,
      path: stateFilePath(uid, subtask, name),
      description:
        file === 'CURRENT' ? describeDatabase(this.#families, schemas) : describeFile(file),
    };
  }

  #schemaOf(spec: TableSpec): SnapshotSchema {
    return snapshotSchema(spec, this.maxParallelism);
  }
}

function familiesOf(table: string): {rows: string; index: string; changed: string} {
  return {rows: table, index: `${table}.namespaces`, changed: `${table}.changed`};
}
