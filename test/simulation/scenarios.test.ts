// Bugs that the simulation found, each told as the story in which it happened, whatever the seeds become.

import {expect, test} from 'vitest';

import {endOf, hasTwoSinks, killInCommit, sceneOf, secondNewest} from './scenes.ts';

test('a restore that is refused takes nothing from what a newer checkpoint prepared', async () => {
  const scene = await sceneOf(hasTwoSinks);
  const {operator, watcher} = scene;
  await killInCommit(scene, operator.start({}));
  const restore = operator.start({restoreFrom: secondNewest(scene)});
  expect(await endOf(scene, restore)).toMatch(/^refused: OUTPUT_AHEAD/);
  expect(await endOf(scene, operator.start({}))).toBe('FINISHED 0');
  watcher.checkFinished();
});
