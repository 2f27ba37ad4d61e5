// The kept checkpoints (test/formats) as trees of a FuzzDisk.

import {decodeMetadata} from '#src/storage/metadata-decoder.js';
import {distinctFilesOf} from '#src/storage/metadata-encoder.js';
import {stateFileAt} from '#src/storage/paths.js';
import {readCorpus} from '../../formats/support/corpus.ts';
import {FuzzDisk, type Entry} from './fuzz-disk.ts';
import {rowsOf, type Judged} from './judge.ts';
import {OUTSIDE, type Subject} from './mutations.ts';

export interface Kept extends Judged, Omit<Subject, 'tree'> {
  readonly name: string;
  readonly tree: ReadonlyMap<string, Entry>;
}

/** One of each kind, out of `kept`, the directory of them all. Rows are those that the state reader has; of a database none. */
export async function keptTrees(kept: string): Promise<readonly Kept[]> {
  const corpus: Kept[] = [];
  for (const {name, facts, files} of readCorpus(kept)) {
    const tree = new Map<string, Entry>([
      [OUTSIDE, {kind: 'directory'}],
      ['/scratch', {kind: 'directory'}],
    ]);
    const directory = `/${facts.checkpoint}`;
    const home = directory.slice(0, directory.lastIndexOf('/'));
    for (const [path, data] of files) {
      if (!`/${path}`.startsWith(`${home}/`)) continue;
      // Of the others one needs those that share files with it.
      const isOther = path.includes('/chk-') && !path.startsWith(`${facts.checkpoint}/`);
      if (isOther && !name.includes('incremental')) continue;
      const parts = path.split('/');
      for (let depth = 1; depth < parts.length; depth += 1) {
        tree.set(`/${parts.slice(0, depth).join('/')}`, {kind: 'directory'});
      }
      tree.set(`/${path}`, {kind: 'file', data});
    }
    const decoded = decodeMetadata(files.get(`${facts.checkpoint}/_metadata`)!);
    if (decoded.kind !== 'decoded') throw new Error(`${name} cannot be read`);
    const {metadata} = decoded;
    const {own, shared} = distinctFilesOf(metadata);
    const covered = ['_metadata', 'SHA256SUMS', ...[...own, ...shared].map(({path}) => path)];
    const paths = covered.map((path) => stateFileAt(directory, path));
    const rows = name.startsWith('rocksdb')
      ? ''
      : (await rowsOf(new FuzzDisk(tree), directory)).text;
    corpus.push({name, home, directory, metadata, rows, tree, files: paths});
  }
  return corpus;
}
