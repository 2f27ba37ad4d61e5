import {relative} from 'node:path';

/** On a terminal a path below the working directory is told from there: it fits, and can be pasted. A pipe gets all of it. */
export function shownPath(path: string): string {
  if (!process.stdout.isTTY) return path;
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') ? path : near;
}
