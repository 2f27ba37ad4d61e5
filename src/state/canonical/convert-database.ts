// One table of a stored RocksDB database as a canonical state file. In memory at once: the rows of some neighbouring key groups,
// as in convert-snapshot.ts.

import {describeCanonical, specOfSchema, type WrittenRows} from './canonical-format.ts';
import {CanonicalWriter} from './canonical-writer.ts';
import {convertSnapshot, SLICE_BYTES, type ConversionRequest} from './convert-snapshot.ts';
import {must} from '../../base/assert.ts';
import type {FileState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import {removeTree} from '../../storage/durable-file.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {stateFilePath} from '../../storage/paths.ts';
import {writeStateFile} from '../../storage/state-file-writer.ts';
import {openOnce} from '../rocksdb/open-stored.ts';
import type {OpenStore, RowStore} from '../rocksdb/row-store.ts';
import {storedDatabaseOf, type StoredDatabase} from '../rocksdb/stored-database.ts';
import {readStoredRows} from '../rocksdb/stored-rows.ts';
import {slicesOf} from '../slices.ts';
import type {Compression} from '../snapshot-format.ts';

export interface DatabaseConversion {
  /** Its files lie below `sourceDirectory`; their bytes were verified. */
  readonly sourceDirectory: string;
  readonly uid: string;
  readonly subtask: SubtaskMetadata;
  /** Its place among the schemas of the database. */
  readonly table: number;
  /** `<uid>/` exists below it. Also the database is opened below it, and removed again. */
  readonly targetDirectory: string;
  /** Of the new file. */
  readonly compression: Compression;
}

/** A state in the form of a backend as a canonical state file, whichever the backend; its handle. */
export async function convertState(
  files: FileSystem,
  request: ConversionRequest | DatabaseConversion,
  openStore: OpenStore,
): Promise<FileState> {
  return 'states' in request
    ? convertSnapshot(files, request)
    : convertDatabase(files, request, openStore);
}

async function convertDatabase(
  files: FileSystem,
  request: DatabaseConversion,
  openStore: OpenStore,
): Promise<FileState> {
  const {sourceDirectory, uid, subtask, targetDirectory} = request;
  const stored = must(storedDatabaseOf(subtask), `a database of ${uid}`);
  const directory = `${targetDirectory}/${uid}/opened-${subtask.index}`;
  await files.makeDirectory(directory);
  try {
    const from = {files, openStore, source: sourceDirectory, uid};
    const store = await openOnce(stored, directory, from);
    try {
      return await writeTable(files, store, stored, request);
    } finally {
      await store.close();
    }
  } finally {
    await removeTree(files, directory);
  }
}

async function writeTable(
  files: FileSystem,
  store: RowStore,
  stored: StoredDatabase,
  {uid, subtask, table, targetDirectory, compression}: DatabaseConversion,
): Promise<FileState> {
  const schema = must(stored.schemas[table], `table ${table} of ${uid}`);
  const header = {schema, compression};
  const spec = specOfSchema(schema, stored.path);
  const {maxParallelism} = schema;
  const family = stored.families.indexOf(schema.table);
  const rows = {store, family, spec, maxParallelism, path: stored.path};
  const bytes = stored.files.reduce((sum, {state}) => sum + state.length, 0);
  const path = stateFilePath(uid, subtask.index, schema.table);
  let written: WrittenRows = {rowCount: 0, plainBytes: 0};
  const summary = await writeStateFile(files, `${targetDirectory}/${path}`, async (append) => {
    const writer = new CanonicalWriter(spec, header, append);
    await writer.begin();
    for (const slice of slicesOf(stored.keyGroups, Math.ceil(bytes / SLICE_BYTES))) {
      // Whole key groups: the writer wants each at once.
      for (const part of readStoredRows(rows, slice, Infinity)) await writer.add(part);
    }
    written = await writer.finish();
  });
  return {
    location: 'file',
    name: schema.table,
    kind: 'keyed',
    keyGroups: stored.keyGroups,
    path,
    ...summary,
    ...describeCanonical(header, written),
  };
}
