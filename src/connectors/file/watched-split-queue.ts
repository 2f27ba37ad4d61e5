// A source with `bounded: false`: files are looked for again and again, and each belongs to a subtask by its
// path, so that all agree whenever they look.

import type {ConnectorContext} from '../connector.ts';
import {ownerOf, type FoundFile} from './discover-splits.ts';
import {checkSplit, lookForFiles, splitsOf, type SplitSource} from './enumerate-splits.ts';
import {hasGrown} from './split-identity.ts';
import {inReadingOrder, restoredPlan} from './split-plan.ts';
import type {SplitQueue} from './split-queue.ts';
import type {FinishedSplit, Split, UnfinishedSplit} from './split.ts';

export interface WatchedSplitQueueOptions extends SplitSource {
  readonly context: ConnectorContext;
  /** `count` further splits are to be read; called in the same step in which they can be taken. */
  readonly added: (count: number) => void;
}

export class WatchedSplitQueue implements SplitQueue {
  readonly hasUnclaimed = false;
  readonly shares = null;
  readonly #options: WatchedSplitQueueOptions;
  #unread: readonly UnfinishedSplit[] = [];
  readonly #finished = new Map<string, FinishedSplit>();
  /** Taken and not finished. */
  readonly #open = new Map<string, Split>();

  constructor(options: WatchedSplitQueueOptions) {
    this.#options = options;
  }

  get hasMore(): boolean {
    return this.#unread.length > 0;
  }

  get unread(): readonly UnfinishedSplit[] {
    return this.#unread;
  }

  get finished(): readonly FinishedSplit[] {
    return [...this.#finished.values()];
  }

  async open(): Promise<number> {
    const {context, ordered} = this.#options;
    const plan = restoredPlan(context.uid, context.restored, ordered);
    if (plan !== null) await this.#restore(plan.finished, plan.unfinished);
    await this.look();
    // The end of a bounded source is none of a source that watches.
    const watermark = plan?.watermark ?? -Infinity;
    return watermark === Infinity ? -Infinity : watermark;
  }

  take(): UnfinishedSplit | null {
    const [next, ...others] = this.#unread;
    if (next === undefined) return null;
    this.#unread = others;
    this.#open.set(next.split.path, next.split);
    return next;
  }

  finish(split: Split): void {
    this.#open.delete(split.path);
    this.#finished.set(split.path, {path: split.path, size: split.size});
  }

  /** Takes in files that have appeared. SOURCE_LOST_DATA when a known one has grown. */
  async look(): Promise<void> {
    const {context} = this.#options;
    const known = this.#known();
    const fresh: FoundFile[] = [];
    for (const file of await lookForFiles(this.#options)) {
      if (!this.#isOwn(file.path)) continue;
      const before = known.get(file.path);
      if (before === undefined) fresh.push(file);
      else if (file.size !== before.size) throw hasGrown(context.uid, before, file.size);
    }
    // What was read and is gone stays known: a directory that is away for a moment must not be read twice.
    this.#add(await splitsOf(context, fresh));
  }

  async #restore(
    finished: readonly FinishedSplit[],
    unfinished: readonly UnfinishedSplit[],
  ): Promise<void> {
    for (const each of finished) if (this.#isOwn(each.path)) this.#finished.set(each.path, each);
    const own = unfinished.filter(({split}) => this.#isOwn(split.path));
    for (const each of own) await checkSplit(this.#options.context, each);
    this.#add(own);
  }

  /** In one step: between two awaits the reader may take what is there, and must find it in order. */
  #add(splits: readonly UnfinishedSplit[]): void {
    if (splits.length === 0) return;
    this.#unread = inReadingOrder([...this.#unread, ...splits], this.#options.ordered);
    this.#options.added(splits.length);
  }

  #known(): ReadonlyMap<string, FinishedSplit> {
    const unread = this.#unread.map(({split}): [string, Split] => [split.path, split]);
    return new Map([...this.#finished, ...this.#open, ...unread]);
  }

  #isOwn(path: string): boolean {
    const {context} = this.#options;
    return ownerOf(path, context.parallelism) === context.subtask;
  }
}
