import type {Patch} from './patched-build.ts';
import type {Prover} from './provers.ts';

/** One planted bug. */
export interface Mutant extends Patch {
  /** What is wrong with it, as a sentence without a stop. */
  readonly name: string;
  /** Rows of HOSTILE that it repeats, or the rule or the sync that it breaks. */
  readonly rows: string;
  readonly prover: Prover;
  /** Of the simulation: so many seeds may look, the first one and how many. A test file is always run whole. */
  readonly from?: number;
  readonly seeds?: number;
  /** One seed in so many: those of a class. */
  readonly step?: number;
  /** Among the few that every `npm test` runs. */
  readonly sample?: true;
}
