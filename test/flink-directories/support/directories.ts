// The directories in directories.br: brotli over u32 length of a table, the table as JSON, then the bytes of the stored files,
// one after another in the table's order.

import {readFileSync} from 'node:fs';
import {brotliDecompressSync} from 'node:zlib';

import {statusOrNull} from '#src/storage/derive-checkpoint-state.js';
import {writeFile} from '../../storage/support/fixture.js';
import type {MemoryFileSystem} from '../../storage/support/memory-file-system.js';

/** What Flink 2.3 itself said over REST. */
export interface FlinkFacts {
  readonly id: number;
  readonly isSavepoint: boolean;
  readonly savepointFormat: 'CANONICAL' | 'NATIVE' | null;
  readonly type: string;
  readonly stateSize: number;
  readonly checkpointedSize: number;
  readonly persistedData: number;
  readonly vertices: readonly {
    readonly id: string;
    readonly parallelism: number;
    readonly maxParallelism: number;
  }[];
  readonly operators: readonly {
    readonly name: string;
    readonly uid: string | null;
    readonly id: string;
    readonly parallelism: number;
    readonly maxParallelism: number;
    readonly subtasks: number;
    readonly coordinatorBytes: number;
    readonly bytes: number;
  }[];
}

export interface PackedFile {
  /** Below the directory. */
  readonly path: string;
  readonly size: number;
  /** Null: only its name and size were kept. */
  readonly bytes: Uint8Array | null;
}

export interface PackedDirectory {
  /** `new-stateful-udf-migration-itcase-flink1.16-rocksdb-checkpoint`, `v6/tumble`. */
  readonly name: string;
  /** Those with a `_metadata`, below the directory; `.`: itself. */
  readonly checkpoints: readonly {readonly path: string; readonly facts: FlinkFacts | null}[];
  readonly files: readonly PackedFile[];
}

interface Table {
  readonly name: string;
  readonly checkpoints: PackedDirectory['checkpoints'];
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly stored: boolean;
  }[];
}

export function readDirectories(): readonly PackedDirectory[] {
  const all = brotliDecompressSync(readFileSync(new URL('../directories.br', import.meta.url)));
  let at = 4 + all.readUInt32BE(0);
  const table = JSON.parse(all.toString('utf8', 4, at)) as readonly Table[];
  const next = (length: number): Uint8Array => {
    at += length;
    return Uint8Array.from(all.subarray(at - length, at));
  };
  return table.map(({name, checkpoints, files}) => ({
    name,
    checkpoints,
    files: files.map(({path, bytes: size, stored}) => ({
      path,
      size,
      bytes: stored ? next(size) : null,
    })),
  }));
}

/** Every `_metadata`, with what is known of it. */
export interface MetadataFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly facts: FlinkFacts | null;
  /** Beside it: name and size. */
  readonly beside: ReadonlyMap<string, number>;
}

export function metadataFiles(directories: readonly PackedDirectory[]): readonly MetadataFile[] {
  return directories.flatMap(({name, checkpoints, files}) =>
    checkpoints.map(({path, facts}) => {
      const prefix = path === '.' ? '' : `${path}/`;
      const inside = files.filter((file) => file.path.startsWith(prefix));
      const metadata = inside.find((file) => file.path === `${prefix}_metadata`);
      return {
        name: path === '.' ? name : `${name}/${path}`,
        bytes: metadata!.bytes!,
        facts,
        beside: new Map(inside.map((file) => [file.path.slice(prefix.length), file.size])),
      };
    }),
  );
}

/** Writes it below `root`; files of which only the size was kept are zeros. */
export async function unpack(
  files: MemoryFileSystem,
  directory: PackedDirectory,
  root: string,
): Promise<void> {
  const made = new Set<string>();
  for (const {path, size, bytes} of directory.files) {
    await makeAbove(files, `${root}/${path}`, made);
    await writeFile(files, `${root}/${path}`, bytes ?? new Uint8Array(size));
  }
}

/** `made`: what is there already. */
export async function makeAbove(
  files: MemoryFileSystem,
  path: string,
  made: Set<string> = new Set(),
): Promise<void> {
  const parts = path.split('/').slice(1, -1);
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const above = `/${parts.slice(0, depth).join('/')}`;
    if (made.has(above)) continue;
    made.add(above);
    if ((await statusOrNull(files, above)) === null) await files.makeDirectory(above);
  }
}
