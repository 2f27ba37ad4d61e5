// Which splits a file source has: found when it starts fresh, else those that the checkpoint knew. What a
// checkpoint knew is not looked for again but compared.

import {sha256Hex} from '../../base/checksum.ts';
import {EngineError} from '../../base/errors.ts';
import type {EnumerateContext} from '../connector.ts';
import {absolutePath, discoverFiles, type FoundFile} from './discover-splits.ts';
import {closeFile, openFile, openSplit, type SplitPlace} from './split-identity.ts';
import {inReadingOrder, restoredPlan} from './split-plan.ts';
import type {SplitPlan, UnfinishedSplit} from './split.ts';

export interface SplitSource {
  readonly context: EnumerateContext;
  /** Absolute paths or patterns. */
  readonly patterns: readonly string[];
  /** Their names are in the order of time. */
  readonly ordered: boolean;
}

/** Of a bounded source: it reads what there was when it started, and only names what has come since. */
export async function planSplits(source: SplitSource): Promise<SplitPlan> {
  const {context, ordered} = source;
  const plan = restoredPlan(context.uid, context.restored, ordered);
  if (plan === null) return discover(source);
  for (const each of plan.unfinished) await checkSplit(context, each);
  await reportChanges(source, plan);
  return plan;
}

async function discover(source: SplitSource): Promise<SplitPlan> {
  const {context, patterns, ordered} = source;
  const found = await lookForFiles(source);
  if (found.length === 0) {
    const message = `${context.uid}: no file matches ${patterns.join(', ')}`;
    throw new EngineError('NOT_FOUND', message, {
      hint: 'Paths are relative to the job file; a name that begins with a point is matched only by one.',
      file: patterns[0],
    });
  }
  const splits = await splitsOf(context, found);
  return {watermark: -Infinity, finished: [], unfinished: inReadingOrder(splits, ordered)};
}

async function reportChanges(source: SplitSource, plan: SplitPlan): Promise<void> {
  const {context} = source;
  const known = new Map(plan.finished.map(({path, size}) => [path, size]));
  for (const {split} of plan.unfinished) known.set(split.path, split.size);
  for (const {path, size} of await lookForFiles(source)) {
    const before = known.get(path);
    if (before === undefined) {
      context.warn(`${context.uid}: ${path} is new and is not read; a fresh start reads it`);
    } else if (size > before) {
      const grown = `${path} has grown from ${before} to ${size} bytes`;
      context.warn(`${context.uid}: ${grown}; only the first ${before} are read`);
    }
  }
}

export async function lookForFiles(source: SplitSource): Promise<readonly FoundFile[]> {
  const {context, patterns} = source;
  const {files, uid, jobDirectory} = context;
  return discoverFiles({files, uid, jobDirectory, patterns});
}

/** Splits that nobody has read yet. */
export async function splitsOf(
  context: EnumerateContext,
  found: readonly FoundFile[],
): Promise<readonly UnfinishedSplit[]> {
  const splits: UnfinishedSplit[] = [];
  for (const {path} of found) {
    const place = splitPlace(context, path);
    const file = await openFile(place);
    // Gone since it was listed: as if it had never been there.
    if (file === null) continue;
    await closeFile({...place, handle: file.handle});
    const split = {path, size: file.size, head: sha256Hex(file.head)};
    splits.push({split, position: null});
  }
  return splits;
}

/** SOURCE_LOST_DATA when it is no longer the file that was found. */
export async function checkSplit(
  context: EnumerateContext,
  {split}: UnfinishedSplit,
): Promise<void> {
  const place = splitPlace(context, split.path);
  const {handle} = await openSplit(place, split);
  await closeFile({...place, handle});
}

export function splitPlace(context: EnumerateContext, path: string): SplitPlace {
  const {files, uid, jobDirectory} = context;
  return {files, uid, path: absolutePath(jobDirectory, path)};
}
