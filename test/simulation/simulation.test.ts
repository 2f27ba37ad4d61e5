// Promise: whatever goes wrong, in whatever order things happen, no row is lost or there twice, no checkpoint
// that was reported is lost, nothing torn is visible, and once the faults end the job finishes. How: README.md.
// A fixed sample here, with TIDEMARK_PROOF=1 half of 2,000 seeds; the other half: second-half.test.ts. What was run is
// printed, and every kind of fault must have come: a check that never fires is none.

import {describe, test} from 'vitest';

import {expectNoBrokenPromise, FIRST_SEED, HALF, MAX_MILLIS, PROOF} from './many-seeds.ts';
import {KEPT_SEEDS} from './seeds.ts';
import {simulate} from './simulation.ts';

const SAMPLE = 46;

describe('simulation', () => {
  test(
    'no schedule and no fault breaks a promise',
    async () => expectNoBrokenPromise(FIRST_SEED, PROOF ? HALF : SAMPLE),
    MAX_MILLIS,
  );

  test.each(KEPT_SEEDS)('seed $seed: $why', async ({seed}) => {
    await simulate(seed);
  });
});
