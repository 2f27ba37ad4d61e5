// Scenes in which nothing goes wrong by itself, for stories that a test tells.

import {parsePart} from './disk-facts.ts';
import {Draw} from './draw.ts';
import {CHECKPOINTS, makeJob, type JobModel} from './job-model.ts';
import {Violation} from './scheduler.ts';
import {makeScene, type Scene} from './simulation.ts';
import {describeEnding, type SimulatedProcess} from './simulated-process.ts';
import {Trace} from './trace.ts';

const ROWS_MAX = 150;

export const FOREVER = {events: 100_000, millis: 600_000};

/** A job of the seeds that fits, on machines on which nothing goes wrong by itself. */
export async function sceneOf(fits: (job: JobModel) => boolean): Promise<Scene> {
  for (let seed = 1; ; seed += 1) {
    const draw = new Draw(seed);
    const job = makeJob(draw.fork());
    if (!fits(job)) continue;
    const scene = await makeScene(1, draw, job, new Trace(), 'kill');
    scene.world.faults.active = false;
    return scene;
  }
}

export async function endOf({world}: Scene, process: SimulatedProcess): Promise<string> {
  await world.scheduler.run(() => !process.living, FOREVER);
  return describeEnding(process.ending);
}

/** Kills the process when it has made the first of two parts of a checkpoint visible, and not the other. */
export async function killInCommit({world, job}: Scene, process: SimulatedProcess): Promise<void> {
  const partsOf = (directory: string) =>
    world.disk.namesIn(directory).flatMap((name) => parsePart(`${directory}/${name}`) ?? []);
  const isBetween = (): boolean => {
    const all = job.sinks.flatMap(({directory}) => partsOf(directory));
    const newest = Math.max(0, ...all.map(({checkpointId}) => checkpointId));
    const hidden = job.sinks.flatMap(({directory}) =>
      world.disk.namesIn(directory).filter((name) => name.endsWith('.inprogress')),
    );
    const sinks = new Set(all.filter((part) => part.checkpointId === newest).map((it) => it.sink));
    return newest >= 3 && sinks.size === 1 && hidden.length > 1;
  };
  const reached = await world.scheduler.run(isBetween, FOREVER);
  if (reached !== 'done') throw new Violation(`no commit was seen half done: ${reached}`);
  process.kill();
}

/** A small one with two sinks that commit at the same checkpoint. */
export const hasTwoSinks = (job: JobModel): boolean =>
  job.sources.reduce((sum, {rows}) => sum + rows.length, 0) < ROWS_MAX &&
  job.numRetained >= 2 &&
  job.sinks.some(({kind}) => kind === 'on-checkpoint') &&
  job.sinks.every(({mode}) => mode === 'append') &&
  /interval: [4-9]\d ms/.test(job.text);

/** The published checkpoint before the newest one. */
export function secondNewest({world}: Scene): string {
  const ids = world.disk.namesIn(CHECKPOINTS).filter((name) => name.startsWith('chk-'));
  const older = ids.sort((left, right) => Number(left.slice(4)) - Number(right.slice(4))).at(-2);
  if (older === undefined) throw new Violation('there is only one checkpoint');
  return `${CHECKPOINTS}/${older}`;
}
