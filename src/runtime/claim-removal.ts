import {messageOf} from '../base/errors.ts';
import type {LineageRecord} from '../recovery/facts.ts';
import type {Ownership} from '../storage/job-directory.ts';
import {claimedElsewhere, usedElsewhere} from './claim-origin.ts';

/**
 * Removes what the lineage claimed elsewhere, or its mark there, once it has a checkpoint of its own: once per generation, beside the job. What
 * cannot be removed is reported and left; the next generation tries again.
 */
export class ClaimRemoval {
  readonly #ownership: Ownership;
  readonly #lineage: string;
  readonly #path: string | null;
  readonly #used: string | null;
  readonly #left: (path: string, why: string) => void;
  #work: Promise<void> | null = null;

  constructor(
    ownership: Ownership,
    record: LineageRecord,
    left: (path: string, why: string) => void,
  ) {
    this.#ownership = ownership;
    this.#lineage = record.lineage;
    this.#path = claimedElsewhere(ownership, record);
    this.#used = usedElsewhere(ownership, record);
    this.#left = left;
  }

  /** A checkpoint of the lineage is published, marked and committed: it never goes back to its origin. */
  begin(): void {
    if (this.#path !== null) this.#work ??= this.#remove(this.#path);
    else if (this.#used !== null) this.#work ??= this.#unmark(this.#used);
  }

  /** Resolves when nothing is being removed. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #unmark(path: string): Promise<void> {
    try {
      await this.#ownership.removeUseMark(path, this.#lineage);
    } catch {
      // It counts no longer, wherever it is; the next generation tries again.
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      const removal = await this.#ownership.removeClaimed(path, this.#lineage);
      if (removal.kind === 'left') this.#left(path, removal.why);
    } catch (error) {
      this.#left(path, messageOf(error));
    }
  }
}
