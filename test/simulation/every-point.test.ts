// Promise: whatever event of a start a process dies at, with the power on or off, the next one finishes with the exact output.
// The first process died in the middle of a commit, so that there is something to settle. Every point here is one event of the
// engine; TIDEMARK_PROOF=1 takes one in fifteen, with another seed others, else a few.

import {describe, expect, test} from 'vitest';

import {PARTS, proofSeed, whole} from '../hostile/support/sample.ts';
import {publishedIds} from './disk-facts.ts';
import {CHECKPOINTS} from './job-model.ts';
import {endOf, hasTwoSinks, killInCommit, sceneOf, secondNewest} from './scenes.ts';
import type {Scene} from './simulation.ts';
import type {SimulatedProcess} from './simulated-process.ts';

const STEP = whole ? 5 * PARTS : 190;
const FIRST = 1 + (proofSeed % STEP);
/** Of a start: far more than it has. */
const EVENTS_MAX = 5000;
/** After it has begun to work: commits, a checkpoint. */
const EVENTS_AFTER = 40;

const STARTS = {
  'goes on after a crash': () => ({}),
  'goes back to an older checkpoint': (scene: Scene) =>
    ({restoreFrom: secondNewest(scene), outputAhead: 'withdraw'}) as const,
  'starts afresh': () => ({fresh: true}),
};

/** What the newest checkpoint had prepared: it was reported, so it must become visible whatever follows. */
function preparedBy({world}: Scene): string[] {
  const newest = publishedIds(world.disk).at(-1) ?? 0;
  const metadata = world.disk.dataOf(`${CHECKPOINTS}/chk-${newest}/_metadata`).toString();
  return [...metadata.matchAll(/"final":"([^"]+)"/gu)].map(([, name]) => name ?? '');
}

function visible({world, job}: Scene): string[] {
  return job.sinks.flatMap(({directory}) => world.disk.namesIn(directory));
}

/** A job that died in the middle of a commit, and a start of it. */
async function begin(start: (scene: Scene) => object): Promise<{
  readonly scene: Scene;
  readonly prepared: readonly string[];
  readonly second: SimulatedProcess;
}> {
  const scene = await sceneOf(hasTwoSinks);
  await killInCommit(scene, scene.operator.start({}));
  const prepared = preparedBy(scene);
  return {scene, prepared, second: scene.operator.start(start(scene))};
}

/** Events until it works. */
async function lengthOf(start: (scene: Scene) => object): Promise<number> {
  const {scene, second} = await begin(start);
  const {scheduler} = scene.world;
  const before = scheduler.events;
  const limits = {events: EVENTS_MAX, millis: 600_000};
  expect(await scheduler.run(() => second.generation > 0 || !second.living, limits)).toBe('done');
  expect(second.living).toBe(true);
  return scheduler.events - before + EVENTS_AFTER;
}

describe.each(Object.entries(STARTS))('a start that %s', (name, start) => {
  const isFresh = name === 'starts afresh';

  test.each(['on', 'off'] as const)('dies at any event, with the power %s', async (power) => {
    const length = await lengthOf(start);
    expect(length).toBeGreaterThan(EVENTS_AFTER);
    for (let events = FIRST; events <= length; events += STEP) {
      const {scene, prepared, second} = await begin(start);
      const {operator, watcher, world} = scene;
      await world.scheduler.run(() => !second.living, {events, millis: 600_000});
      second.kill(power);
      if (power === 'off') {
        world.losePower();
        watcher.powerLost();
      }
      const third = operator.start(isFresh ? {fresh: true} : {});
      const ending = await endOf(scene, third);
      expect(ending, `killed after ${events} events`).toBe('FINISHED 0');
      await watcher.check();
      watcher.checkFinished();
      // The third began afresh, too: it knows of the first only what the marks say.
      if (isFresh)
        expect(visible(scene), `killed after ${events} events`).toEqual(
          expect.arrayContaining([...prepared]),
        );
    }
  });
});
