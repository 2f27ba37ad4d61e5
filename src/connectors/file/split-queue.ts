import type {JsonValue} from '../../base/json.ts';
import type {FinishedSplit, Split, UnfinishedSplit} from './split.ts';

/** Which splits one subtask reads next, and what it says of them in a snapshot. */
export interface SplitQueue {
  /** Splits are left that this subtask may still take. */
  readonly hasMore: boolean;
  /** So are they, and others may take them as well: they hold everybody's watermark back. */
  readonly hasUnclaimed: boolean;
  /** Its own, not taken. */
  readonly unread: readonly UnfinishedSplit[];
  /** Its own, finished. */
  readonly finished: readonly FinishedSplit[];
  /** What its position says of sharing; see `SourcePosition`. */
  readonly shares: {readonly plan: JsonValue | null} | null;
  /** The watermark that the checkpoint says; -Infinity when fresh. */
  open(): Promise<number>;
  /** The next one; null: none for now. */
  take(): UnfinishedSplit | null;
  /** It was taken and is at its end. */
  finish(split: Split): void;
}
