// The order of test files in the proof: the ones that take longest first, the others as vitest has them.

import {BaseSequencer} from 'vitest/node';

/** Longest first; what they take is in the report of the proof. */
const LONGEST = [
  'mutants/mutants',
  'simulation/simulation',
  'simulation/second-half',
  'kills/parallel-kills',
  'kills/kills',
  'restarts/threads',
  'jobs/parallel',
  'rescale/rescale',
  'hostile/failing-storage',
  'kills/fence',
  'rescale/partitioning',
  'hostile/damage',
];

export class ProofSequencer extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    const rank = ({moduleId}) => {
      const index = LONGEST.findIndex((name) => moduleId.includes(`/test/${name}.`));
      return index === -1 ? LONGEST.length : index;
    };
    return sorted.sort((left, right) => rank(left) - rank(right));
  }
}
