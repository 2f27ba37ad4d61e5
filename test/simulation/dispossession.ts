// What another job claimed in a job directory, and took away: its owner, were it to resume, would go on beside the claimer, or from
// an older checkpoint, or from the beginning, and make output twice. It must be refused then, and only then (L4, L5 of
// live-claims.ts).

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

/** A checkpoint that was claimed, with what was in it. */
export interface Claimed {
  readonly id: number;
  readonly path: string;
  readonly own: ReadonlyMap<string, Buffer>;
}

export class Dispossession {
  /** Processes that were refused for it. */
  count = 0;
  readonly #world: World;
  readonly #job: JobModel;
  readonly #taken: Claimed[] = [];
  /** With the number of generations that had come before. */
  readonly #claims: {readonly one: Claimed; readonly after: number}[] = [];
  /** Of the owner's directory, in the order in which they came. */
  readonly #generations: string[] = [];
  readonly #judged = new Map<SimulatedProcess, boolean>();

  constructor(world: World, job: JobModel) {
    this.#world = world;
    this.#job = job;
  }

  claimed(one: Claimed): void {
    this.#claims.push({one, after: this.#generations.length});
  }

  takenAway(one: Claimed): void {
    this.#taken.push(one);
  }

  cameTo(generation: string): void {
    this.#generations.push(generation);
  }

  /** Its lineage is recorded: it goes on with it. */
  began(generation: string): void {
    if (this.#taken.some((one) => this.#isNext(one, false))) {
      throw new Violation(`L4: generation ${generation} resumes from before what was taken away`);
    }
    const came = this.#generations.indexOf(generation);
    for (const {one, after} of this.#claims) {
      const isThere = this.#world.disk.namesIn(one.path).includes('claimed-by');
      if (came < after || !isThere || !this.#isNext(one, true)) continue;
      throw new Violation(`L5: generation ${generation} resumes ${one.path}, which is claimed`);
    }
  }

  /** A checkpoint that was there once. */
  wasTaken(id: number): boolean {
    return this.#taken.some((one) => one.id === id);
  }

  /** `process`, which has ended, was refused for it. Throws when nothing was taken that it needs. */
  explains(process: SimulatedProcess): boolean {
    const known = this.#judged.get(process);
    if (known !== undefined) return known;
    const {ending} = process;
    let message = '';
    if (ending?.kind === 'refused') message = ending.error.message;
    // It slept while that happened, and began again by itself.
    else if (ending?.kind === 'ended') message = ending.summary.error?.message ?? '';
    const isTaken = message.includes('was claimed and taken away');
    if (isTaken && !this.#taken.some((one) => this.#isNext(one, false))) {
      throw new Violation(`L4: ${process.name} is refused, and nothing was taken away`);
    }
    // It may be withdrawn since.
    const isClaimed = message.includes('is claimed by');
    if (isClaimed && !this.#claims.some(({one}) => message.includes(one.path))) {
      throw new Violation(`L5: ${process.name} is refused, and nothing was claimed`);
    }
    const isRefused = isTaken || isClaimed;
    if (isRefused) this.count += 1;
    this.#judged.set(process, isRefused);
    return isRefused;
  }

  /** Without knowing of it, the owner would go on from it where it is there, or from before it. */
  #isNext({id, own}: Claimed, isThere: boolean): boolean {
    const {disk} = this.#world;
    const metadata = own.get('_metadata')?.toString() ?? '{}';
    const {lineage} = JSON.parse(metadata) as {lineage: string};
    if (newestLineage(disk, BESIDE)?.lineage !== lineage) return false;
    if (endedOnPurpose(endOf(disk, lineage, BESIDE))) return false;
    return publishedIds(disk, BESIDE).every(
      (other) =>
        other < id ||
        (isThere && other === id) ||
        readCheckpointOnDisk(disk, this.#job, other, BESIDE).lineage !== lineage,
    );
  }
}
