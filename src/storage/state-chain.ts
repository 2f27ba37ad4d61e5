// Keyed state in several files: one with all rows, and deltas to be applied to it in order. The handles stand in this
// order in `_metadata`, and each says in its `description` where it belongs:
//
//   chain   {sequence, previous, files}   the file with all rows is 0 and has the previous null; a delta names the
//                                         SHA-256 of the file before it; `files`: how many the chain has in this
//                                         checkpoint
//
// A handle without it is a chain of its own. Pure: that the files are there, and are what their names say, is checked
// like that of any file.

import {EngineError} from '../base/errors.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {parseSharedPath, sharedPath} from './paths.ts';

export interface ChainPlace {
  readonly sequence: number;
  readonly previous: string | null;
  readonly files: number;
}

/** The table `name` of one subtask. */
export interface StateChain {
  readonly name: string;
  /** The one with all rows first. */
  readonly files: readonly FileState[];
}

export interface BrokenChain {
  readonly name: string;
  /** As a handle names it: what is missing, or is not where it belongs. */
  readonly path: string;
  /** A sentence without a stop. */
  readonly message: string;
}

/** Null: it belongs to no chain, or says nonsense, which then shows as a chain that is broken. */
export function chainPlaceOf({description}: FileState): ChainPlace | null {
  const {chain} = (description ?? {}) as {readonly chain?: Partial<Record<string, unknown>> | null};
  if (chain === undefined || chain === null) return null;
  const {sequence, previous, files} = chain;
  return {
    sequence: typeof sequence === 'number' ? sequence : -1,
    previous: typeof previous === 'string' ? previous : null,
    files: typeof files === 'number' ? files : 0,
  };
}

/** The keyed state of one subtask, in the order of its handles. */
export function chainsOf(states: readonly FileState[]): readonly (StateChain | BrokenChain)[] {
  const byName = new Map<string, FileState[]>();
  for (const state of states) {
    const files = byName.get(state.name);
    if (files === undefined) byName.set(state.name, [state]);
    else files.push(state);
  }
  return [...byName].flatMap(([name, files]): (StateChain | BrokenChain)[] => {
    if (!isChained(files)) return files.map((file) => ({name, files: [file]}));
    const broken = brokenAt(files);
    return [broken === null ? {name, files} : {name, ...broken}];
  });
}

/** What is wrong with the chains of a checkpoint, by operator and subtask. */
export function brokenChainsOf({operators}: CheckpointMetadata): readonly BrokenChain[] {
  const broken: BrokenChain[] = [];
  for (const {states} of operators.flatMap(({subtasks}) => subtasks)) {
    // Most states are one file.
    if (!states.some((state) => isKeyedFile(state) && chainPlaceOf(state) !== null)) continue;
    for (const chain of chainsOf(states.filter(isKeyedFile))) {
      if ('message' in chain) broken.push(chain);
    }
  }
  return broken;
}

/** The same, where it has to be whole. */
export function requireWhole(chain: StateChain | BrokenChain, directory: string): StateChain {
  if (!('message' in chain)) return chain;
  throw new EngineError('CHECKPOINT_DAMAGED', `${directory}: ${chain.message}`, {
    file: directory,
    hint: 'Run `tidemark checkpoint verify`; restore an older checkpoint.',
    facts: {missing: chain.path},
  });
}

export function isKeyedFile(state: {
  readonly location: string;
  readonly kind: string;
}): state is FileState {
  return state.location === 'file' && state.kind === 'keyed';
}

function isChained(files: readonly FileState[]): boolean {
  return files.some((file) => chainPlaceOf(file) !== null);
}

function brokenAt(files: readonly FileState[]): Omit<BrokenChain, 'name'> | null {
  const {name} = files[0]!;
  for (const [index, file] of files.entries()) {
    const place = chainPlaceOf(file);
    const before = files[index - 1] ?? null;
    if (place === null) return misplaced(file, `${file.path} does not say its place in the chain`);
    const {sequence, previous} = place;
    if (sequence === index && previous === (before?.sha256 ?? null)) continue;
    const isListed = previous === null || files.some(({sha256}) => sha256 === previous);
    if (isListed)
      return misplaced(
        file,
        `${file.path} is file ${sequence} of the state ${name}, and stands at ${index}`,
      );
    const path = pathOf(previous, file);
    return {
      path,
      message: `${path}, which comes before ${file.path}, is missing in the state ${name}`,
    };
  }
  const last = files.at(-1)!;
  const wanted = files
    .map((file) => chainPlaceOf(file)!.files)
    .find((count) => count !== files.length);
  if (wanted === undefined) return null;
  const message = `the state ${name} has ${wanted} files, and ${files.length} of them are named: what follows ${last.path} is missing`;
  return {path: last.path, message};
}

function misplaced({path}: FileState, message: string): Omit<BrokenChain, 'name'> {
  return {path, message};
}

/** Where the file of that digest lies, as far as the file behind it tells. */
function pathOf(sha256: string, neighbour: FileState): string {
  if (parseSharedPath(neighbour.path) !== null && /^[0-9a-f]{64}$/.test(sha256)) {
    return sharedPath(sha256);
  }
  return sha256;
}
