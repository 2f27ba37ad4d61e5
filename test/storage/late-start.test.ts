// A start that sleeps between any two of its calls, while another takes over: at most one of the two can publish.

import {expect, it} from 'vitest';

import type {Ownership} from '#src/storage/job-directory.js';
import {publish, start} from './support/fixture.ts';
import {MemoryFileSystem} from './support/memory-file-system.ts';

it('a start that sleeps anywhere in its take-over is fenced by whoever came meanwhile, or refused', async () => {
  for (let stopAt = 1; stopAt < 200; stopAt += 1) {
    const disk = new MemoryFileSystem();
    await publish(disk, await start(disk), 1);
    const seen: {other: Ownership | null} = {other: null};
    let calls = 0;
    disk.options = {
      pause: async () => {
        calls += 1;
        if (calls !== stopAt) return;
        seen.other = await start(disk, {takeOver: true});
      },
    };
    const late = await start(disk).catch(() => null);
    if (seen.other === null) return;
    if (late !== null && late.generation < seen.other.generation) {
      await expect(publish(disk, late, 9), `at call ${stopAt}`).rejects.toThrow();
    }
    // Of the two whoever has the higher number works on.
    disk.options = {};
    const newest = late !== null && late.generation > seen.other.generation ? late : seen.other;
    await publish(disk, newest, 10);
  }
  throw new Error('the loop never reached the end of a take-over');
});
