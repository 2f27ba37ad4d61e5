// Path patterns over a FileSystem.
//
//   *       any characters but /, also none      ?       one character but /
//   [a-c]   one of them, [!a-c] none of them     {a,b}   either, nested and across / too
//   **      as a whole part: any directories, also none
//
// A name that begins with a point matches only a part that does, so that files still being written are
// not read. A path that is there as it stands is taken as it stands, whatever characters it has. Matching
// takes at most (pattern length × name length) steps. `**` does not enter linked directories.

import {join} from 'node:path';
import {systemErrorCode} from '../../base/errors.ts';
import type {DirectoryEntry, FileSystem} from '../../storage/file-system.ts';

/** Alternatives that one pattern may have. */
const ALTERNATIVES_MAX = 1000;
/** Directories below each other that `**` enters. */
const DEPTH_MAX = 64;

export interface GlobMatch {
  /** Absolute. */
  readonly path: string;
  readonly kind: DirectoryEntry['kind'];
}

/** What `pattern` (absolute) matches, each path once, sorted bytewise; also directories. */
export async function glob(files: FileSystem, pattern: string): Promise<readonly GlobMatch[]> {
  const exact = await kindOf(files, pattern);
  if (exact !== null) return [{path: pattern, kind: exact}];
  const found = new Map<string, DirectoryEntry['kind']>();
  for (const alternative of expandBraces(pattern)) {
    const parts = alternative.split('/').filter((part) => part !== '');
    await walk(files, '/', parts, 0, found);
  }
  return [...found]
    .map(([path, kind]) => ({path, kind}))
    .sort((left, right) => Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)));
}

async function walk(
  files: FileSystem,
  directory: string,
  parts: readonly string[],
  depth: number,
  found: Map<string, DirectoryEntry['kind']>,
): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (part === '**') {
    await walk(files, directory, rest, depth, found);
    if (depth >= DEPTH_MAX) return;
    for (const {name, kind} of await listIfThere(files, directory)) {
      if (kind !== 'directory' || name.startsWith('.')) continue;
      await walk(files, join(directory, name), parts, depth + 1, found);
    }
    return;
  }
  if (!hasMagic(part)) {
    const path = join(directory, part);
    if (rest.length > 0) await walk(files, path, rest, depth, found);
    else {
      const kind = await kindOf(files, path);
      if (kind !== null) found.set(path, kind);
    }
    return;
  }
  for (const {name, kind} of await listIfThere(files, directory)) {
    if (!matchesPart(part, name)) continue;
    const path = join(directory, name);
    if (rest.length === 0) found.set(path, kind);
    else if (kind !== 'file') await walk(files, path, rest, depth, found);
  }
}

/** `a{b,c}d` → `abd`, `acd`. A brace without partner stands for itself. */
export function expandBraces(pattern: string): readonly string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const group = findBraces(next);
    if (group === null) {
      done.push(next);
      continue;
    }
    const before = next.slice(0, group.start);
    const after = next.slice(group.end + 1);
    for (const alternative of group.alternatives) open.push(before + alternative + after);
    if (open.length + done.length > ALTERNATIVES_MAX) return done;
  }
  return done.reverse();
}

/** The first group of braces that has a comma of its own. */
function findBraces(
  pattern: string,
): {readonly start: number; readonly end: number; readonly alternatives: readonly string[]} | null {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    const alternatives: string[] = [];
    let depth = 0;
    let begin = start + 1;
    for (let index = start; index < pattern.length; index += 1) {
      const character = pattern[index];
      if (character === '{') depth += 1;
      else if (character === ',' && depth === 1) {
        alternatives.push(pattern.slice(begin, index));
        begin = index + 1;
      } else if (character === '}') {
        depth -= 1;
        if (depth > 0) continue;
        if (alternatives.length === 0) break;
        alternatives.push(pattern.slice(begin, index));
        return {start, end: index, alternatives};
      }
    }
  }
  return null;
}

/** Whether `name`, one part of a path, matches a part of a pattern without braces and `**`. */
export function matchesPart(part: string, name: string): boolean {
  if (name.startsWith('.') && !part.startsWith('.')) return false;
  let at = 0;
  let position = 0;
  // Where the last `*` stands, and up to where it has taken characters: the only place to go back to.
  let star = -1;
  let taken = 0;
  while (position < name.length) {
    const character = part[at];
    if (character === '*') {
      star = at;
      taken = position;
      at += 1;
      continue;
    }
    const next = character === undefined ? -1 : matchOne(part, at, name[position]!);
    if (next !== -1) {
      at = next;
      position += 1;
    } else if (star !== -1) {
      taken += 1;
      position = taken;
      at = star + 1;
    } else return false;
  }
  while (part[at] === '*') at += 1;
  return at === part.length;
}

/** Where the pattern goes on after it matched `character`; -1: it does not match. */
function matchOne(part: string, at: number, character: string): number {
  if (part[at] === '?') return at + 1;
  const end = part[at] === '[' ? part.indexOf(']', at + 2) : -1;
  if (end === -1) return part[at] === character ? at + 1 : -1;
  const negated = part[at + 1] === '!' || part[at + 1] === '^';
  let inside = false;
  for (let index = at + (negated ? 2 : 1); index < end; index += 1) {
    const low = part[index]!;
    const isRange = part[index + 1] === '-' && index + 2 < end;
    const high = isRange ? part[index + 2]! : low;
    if (character >= low && character <= high) inside = true;
    if (isRange) index += 2;
  }
  return inside === negated ? -1 : end + 1;
}

function hasMagic(part: string): boolean {
  return /[*?[]/.test(part);
}

/** What is there, a link not followed; null: nothing. */
async function kindOf(files: FileSystem, path: string): Promise<DirectoryEntry['kind'] | null> {
  try {
    return (await files.status(path)).kind;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

async function listIfThere(files: FileSystem, path: string): Promise<readonly DirectoryEntry[]> {
  try {
    return await files.list(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
