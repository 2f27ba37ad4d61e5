import {defineConfig} from 'vitest/config';
import {LongestFirst} from './test/longest-first.js';
import {STATE_DIRECTORY} from './test/state-directory.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Every run registers itself: never among the jobs of whoever runs the tests.
    env: {TIDEMARK_HOME: STATE_DIRECTORY},
    globalSetup: './test/state-directory.js',
    // Tests load the build (dist): worker threads cannot start from TypeScript on Node 20.
    pool: 'forks',
    // One process for many files: to start one and to load the build takes longer than most files do.
    isolate: false,
    // As it is: rewritten by vite it is slower by a third, for every name that it imports is looked up at every use.
    server: {deps: {external: [/\/dist\//]}},
    // Most of what runs here runs for seconds: V8 would optimize on two more threads what has ended when it is done.
    execArgv: ['--interrupt-budget=600000'],
    // One more than the two processors of the machines it runs on: many tests wait for processes.
    maxWorkers: 3,
    // To end what hangs; nothing here is judged by its time.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    disableConsoleIntercept: true,
    sequence: {sequencer: LongestFirst},
  },
});
