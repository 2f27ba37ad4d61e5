// What another job claimed and took away from a job directory: its owner, were it to resume, would go on from an older
// checkpoint, or from the beginning, and make output twice. It must be refused then, and only then (L4 of live-claims.ts).

import {
  endedOnPurpose,
  endOf,
  newestLineage,
  publishedIds,
  readCheckpointOnDisk,
} from './disk-facts.ts';
import {BESIDE, type JobModel} from './job-model.ts';
import {Violation} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {World} from './world.ts';

/** A checkpoint that was taken away, with what was in it. */
export interface Taken {
  readonly id: number;
  readonly own: ReadonlyMap<string, Buffer>;
}

export class Dispossession {
  /** Processes that were refused for it. */
  count = 0;
  readonly #world: World;
  readonly #job: JobModel;
  readonly #taken: Taken[] = [];
  readonly #judged = new Map<SimulatedProcess, boolean>();

  constructor(world: World, job: JobModel) {
    this.#world = world;
    this.#job = job;
  }

  add(taken: Taken): void {
    this.#taken.push(taken);
  }

  /** `process`, which has ended, was refused for it. Throws when nothing was taken that it needs. */
  explains(process: SimulatedProcess): boolean {
    const known = this.#judged.get(process);
    if (known !== undefined) return known;
    const {ending} = process;
    const error = ending?.kind === 'refused' ? ending.error : null;
    const isRefused = error?.message.includes('was claimed and taken away') === true;
    if (isRefused && !this.#taken.some((one) => this.#isNeeded(one))) {
      throw new Violation(`L4: ${process.name} is refused, and nothing was taken away`);
    }
    if (isRefused) this.count += 1;
    this.#judged.set(process, isRefused);
    return isRefused;
  }

  /** Without knowing of it, the owner would go on from an older one, or from the beginning. */
  #isNeeded({id, own}: Taken): boolean {
    const {disk} = this.#world;
    const metadata = own.get('_metadata')?.toString() ?? '{}';
    const {lineage} = JSON.parse(metadata) as {lineage: string};
    if (newestLineage(disk, BESIDE)?.lineage !== lineage) return false;
    if (endedOnPurpose(endOf(disk, lineage, BESIDE))) return false;
    return publishedIds(disk, BESIDE).every(
      (other) =>
        other < id || readCheckpointOnDisk(disk, this.#job, other, BESIDE).lineage !== lineage,
    );
  }
}
