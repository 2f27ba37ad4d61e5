// The files of one table: which chain the newest completed checkpoint has, and what the next snapshot may add to it.
// Only files of completed checkpoints are referred to.

import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import {keyLayout, rowLayout} from './row-layout.ts';
import type {DeltaPlace} from '../snapshot-format.ts';
import type {TableSpec} from '../state-backend.ts';

/** What a snapshot may write instead of all rows. */
export interface NextDelta {
  readonly place: DeltaPlace;
  /** Of rows and keys, as they lie in memory; their strings aside. */
  readonly bytesMax: number;
}

interface PendingChain {
  readonly checkpointId: number;
  readonly files: readonly FileState[];
}

export class TableChain {
  /** At most so many deltas follow a file with all rows. */
  readonly #deltasMax: number;
  readonly #rowBytes: number;
  readonly #keyBytes: number;
  #completed: readonly FileState[] = [];
  #pending: PendingChain[] = [];

  constructor(spec: TableSpec, deltasMax: number) {
    this.#rowBytes = rowLayout(spec).rowInts * 4;
    this.#keyBytes = keyLayout(spec).rowInts * 4;
    this.#deltasMax = deltasMax;
  }

  /** What a snapshot that is frozen at this moment builds on. */
  get completed(): readonly FileState[] {
    return this.#completed;
  }

  /** Null: all rows must be written; the chain is long enough, or its deltas outweigh half the rows. */
  next(): NextDelta | null {
    const [base, ...deltas] = this.#completed;
    const last = this.#completed.at(-1);
    if (base === undefined || last === undefined || deltas.length >= this.#deltasMax) return null;
    const written = deltas.reduce((sum, file) => sum + this.#weightOf(file), 0);
    const bytesMax = this.#weightOf(base) / 2 - written;
    if (bytesMax <= 0) return null;
    return {place: {sequence: deltas.length + 1, previous: last.sha256}, bytesMax};
  }

  /** What the checkpoint has: `file`, alone or behind the files that were the completed ones at its freeze. */
  written(
    checkpointId: number,
    before: readonly FileState[],
    file: FileState,
  ): readonly FileState[] {
    const files = isDelta(file) ? (isEmpty(file) ? before : [...before, file]) : [file];
    this.#pending.push({checkpointId, files});
    return files.map((one, sequence) => ({
      ...one,
      description: {
        ...(one.description as object),
        chain: {sequence, previous: files[sequence - 1]?.sha256 ?? null, files: files.length},
      },
    }));
  }

  complete(checkpointId: number): void {
    const newest = this.#pending.findLast((pending) => pending.checkpointId <= checkpointId);
    if (newest !== undefined) this.#completed = newest.files;
    this.#pending = this.#pending.filter((pending) => pending.checkpointId > checkpointId);
  }

  abort(checkpointId: number): void {
    this.#pending = this.#pending.filter((pending) => pending.checkpointId !== checkpointId);
  }

  #weightOf({description}: FileState): number {
    const {rows = 0, tombstones = 0} = description as {rows?: number; tombstones?: number};
    return rows * this.#rowBytes + tombstones * this.#keyBytes;
  }
}

function isDelta({description}: FileState): boolean {
  return (description as {delta?: unknown}).delta !== undefined;
}

/** Nothing has changed. */
function isEmpty({description}: FileState): boolean {
  const {rows, tombstones} = description as {rows?: unknown; tombstones?: unknown};
  return rows === 0 && tombstones === 0;
}
