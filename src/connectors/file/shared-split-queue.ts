import {must} from '../../base/assert.ts';
import type {JsonValue} from '../../base/json.ts';
import {Fields} from '../../storage/json-fields.ts';
import {SplitCursor, type SharedSplits} from '../shared-splits.ts';
import type {SplitQueue} from './split-queue.ts';
import {readPlan, type FinishedSplit, type Split, type UnfinishedSplit} from './split.ts';

/** A bounded source: the subtasks take the splits of the plan as they come to it. */
export class SharedSplitQueue implements SplitQueue {
  readonly unread: readonly UnfinishedSplit[] = [];
  readonly shares: {readonly plan: JsonValue | null};
  readonly #splits: readonly UnfinishedSplit[];
  readonly #watermark: number;
  readonly #cursor: SplitCursor;
  readonly #finished: FinishedSplit[] = [];

  constructor({plan, cursor}: SharedSplits, subtask: number) {
    this.shares = {plan: subtask === 0 ? plan : null};
    const {unfinished, watermark} = readPlan(new Fields(plan, 'plan'));
    this.#splits = unfinished;
    this.#watermark = watermark;
    this.#cursor = new SplitCursor(cursor, unfinished.length);
  }

  get hasMore(): boolean {
    return this.#cursor.hasUnclaimed;
  }

  get hasUnclaimed(): boolean {
    return this.#cursor.hasUnclaimed;
  }

  /** Of this deployment: what was finished before stands in the plan. */
  get finished(): readonly FinishedSplit[] {
    return this.#finished;
  }

  async open(): Promise<number> {
    return Promise.resolve(this.#watermark);
  }

  take(): UnfinishedSplit | null {
    const index = this.#cursor.claim();
    return index === null ? null : must(this.#splits[index], `split ${index} of the plan`);
  }

  finish({path, size}: Split): void {
    this.#finished.push({path, size});
  }
}
