import type {Mutant} from './mutant.ts';

const module = 'runtime/deployment-run.js';
const prover = 'deployment-run';

/** How the threads of one deployment wake each other, and end together. */
export const DEPLOYMENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'committed by the first thread counts as committed by all',
    rows: 'B15, commit of several threads',
    module,
    find: 'Math.min(...this.#threads.map((state) => state.committedId))',
    replace: 'Math.max(...this.#threads.map((state) => state.committedId))',
    prover,
  },
  {
    name: 'a job ends before its last commit',
    rows: 'B15',
    module,
    find: 'if (this.#last === null || committedId < this.#last.id)',
    replace: 'if (this.#last === null)',
    prover,
  },
  {
    name: 'the other threads go on after one failed',
    rows: 'B31',
    module,
    find: "this.#result = { kind: 'failed', error };\n        this.#cancel();",
    replace: "this.#result = { kind: 'failed', error };",
    prover,
  },
  {
    name: 'a deployment is over when its first thread is gone',
    rows: 'zombie threads',
    module,
    find: 'if (this.#threads.some(({ exited }) => !exited))',
    replace: 'if (false)',
    prover,
  },
  {
    name: 'a thread that does not listen is never ended',
    rows: 'hanging user code',
    module,
    find: 'const alive = this.#threads.filter(({ exited }) => !exited);',
    replace: 'const alive = [];',
    prover,
  },
  {
    name: 'a ring wakes nobody',
    rows: 'lost wake-up',
    module: 'channels/thread-bell.js',
    find: 'Atomics.notify(this.#word, 0);\n        // The',
    replace: '// The',
    prover: 'bell',
  },
  {
    name: 'a ring before the sleeper lies down is forgotten',
    rows: 'lost wake-up',
    module: 'channels/thread-bell.js',
    find: 'if (Atomics.compareExchange(this.#word, 0, AWAKE, ASLEEP) === AWAKE) {',
    replace: 'if (Atomics.store(this.#word, 0, ASLEEP) === ASLEEP) {',
    prover: 'bell',
  },
  {
    name: 'a ring between lying down and the wait is forgotten',
    rows: 'lost wake-up',
    module: 'channels/thread-bell.js',
    find: 'if (!waiting.async)\n            return;',
    replace: 'if (!waiting.async)\n            return new Promise(() => {});',
    prover: 'bell',
  },
];
