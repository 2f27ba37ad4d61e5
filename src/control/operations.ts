// Operations of a job that take time: each has a trigger id under which it is asked for again. The table in memory
// answers; the journal on disk is for when this process is gone.

import {asEngineError, EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import type {Random} from '../base/random.ts';
import {
  failureOf,
  journalWarning,
  outcomeUnknown,
  readTriggers,
  removeTrigger,
  TRIGGER_ID_PATTERN,
  TRIGGERS_KEPT,
  writeTrigger,
  type TriggerEntry,
  type TriggerKind,
  type TriggerOutcome,
} from './trigger-journal.ts';

export interface OperationsOptions {
  /** `triggers/` of the job; null: nothing is kept beyond this process. */
  readonly journal: string | null;
  readonly runId: string;
  /** Wall clock. */
  readonly now: () => number;
  readonly random: Random;
  readonly warn: (message: string) => void;
}

export class Operations {
  readonly #options: OperationsOptions;
  /** In the order in which they were accepted. */
  readonly #entries = new Map<string, TriggerEntry>();
  readonly #running = new Set<Promise<void>>();
  /** Ended, and nobody has heard of it; true: the journal tells it. */
  readonly #unheard = new Map<string, boolean>();

  constructor(options: OperationsOptions) {
    this.#options = options;
    const {journal, runId} = options;
    for (const entry of journal === null ? [] : readTriggers(journal)) {
      const isLeft = entry.outcome === null && entry.runId !== runId;
      this.#entries.set(
        entry.triggerId,
        isLeft ? {...entry, ended: options.now(), outcome: outcomeUnknown(entry)} : entry,
      );
    }
  }

  /**
   * Begins `work`, unless this id was given before: then it is the same operation. Returns the trigger id. An id
   * that was given for something else is refused.
   */
  start(
    asked: {
      readonly kind: TriggerKind;
      readonly request: JsonValue;
      readonly triggerId: string | null;
    },
    work: () => Promise<TriggerOutcome>,
  ): string {
    const {kind, request} = asked;
    const triggerId = asked.triggerId ?? this.#options.random.hex(16);
    if (!TRIGGER_ID_PATTERN.test(triggerId)) {
      throw new EngineError('USAGE', 'a trigger id has 32 hexadecimal digits');
    }
    const before = this.#entries.get(triggerId);
    if (before !== undefined) {
      if (before.kind === kind && sameJson(before.request, request)) return triggerId;
      throw new EngineError(
        'ALREADY_RUNNING',
        `trigger id ${triggerId} was given for another operation (${before.kind})`,
        {hint: 'give each operation an id of its own'},
      );
    }
    this.#makeRoom();
    const {runId, now} = this.#options;
    const entry = {triggerId, kind, request, runId, accepted: now(), ended: null, outcome: null};
    this.#note(entry);
    const running = this.#carryOut(entry, work).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return triggerId;
  }

  /** Null: no such trigger. One that has ended counts as heard of. */
  look(triggerId: string): TriggerEntry | null {
    const entry = this.#entries.get(triggerId) ?? null;
    if (entry !== null && entry.outcome !== null) this.#unheard.delete(triggerId);
    return entry;
  }

  /**
   * An outcome that nobody has asked for would be lost with this process. `journalIsRead`: whoever asks later finds what
   * the journal has.
   */
  isOwed(journalIsRead: boolean): boolean {
    return [...this.#unheard.values()].some((isKept) => !isKept || !journalIsRead);
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #carryOut(entry: TriggerEntry, work: () => Promise<TriggerOutcome>): Promise<void> {
    let outcome: TriggerOutcome;
    try {
      outcome = await work();
    } catch (error) {
      outcome = {kind: 'failed', failure: failureOf(asEngineError(error))};
    }
    const isKept = this.#note({...entry, ended: this.#options.now(), outcome});
    this.#unheard.set(entry.triggerId, isKept);
  }

  /** False: it is in memory alone. A journal that cannot be written must not keep anybody from stopping a job. */
  #note(entry: TriggerEntry): boolean {
    this.#entries.set(entry.triggerId, entry);
    const {journal, warn} = this.#options;
    if (journal === null) return false;
    try {
      writeTrigger(journal, entry);
      return true;
    } catch (error) {
      warn(journalWarning(error));
      return false;
    }
  }

  #makeRoom(): void {
    for (const [triggerId, {outcome}] of this.#entries) {
      if (this.#entries.size < TRIGGERS_KEPT) return;
      if (outcome === null) continue;
      this.#entries.delete(triggerId);
      if (this.#options.journal !== null) removeTrigger(this.#options.journal, triggerId);
    }
    if (this.#entries.size >= TRIGGERS_KEPT) {
      throw new EngineError('REFUSED', `${TRIGGERS_KEPT} operations are under way already`, {
        hint: 'wait for one of them',
      });
    }
  }
}

function sameJson(first: JsonValue, second: JsonValue): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}
