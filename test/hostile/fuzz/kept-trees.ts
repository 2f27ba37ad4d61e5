// The kept checkpoints (test/formats) as trees of a FuzzDisk: whole, and in parts. A part is a checkpoint too, with one of the
// operators that have state files and some of the others: what is changed in it is more often what somebody looks at, and
// looking at it takes a third of the time.

import {decodeMetadata} from '#src/storage/metadata-decoder.js';
import {distinctFilesOf} from '#src/storage/metadata-encoder.js';
import {stateFileAt} from '#src/storage/paths.js';
import {readCorpus} from '../../formats/support/corpus.ts';
import {FuzzDisk, type Entry} from './fuzz-disk.ts';
import {rowsOf, type Judged} from './judge.ts';
import {bodyOf, OUTSIDE, setBody, sumAgain, type Subject} from './subject.ts';

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
      addFile(tree, `/${path}`, data);
    }
    corpus.push(await judged({name, home, directory, tree}));
  }
  return corpus;
}

/** `whole` by each of its operators with state files; the others are dealt to these in turn. */
export async function partsOf(whole: Kept): Promise<readonly Kept[]> {
  const {metadata, home, directory, tree, files} = whole;
  const stateful = metadata.operators.filter(({subtasks}) =>
    subtasks.some(({states}) => states.some(({location}) => location === 'file')),
  );
  const others = metadata.operators.filter((operator) => !stateful.includes(operator));
  const parts: Kept[] = [];
  for (const [turn, {uid}] of stateful.entries()) {
    const uids = new Set([uid]);
    for (let next = turn; next < others.length; next += stateful.length) {
      uids.add(others[next]!.uid);
    }
    const own = new Map([...tree].filter(([, {kind}]) => kind !== 'file'));
    for (const path of files.slice(0, 2)) own.set(path, tree.get(path)!);
    const subject = {tree: own, directory, files};
    const body = JSON.parse(bodyOf(subject)) as {operators: {uid: string}[]};
    body.operators = body.operators.filter((operator) => uids.has(operator.uid));
    setBody(subject, JSON.stringify(body));
    sumAgain(subject);
    for (const path of filesNamed(own, directory).slice(2)) own.set(path, tree.get(path)!);
    withoutEmpty(own, home);
    parts.push(await judged({name: `${whole.name}, ${uid}`, home, directory, tree: own}));
  }
  return parts;
}

async function judged(kept: Pick<Kept, 'name' | 'home' | 'directory' | 'tree'>): Promise<Kept> {
  const {name, directory, tree} = kept;
  const rows = name.startsWith('rocksdb') ? '' : (await rowsOf(new FuzzDisk(tree), directory)).text;
  return {
    ...kept,
    metadata: metadataOf(tree, directory),
    rows,
    files: filesNamed(tree, directory),
  };
}

function metadataOf(tree: Kept['tree'], directory: string): Kept['metadata'] {
  const entry = tree.get(`${directory}/_metadata`);
  const decoded = entry?.kind === 'file' ? decodeMetadata(entry.data) : null;
  if (decoded?.kind !== 'decoded') throw new Error(`${directory} cannot be read`);
  return decoded.metadata;
}

/** What the checksums of a checkpoint cover: `Subject.files`. */
function filesNamed(tree: Kept['tree'], directory: string): readonly string[] {
  const {own, shared} = distinctFilesOf(metadataOf(tree, directory));
  const covered = ['_metadata', 'SHA256SUMS', ...[...own, ...shared].map(({path}) => path)];
  return covered.map((path) => stateFileAt(directory, path));
}

function addFile(tree: Map<string, Entry>, path: string, data: Uint8Array): void {
  const parts = path.split('/');
  for (let depth = 2; depth < parts.length; depth += 1) {
    tree.set(parts.slice(0, depth).join('/'), {kind: 'directory'});
  }
  tree.set(path, {kind: 'file', data});
}

/** Directories below `home` that lead to no file any more. */
function withoutEmpty(tree: Map<string, Entry>, home: string): void {
  const files = [...tree].flatMap(([path, {kind}]) => (kind === 'file' ? [path] : []));
  for (const [path, {kind}] of [...tree]) {
    if (kind === 'file' || !path.startsWith(`${home}/`)) continue;
    if (!files.some((file) => file.startsWith(`${path}/`))) tree.delete(path);
  }
}
