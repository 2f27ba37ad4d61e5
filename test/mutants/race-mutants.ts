// A barrier of a checkpoint that was given up, and the next one, which is faster than the orders.

import type {Mutant} from './mutant.ts';

const gate = 'runtime/input-gate.js';
const writer = 'channels/channel-writer.js';

export const RACE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a barrier that was overtaken announces itself over the one that overtook it',
    rows: 'B08',
    module: writer,
    find: '|| barrier.checkpointId < this.#newestEntered',
    replace: '',
    prover: 'channels',
  },
  {
    name: 'gate: a newer announcement is taken for a defect',
    rows: 'B08, B57',
    module: gate,
    find: 'barrier.checkpointId > checkpointId || !reader.isAnnounced(checkpointId)',
    replace: 'false',
    prover: 'gate',
  },
  {
    name: 'gate: that the last active channel ended is not told as idleness',
    rows: 'idleness',
    module: gate,
    find: 'this.#mergeIdle();\n        this.#mergeWatermarks();\n    }\n    /** Barriers go on',
    replace: 'this.#mergeWatermarks();\n    }\n    /** Barriers go on',
    prover: 'gate',
  },
];
