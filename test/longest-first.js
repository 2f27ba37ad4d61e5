// The order of test files: the ones that take longest first, in `npm test` or in the proof; the others as vitest has them.

import {BaseSequencer} from 'vitest/node';

/** Longest first; what they take is in the report of the proof, and in what vitest prints. */
const LONGEST = [
  'mutants/mutants',
  'commands/contract-output',
  'commands/contract-streams',
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
  'storage/io-failures',
  'tidy/house',
  'savepoints/commands',
  'claims/claim',
  'commands/run',
  'commands/contract-statuses',
  // Not so long, but vitest begins with large files, and this one would be the last.
  'restarts/slow-disk',
];

export class LongestFirst extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    const rank = ({moduleId}) => {
      const index = LONGEST.findIndex((name) => moduleId.includes(`/test/${name}.`));
      return index === -1 ? LONGEST.length : index;
    };
    return sorted.sort((left, right) => rank(left) - rank(right));
  }
}
