// Directories that Flink wrote (test/flink-directories) as trees of a FuzzDisk: small ones, that together have every version
// from 2 to 6 and every kind of handle.

import {errorsOf} from '#src/inspection/flink/check-flink-directory.js';
import {openFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {parentOf} from '#src/storage/paths.js';
import {readDirectories} from '../../flink-directories/support/directories.ts';
import {FuzzDisk, type Entry} from './fuzz-disk.ts';
import {OUTSIDE} from './subject.ts';

export interface FlinkTree {
  readonly name: string;
  readonly tree: ReadonlyMap<string, Entry>;
  /** Nothing outside it may be looked at. */
  readonly top: string;
  /** Of `_metadata`. */
  readonly directory: string;
  /** Absolute: files whose whole length `_metadata` says. */
  readonly files: readonly string[];
}

/** Beginnings of names, and what of them there is no smaller one of. */
const NAMES = [
  'e2e/savepoints/1.7', // version 2, keyed state by key group
  'operatorstate/nonKeyed-flink1.10', // version 2, operator state inline
  'unified-sink-migration-test/savepoint-7bd90b-3a2cda6957cb', // version 3, state of a coordinator
  'new-stateful-udf-migration-itcase-flink1.15-hashmap-savepoint', // canonical
  'new-stateful-udf-migration-itcase-flink1.15-hashmap-checkpoint', // hashmap
  'new-stateful-udf-migration-itcase-flink1.17-rocksdb-checkpoint', // version 4, channels
  'new-stateful-udf-migration-itcase-flink1.17-hashmap-checkpoint', // changes inline
  'type-serializer-snapshot-migration-itcase-flink1.16-hashmap-savepoint',
  'type-serializer-snapshot-migration-itcase-flink1.16-rocksdb-checkpoint',
  'type-serializer-snapshot-migration-itcase-flink1.16-hashmap-savepoint-native',
  'table-state', // version 5, states of hooks on the master
  'new-stateful-udf-migration-itcase-flink2.0-hashmap-checkpoint',
  'new-stateful-broadcast-udf-migration-itcase-flink2.0-rocksdb-checkpoint',
  'new-stateful-udf-migration-itcase-flink2.0-hashmap-savepoint-native',
  'v6/unaligned', // version 6, channels in flight
  'v6/savepoint-canonical',
  'v6/changelog-fs-hashmap',
  'v6/hashmap-aligned',
  'v6/rocksdb-incremental', // absolute paths
  'v6/file-merging-rocksdb', // segments of merged files
];
const ROOT = '/flink';

export async function flinkTrees(): Promise<readonly FlinkTree[]> {
  const packed = new Map(readDirectories().map((directory) => [directory.name, directory]));
  const trees: FlinkTree[] = [];
  for (const name of NAMES) {
    const {checkpoints, files} = packed.get(name)!;
    const home = `${ROOT}/${name.replaceAll('/', '-')}`;
    const tree = new Map<string, Entry>([
      [OUTSIDE, {kind: 'directory'}],
      ['/scratch', {kind: 'directory'}],
    ]);
    for (const {path, size, bytes} of files) {
      const parts = `${home}/${path}`.split('/');
      for (let depth = 2; depth < parts.length; depth += 1) {
        tree.set(parts.slice(0, depth).join('/'), {kind: 'directory'});
      }
      // Of the older ones only the length was kept, which is all that anybody looks at.
      tree.set(`${home}/${path}`, {kind: 'file', data: bytes ?? new Uint8Array(size)});
    }
    const own = checkpoints.at(-1)!.path;
    const directory = own === '.' ? home : `${home}/${own}`;
    const isOfJob = /^[0-9a-f]{32}\/chk-\d+$/.test(own);
    const top = isOfJob ? home : directory;
    trees.push({
      name: `flink ${name}`,
      tree,
      top,
      directory,
      files: await wholeFiles(tree, directory),
    });
  }
  return trees;
}

async function wholeFiles(tree: FlinkTree['tree'], directory: string): Promise<readonly string[]> {
  const read = await openFlinkDirectory({files: new FuzzDisk(tree), directory, maps: []});
  // Some of the changes that a changelog refers to lie in another directory.
  const [wrong] = errorsOf(directory, read).filter(({code}) => code !== 'file-elsewhere');
  if (wrong !== undefined) throw new Error(`${directory}: ${wrong.message}`);
  return read.files.flatMap(({location, lengths}) =>
    location.kind === 'here' && lengths.length > 0 ? [location.path] : [],
  );
}

/** Where `checkpoint list` is asked. */
export function homeOf({directory}: FlinkTree): string {
  return parentOf(directory);
}
