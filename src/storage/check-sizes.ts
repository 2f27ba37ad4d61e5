// State files as their directory shows them: plain files, below plain directories, of the lengths that their handles say.

import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileStatus, FileSystem} from './file-system.ts';
import {errorAt, wrongKind, type Finding} from './finding.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {parentOf, parseSharedPath, stateFileAt} from './paths.ts';
import {statusOrNull} from './status-or-null.ts';

/** Files that are looked at at once: one after another, ten thousand of them take longer than a person waits. */
const LOOKED_AT_ONCE = 256;

/** What was found on the way, for whoever looks at many checkpoints in one go. Paths are absolute. */
export class KnownPaths {
  /** That are directories, and no links. */
  readonly directories = new Set<string>();
  /** Plain files in `shared/`, which never change: their lengths. What is missing may yet come, and is looked for again. */
  readonly sharedLengths = new Map<string, number>();
}

/** What is wrong with the files that `metadata` names, in its order. Opens none. */
export async function checkSizes(
  files: FileSystem,
  directory: string,
  metadata: CheckpointMetadata,
  known: KnownPaths = new KnownPaths(),
): Promise<readonly Finding[]> {
  const {own, shared} = distinctFilesOf(metadata);
  const all = [...own, ...shared].map((file) => placeOf(directory, file));
  const above = new Map<string, DirectoryFacts>();
  for (const {base, parent} of all) {
    if (above.has(parent)) continue;
    if (known.directories.has(parent)) above.set(parent, {kind: 'directory'});
    else await lookAbove(files, base, parent, above);
    // What is the checkpoint's own nobody asks for again.
    if (base !== directory && above.get(parent)?.kind === 'directory') {
      known.directories.add(parent);
    }
  }
  // Nothing below a refused directory is looked at: it may lead anywhere.
  const unknown = all.filter(
    ({path, parent}) => above.get(parent)?.kind === 'directory' && !known.sharedLengths.has(path),
  );
  const statuses = await statusesOf(
    files,
    unknown.map(({path}) => path),
  );
  const seen = new Map<string, FileStatus | null>();
  for (const [index, {base, path}] of unknown.entries()) {
    const status = statuses[index] ?? null;
    seen.set(path, status);
    const isShared = base !== directory;
    if (isShared && status?.kind === 'file') known.sharedLengths.set(path, status.size);
  }
  return all.flatMap(({path, parent, length}): Finding[] => {
    const facts = above.get(parent)!;
    if (facts.kind === 'wrong') return [wrongKind(facts.path)];
    const status = seen.get(path) ?? null;
    const size = known.sharedLengths.get(path) ?? status?.size;
    if (size === undefined) return [errorAt('file-absent', path, `${path} is missing`)];
    if (status !== null && status.kind !== 'file') return [wrongKind(path)];
    return size === length ? [] : [wrongLength(path, size, length)];
  });
}

interface FilePlace {
  /** Absolute. */
  readonly path: string;
  readonly parent: string;
  /** That has been passed through already: what is above a shared file is above the checkpoint too. */
  readonly base: string;
  readonly length: number;
}

function placeOf(directory: string, {path: relative, length}: FileState): FilePlace {
  const path = stateFileAt(directory, relative);
  const base = parseSharedPath(relative) === null ? directory : parentOf(directory);
  return {path, parent: parentOf(path), base, length};
}

/** A directory and those between it and the base. */
type DirectoryFacts =
  | {readonly kind: 'directory' | 'missing'}
  /** `path`: what is no directory. */
  | {readonly kind: 'wrong'; readonly path: string};

async function lookAbove(
  files: FileSystem,
  base: string,
  directory: string,
  known: Map<string, DirectoryFacts>,
): Promise<DirectoryFacts> {
  const before = directory === base ? ({kind: 'directory'} as const) : known.get(directory);
  if (before !== undefined) {
    known.set(directory, before);
    return before;
  }
  const above = await lookAbove(files, base, parentOf(directory), known);
  const facts = above.kind === 'directory' ? await look(files, directory) : above;
  known.set(directory, facts);
  return facts;
}

async function look(files: FileSystem, directory: string): Promise<DirectoryFacts> {
  const status = await statusOrNull(files, directory);
  if (status === null) return {kind: 'missing'};
  return status.kind === 'directory' ? {kind: 'directory'} : {kind: 'wrong', path: directory};
}

/** In the order of `paths`; null: not there. */
async function statusesOf(
  files: FileSystem,
  paths: readonly string[],
): Promise<readonly (FileStatus | null)[]> {
  if (files.statuses !== undefined) return files.statuses(paths);
  const found: (FileStatus | null)[] = [];
  for (let first = 0; first < paths.length; first += LOOKED_AT_ONCE) {
    const some = paths.slice(first, first + LOOKED_AT_ONCE);
    found.push(...(await Promise.all(some.map(async (path) => statusOrNull(files, path)))));
  }
  return found;
}

function wrongLength(path: string, found: number, expected: number): Finding {
  const code = found < expected ? 'file-truncated' : 'file-extended';
  return {
    ...errorAt(code, path, `${path} has ${found} bytes, it was written with ${expected}`),
    offset: Math.min(found, expected),
    expected: `${expected} bytes`,
    found: `${found} bytes`,
  };
}
