// The other half of what simulation.test.ts runs with TIDEMARK_PROOF=1.

import {test} from 'vitest';

import {expectNoBrokenPromise, FIRST_SEED, HALF, MAX_MILLIS, PROOF} from './many-seeds.ts';

test.runIf(PROOF)(
  'no schedule and no fault breaks a promise',
  async () => expectNoBrokenPromise(FIRST_SEED + HALF, HALF),
  MAX_MILLIS,
);
