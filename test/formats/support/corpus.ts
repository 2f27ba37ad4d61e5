// The kept bytes on disk: `kept/<kind>-<version>/files/…` and `facts.json` beside it. Written once, never again.

import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';

import type {CheckpointFacts} from './facts.ts';
import type {OutputText} from './kept-job.ts';
import type {Files} from './machine.ts';

export interface KeptFacts {
  readonly about: string;
  /** Directory of the checkpoint, below `files/`. */
  readonly checkpoint: string;
  readonly parallelism: number;
  readonly found: CheckpointFacts;
  /** What the finished job has written, after any restore; null: no simulated machine restores it. */
  readonly output: OutputText | null;
  /** Path below `files/` → SHA-256. */
  readonly sha256: Readonly<Record<string, string>>;
}

export interface Kept {
  readonly name: string;
  readonly facts: KeptFacts;
  readonly files: Files;
}

/** Every kept checkpoint, whichever version wrote it. */
export function readCorpus(directory: string): readonly Kept[] {
  return readdirSync(directory)
    .sort()
    .map((name) => ({
      name,
      facts: JSON.parse(readFileSync(join(directory, name, 'facts.json'), 'utf8')) as KeptFacts,
      files: readFiles(join(directory, name, 'files')),
    }));
}

export function isKept(directory: string, name: string): boolean {
  return existsSync(join(directory, name));
}

/** False: there is one of that name, and nothing was touched. */
export function keep(
  directory: string,
  {name, facts, files}: Omit<Kept, 'facts'> & {readonly facts: Omit<KeptFacts, 'sha256'>},
): boolean {
  if (isKept(directory, name)) return false;
  const home = join(directory, name);
  for (const [path, bytes] of files) {
    const target = join(home, 'files', path);
    mkdirSync(dirname(target), {recursive: true});
    writeFileSync(target, bytes, {flag: 'wx'});
  }
  const all: KeptFacts = {...facts, sha256: digestsOf(files)};
  writeFileSync(join(home, 'facts.json'), `${JSON.stringify(all)}\n`, {flag: 'wx'});
  return true;
}

export function digestsOf(files: Files): Record<string, string> {
  const digests = [...files].map(([path, bytes]): [string, string] => [
    path,
    createHash('sha256').update(bytes).digest('hex'),
  ]);
  return Object.fromEntries(digests.sort(([left], [right]) => (left < right ? -1 : 1)));
}

export function bytesBelow(directory: string): number {
  return readdirSync(directory, {recursive: true, encoding: 'utf8'})
    .map((name) => statSync(join(directory, name)))
    .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}

function readFiles(directory: string): Files {
  const names = readdirSync(directory, {recursive: true, encoding: 'utf8'}).sort();
  const files = names.filter((name) => statSync(join(directory, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
}
