// One mutation by its number: which checkpoint, what is done to it and what is asked of its readers follows from that alone.

import {SeededRandom} from '#src/base/random.js';
import {pick} from './flink-bytes.ts';
import {dataOf, metadataOf, pickFlinkMutation} from './flink-mutations.ts';
import {flinkTrees, type FlinkTree} from './flink-trees.ts';
import type {Entry} from './fuzz-disk.ts';
import {judgeFlink} from './judge-flink.ts';
import {judge, type Outcome} from './judge.ts';
import {keptTrees, partsOf, type Kept} from './kept-trees.ts';
import {MUTATIONS} from './mutations.ts';

export interface Corpus {
  /** A checkpoint of each kind, and its parts. */
  readonly own: readonly {readonly whole: Kept; readonly parts: readonly Kept[]}[];
  readonly flink: readonly FlinkTree[];
}

export interface Ran {
  readonly kept: string;
  readonly kind: string;
  readonly outcome: Outcome | 'unchanged';
  /** Null: as it must be. */
  readonly failure: unknown;
}

/** Of ten, how many are done to a whole checkpoint. */
const WHOLE_SHARE = 0.1;
const LEVELS = ['checksum', 'decode', 'restore'] as const;
const FLINK_LEVELS = ['manifest', ...LEVELS] as const;
const KINDS = Object.entries(MUTATIONS);
const SEALING = KINDS.filter(([, {sealed}]) => sealed);

export async function readCorpus(kept: string): Promise<Corpus> {
  const own: {whole: Kept; parts: readonly Kept[]}[] = [];
  for (const whole of await keptTrees(kept)) own.push({whole, parts: await partsOf(whole)});
  return {own, flink: await flinkTrees()};
}

/** One in so many is done to a directory of Flink, as many to each of our own kinds. */
export async function runMutation(number: number, {own, flink}: Corpus): Promise<Ran> {
  const random = new SeededRandom(number);
  const kind = number % (own.length + 1);
  if (kind === own.length) return runOnFlink(flink, random);
  return runOnOwn(own[kind]!, random);
}

async function runOnOwn({whole, parts}: Corpus['own'][number], random: SeededRandom): Promise<Ran> {
  const kept = random.next() < WHOLE_SHARE ? whole : pick(random, parts);
  // Half of them by somebody who computes sums: behind those lie the most guards.
  const [kind, mutation] = pick(random, random.next() < 0.5 ? SEALING : KINDS);
  const tree = new Map(kept.tree);
  const {sealed} = mutation;
  const level = pick(random, sealed ? (['decode', 'restore'] as const) : LEVELS);
  const lists = random.next() < 0.5;
  return ran(kept.name, kind, async () => {
    mutation.apply({...kept, tree}, random);
    return isSame(tree, kept.tree) ? 'unchanged' : judge(tree, kept, {sealed, level, lists});
  });
}

async function runOnFlink(all: Corpus['flink'], random: SeededRandom): Promise<Ran> {
  const flink = pick(random, all);
  const [kind, mutation] = pickFlinkMutation(random);
  const tree = new Map(flink.tree);
  const level = pick(random, FLINK_LEVELS);
  const lists = random.next() < 0.5;
  const other = pick(random, all);
  return ran(flink.name, `flink, ${kind}`, async () => {
    mutation.apply(tree, flink, random, dataOf(other.tree, metadataOf(other.directory)));
    const {found} = mutation;
    return isSame(tree, flink.tree) ? 'unchanged' : judgeFlink(tree, flink, {found, level, lists});
  });
}

async function ran(
  kept: string,
  kind: string,
  judged: () => Promise<Ran['outcome']>,
): Promise<Ran> {
  try {
    return {kept, kind, outcome: await judged(), failure: null};
  } catch (failure) {
    return {kept, kind, outcome: 'unchanged', failure};
  }
}

function isSame(left: ReadonlyMap<string, Entry>, right: ReadonlyMap<string, Entry>): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([path, entry]) => {
    const other = right.get(path);
    if (entry === other) return true;
    if (entry.kind !== 'file' || other?.kind !== 'file') return false;
    return Buffer.compare(entry.data, other.data) === 0;
  });
}
