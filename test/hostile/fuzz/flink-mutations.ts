// What is done to a directory that Flink wrote: to the bytes of its `_metadata`, and to its files as a disk does it.

import type {SeededRandom} from '#src/base/random.js';
import {FLINK_BYTES, pick} from './flink-bytes.ts';
import type {FlinkTree} from './flink-trees.ts';
import type {Entry} from './fuzz-disk.ts';
import {linkDirectoryOf, OUTSIDE} from './subject.ts';

export interface FlinkMutation {
  /** `verify` must see it: a length that is told, or the kind of a file. */
  readonly found: boolean;
  readonly apply: (
    tree: Map<string, Entry>,
    flink: FlinkTree,
    random: SeededRandom,
    other: Uint8Array,
  ) => void;
}

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);

const OF_BYTES = Object.entries(FLINK_BYTES).map(([name, change]): [string, FlinkMutation] => [
  name,
  {
    found: false,
    apply: (tree, {directory}, random, other) => {
      const path = metadataOf(directory);
      tree.set(path, file(change(Buffer.from(dataOf(tree, path)), random, other)));
    },
  },
]);

const ON_DISK: readonly [string, FlinkMutation][] = [
  onDisk('truncate', (tree, path, random) => {
    const data = dataOf(tree, path);
    tree.set(path, file(data.subarray(0, at(random, data.length))));
  }),
  onDisk('extend', (tree, path) =>
    tree.set(path, file(Buffer.concat([dataOf(tree, path), Buffer.of(0)]))),
  ),
  onDisk('remove', (tree, path) => tree.delete(path)),
  onDisk('rename', (tree, path, random) => {
    tree.set(`${path}${pick(random, ['x', '.tmp', '/x'])}`, tree.get(path)!);
    tree.delete(path);
  }),
  // To the very same bytes, to nothing, to itself.
  onDisk('link', (tree, path, random) => {
    tree.set(`${OUTSIDE}/same`, tree.get(path)!);
    tree.set(path, {kind: 'link', target: pick(random, [`${OUTSIDE}/same`, '/nowhere', path])});
  }),
  onDisk('kind', (tree, path, random) =>
    tree.set(path, {kind: pick(random, ['directory', 'other'])}),
  ),
  onDisk('link of a directory', linkDirectoryOf),
];

/** Half of them to the bytes of `_metadata`. */
export function pickFlinkMutation(random: SeededRandom): [string, FlinkMutation] {
  return pick(random, random.next() < 0.6 ? OF_BYTES : ON_DISK);
}

/** To `_metadata`, or to a file whose length it says. */
function onDisk(
  name: string,
  change: (tree: Map<string, Entry>, path: string, random: SeededRandom) => unknown,
): [string, FlinkMutation] {
  const apply: FlinkMutation['apply'] = (tree, {directory, files}, random) => {
    const isMetadata = files.length === 0 || random.next() < 0.3;
    change(tree, isMetadata ? metadataOf(directory) : pick(random, files), random);
  };
  return [name, {found: true, apply}];
}

export function metadataOf(directory: string): string {
  return `${directory}/_metadata`;
}

export function dataOf(tree: ReadonlyMap<string, Entry>, path: string): Uint8Array {
  const entry = tree.get(path);
  return entry?.kind === 'file' ? entry.data : new Uint8Array();
}

function file(data: Uint8Array): Entry {
  return {kind: 'file', data};
}
