// A backend's own state file, or a chain of them, as a canonical one. In memory at once: what the files hold of some neighbouring key groups,
// about SLICE_BYTES of it, or of one key group if that has more; and the encoded keys of these rows.

import {describeCanonical, specOfSchema, type WrittenRows} from './canonical-format.ts';
import {CanonicalWriter} from './canonical-writer.ts';
import {must} from '../../base/assert.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {checkpointFiles, type FileOpener} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {writeStateFile} from '../../storage/state-file-writer.ts';
import {HashTable} from '../hashmap/hash-table.ts';
import {ChunkReader} from '../snapshot-chunk.ts';
import {plainLengthOf, type Compression, type SnapshotSchema} from '../snapshot-format.ts';
import {slicesOf} from '../slices.ts';
import {restoreTable, storedChain} from '../snapshot-reader.ts';

/** Of a state file that is converted at once. */
export const SLICE_BYTES = 8 * 1024 * 1024;

export interface ConversionRequest {
  /** Of the checkpoint whose handles `states` are. The bytes of their files were verified. */
  readonly sourceDirectory: string;
  /** A chain that is whole. */
  readonly states: readonly FileState[];
  /** The new file's path below `targetDirectory`; its directory exists. */
  readonly targetPath: string;
  readonly targetDirectory: string;
  /** Of the new file. */
  readonly compression: Compression;
  readonly sliceBytes?: number | undefined;
}

/** The new file's handle; it is synced, its entry in the directory is not. */
export async function convertSnapshot(
  files: FileSystem,
  request: ConversionRequest,
): Promise<FileState> {
  const {states, sourceDirectory, targetDirectory, targetPath} = request;
  const {compression, sliceBytes = SLICE_BYTES} = request;
  const base = must(states[0], 'a state file');
  const opener = checkpointFiles(files, sourceDirectory);
  const chain = storedChain(states, sourceDirectory);
  const source = stateFileAt(sourceDirectory, base.path);
  const schema = await readSchema(opener, source);
  const spec = specOfSchema(schema, source);
  const header = {schema, compression};
  const {maxParallelism} = schema;
  const range = must(base.keyGroups, `key groups of ${source}`);
  const bytes = states.reduce((sum, state) => sum + plainLengthOf(state), 0);
  let rows: WrittenRows = {rowCount: 0, plainBytes: 0};
  const written = await writeStateFile(
    files,
    `${targetDirectory}/${targetPath}`,
    async (append) => {
      const writer = new CanonicalWriter(spec, header, append);
      await writer.begin();
      for (const slice of slicesOf(range, Math.ceil(bytes / sliceBytes))) {
        const table = new HashTable(spec, maxParallelism, source);
        await restoreTable(opener, chain, table, slice, maxParallelism);
        await writer.add(table);
      }
      rows = await writer.finish();
    },
  );
  return {
    ...base,
    ...written,
    path: targetPath,
    ...describeCanonical(header, rows),
  };
}

async function readSchema(files: FileOpener, path: string): Promise<SnapshotSchema> {
  const handle = await files.openForRead(path);
  try {
    const {size} = await handle.status();
    return (await new ChunkReader(handle, path, size).readHeader()).header.schema;
  } finally {
    await handle.close();
  }
}
