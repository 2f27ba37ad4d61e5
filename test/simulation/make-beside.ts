// Puts a neighbour beside the job of a seed, with its own watcher, keeper and commands.

import type {JobSpec} from '#src/job/job-spec.js';
import {Commands} from './commands.ts';
import {Draw} from './draw.ts';
import {BESIDE, besideOf, type JobModel} from './job-model.ts';
import {Keeper} from './keeper.ts';
import {LiveClaims} from './live-claims.ts';
import {Neighbour} from './neighbour.ts';
import {REQUEST, type Operator} from './operator.ts';
import type {Beside} from './simulation.ts';
import {Watcher} from './watcher.ts';
import type {DiskWatch, World} from './world.ts';

/** Other sequences than the rest of the seed draws from. */
const OTHER = 0xbe51;
const RATHER_OTHER = 0x0b5e;

export function makeBeside({
  world,
  job,
  seed,
  operator,
  load,
  watches,
}: {
  readonly world: World;
  readonly job: JobModel;
  readonly seed: number;
  readonly operator: () => Operator;
  readonly load: (job: JobModel, parallelism: number) => JobSpec;
  /** Those of the neighbour are added. */
  readonly watches: DiskWatch[];
}): Beside {
  const own = besideOf(job);
  const watcher = new Watcher(own, BESIDE);
  watcher.attach(world);
  const keeper = new Keeper(world, seed ^ OTHER, true, BESIDE);
  const claims: LiveClaims = new LiveClaims({
    ...{world, job, draw: new Draw(seed ^ RATHER_OTHER)},
    neighbour: () => neighbour,
    claimerOf: (actor) => {
      const root = actor.parent ?? actor;
      return operator().processes.find((process) => process.actor === root) ?? null;
    },
  });
  const neighbour: Neighbour = new Neighbour({
    ...{world, draw: new Draw(seed ^ OTHER), spec: load(own, job.parallelism), watcher, keeper},
    commands: new Commands(world, watcher, seed + OTHER),
    request: REQUEST,
    look: (host, pid) => operator().look(host, pid),
    explains: (process, error) => claims.explainsOwner(process, error),
  });
  // What it claimed goes by the rules of live-claims.ts.
  watcher.mayPrune = (by) => keeper.prunes(by) || neighbour.processOf(by) === null;
  watcher.wasTaken = (id) => claims.dispossession.wasTaken(id);
  watches.push(watcher, keeper, claims);
  return {neighbour, claims, watcher, keeper};
}
