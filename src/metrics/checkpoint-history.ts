// What the checkpoints of a run were like: counts, summaries, the newest of each kind, and the details of the
// last ones, with the meaning of Flink's `/jobs/:id/checkpoints`. Kept in memory, bounded, over all deployments
// of the process; a reader gets plain data and pays for the few details that are kept, not for the history.

import {NumberSummary, type NumberSummaryView} from './number-summary.ts';
import type {CheckpointStats, SubtaskCheckpointStats} from './checkpoint-stats.ts';

/** Details that are kept, beside those in progress; Flink's `web.checkpoints.history`. */
export const CHECKPOINTS_KEPT = 10;

export type SavepointFormatName = 'canonical' | 'native';

/** What is known when it is triggered. */
export interface TriggeredCheckpoint {
  readonly id: number;
  /** Null: a checkpoint. */
  readonly savepoint: SavepointFormatName | null;
  /** The job ends with it. */
  readonly stops: boolean;
  /** `<head uid>/<subtask>` of every task that must acknowledge. */
  readonly tasks: readonly string[];
}

export interface AcknowledgedSubtask extends SubtaskCheckpointStats {
  /** Wall clock, milliseconds since the epoch. */
  readonly acknowledged: number;
  /** From the trigger. */
  readonly durationMillis: number;
  /** Of the state that it wrote for this checkpoint. */
  readonly bytes: number;
}

export interface CheckpointEntry extends TriggeredCheckpoint {
  readonly status: 'in-progress' | 'completed' | 'failed';
  /** Wall clock, milliseconds since the epoch. */
  readonly triggered: number;
  /** Those that acknowledged, by task. */
  readonly subtasks: Readonly<Record<string, AcknowledgedSubtask>>;
  /** Of the last acknowledgement; null: none yet. */
  readonly lastAcknowledged: number | null;
  /** Of all its files; those that acknowledged until now while it is in progress. */
  readonly bytes: number;
  /** From trigger to published; until now or to the failure otherwise. */
  readonly durationMillis: number;
  readonly stats: CheckpointStats | null;
  /** Absolute; null: it is not published. */
  readonly path: string | null;
  /** Its directory is deleted. */
  readonly discarded: boolean;
  readonly failure: {readonly at: number; readonly message: string} | null;
}

export interface RestoredCheckpoint {
  readonly id: number;
  readonly at: number;
  readonly isSavepoint: boolean;
  readonly path: string;
}

export interface CheckpointHistoryView {
  readonly counts: {
    readonly restored: number;
    readonly total: number;
    readonly inProgress: number;
    readonly completed: number;
    readonly failed: number;
  };
  readonly summary: {
    readonly bytes: NumberSummaryView;
    readonly durationMillis: NumberSummaryView;
    readonly processedBytes: NumberSummaryView;
    readonly persistedBytes: NumberSummaryView;
  };
  readonly latest: {
    readonly completed: CheckpointEntry | null;
    readonly savepoint: CheckpointEntry | null;
    readonly failed: CheckpointEntry | null;
    readonly restored: RestoredCheckpoint | null;
  };
  /** Newest first; those in progress, then the last ones that ended. */
  readonly history: readonly CheckpointEntry[];
}

/** What the checkpoint driver tells while one is under way. */
export interface CheckpointObserver {
  triggered(checkpoint: TriggeredCheckpoint): void;
  acknowledged(
    id: number,
    task: string,
    subtask: SubtaskCheckpointStats & {readonly durationMillis: number; readonly bytes: number},
  ): void;
}

export interface CompletedFacts {
  readonly id: number;
  readonly savepoint: SavepointFormatName | null;
  readonly path: string;
  readonly bytes: number;
  readonly durationMillis: number;
  readonly stats: CheckpointStats;
}

export class CheckpointHistory implements CheckpointObserver {
  readonly #now: () => number;
  readonly #pending = new Map<number, CheckpointEntry>();
  /** Oldest first. */
  readonly #ended: CheckpointEntry[] = [];
  readonly #bytes = new NumberSummary();
  readonly #duration = new NumberSummary();
  readonly #processed = new NumberSummary();
  readonly #persisted = new NumberSummary();
  readonly #counts = {restored: 0, completed: 0, failed: 0};
  #latestCompleted: CheckpointEntry | null = null;
  #latestSavepoint: CheckpointEntry | null = null;
  #latestFailed: CheckpointEntry | null = null;
  #latestRestored: RestoredCheckpoint | null = null;

  /** `now`: wall clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  triggered(checkpoint: TriggeredCheckpoint): void {
    this.#pending.set(checkpoint.id, {
      ...checkpoint,
      status: 'in-progress',
      triggered: this.#now(),
      subtasks: {},
      lastAcknowledged: null,
      bytes: 0,
      durationMillis: 0,
      stats: null,
      path: null,
      discarded: false,
      failure: null,
    });
  }

  acknowledged(
    id: number,
    task: string,
    subtask: SubtaskCheckpointStats & {readonly durationMillis: number; readonly bytes: number},
  ): void {
    const entry = this.#pending.get(id);
    if (entry === undefined) return;
    const acknowledged = this.#now();
    this.#pending.set(id, {
      ...entry,
      subtasks: {...entry.subtasks, [task]: {...subtask, acknowledged}},
      lastAcknowledged: acknowledged,
      bytes: entry.bytes + subtask.bytes,
    });
  }

  completed(facts: CompletedFacts): void {
    const entry: CheckpointEntry = {
      ...this.#takePending(facts.id, facts.durationMillis),
      ...facts,
      status: 'completed',
    };
    this.#counts.completed += 1;
    // Flink's summaries are of checkpoints and savepoints alike.
    this.#bytes.add(facts.bytes);
    this.#duration.add(facts.durationMillis);
    this.#processed.add(facts.stats.alignmentBytes);
    this.#persisted.add(facts.stats.persistedBytes);
    this.#latestCompleted = entry;
    this.#keep(entry);
  }

  /** Made out of checkpoint `facts.id`, which is counted already: it is the newest savepoint, and counted no more. */
  savepointTaken(facts: CompletedFacts): void {
    const base = this.#ended.find(({id}) => id === facts.id) ?? this.#takePending(facts.id, 0);
    this.#latestSavepoint = {...base, ...facts, status: 'completed', discarded: false};
  }

  failed(id: number, message: string): void {
    const at = this.#now();
    const pending = this.#takePending(id, 0);
    const entry: CheckpointEntry = {
      ...pending,
      status: 'failed',
      durationMillis: at - pending.triggered,
      failure: {at, message},
    };
    this.#counts.failed += 1;
    this.#latestFailed = entry;
    this.#keep(entry);
  }

  restored(checkpoint: Omit<RestoredCheckpoint, 'at'>): void {
    this.#counts.restored += 1;
    this.#latestRestored = {...checkpoint, at: this.#now()};
  }

  /** The deployment is over: what it had under way comes to nothing, and is counted by nobody else. */
  deploymentEnded(reason: string): void {
    for (const id of [...this.#pending.keys()]) this.failed(id, reason);
  }

  /** Retention deleted these checkpoints; a savepoint that was made from one stays. */
  discarded(ids: ReadonlySet<number>): void {
    for (const [index, entry] of this.#ended.entries()) {
      if (ids.has(entry.id)) this.#ended[index] = {...entry, discarded: true};
    }
    const latest = this.#latestCompleted;
    if (latest !== null && ids.has(latest.id)) this.#latestCompleted = {...latest, discarded: true};
  }

  view(): CheckpointHistoryView {
    const now = this.#now();
    const inProgress = [...this.#pending.values()].map((entry) => ({
      ...entry,
      durationMillis: now - entry.triggered,
    }));
    const {restored, completed, failed} = this.#counts;
    return {
      counts: {
        restored,
        total: completed + failed + inProgress.length,
        inProgress: inProgress.length,
        completed,
        failed,
      },
      summary: {
        bytes: this.#bytes.view(),
        durationMillis: this.#duration.view(),
        processedBytes: this.#processed.view(),
        persistedBytes: this.#persisted.view(),
      },
      latest: {
        completed: this.#latestCompleted,
        savepoint: this.#latestSavepoint,
        failed: this.#latestFailed,
        restored: this.#latestRestored,
      },
      history: [...inProgress.toReversed(), ...this.#ended.toReversed()],
    };
  }

  #takePending(id: number, durationMillis: number): CheckpointEntry {
    const entry = this.#pending.get(id);
    this.#pending.delete(id);
    if (entry !== undefined) return entry;
    return {
      id,
      savepoint: null,
      stops: false,
      tasks: [],
      status: 'in-progress',
      triggered: this.#now() - durationMillis,
      subtasks: {},
      lastAcknowledged: null,
      bytes: 0,
      durationMillis,
      stats: null,
      path: null,
      discarded: false,
      failure: null,
    };
  }

  #keep(entry: CheckpointEntry): void {
    this.#ended.push(entry);
    if (this.#ended.length > CHECKPOINTS_KEPT) this.#ended.shift();
  }
}
