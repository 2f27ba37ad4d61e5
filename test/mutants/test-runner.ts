// Stands in for vitest's runner inside a prover: the tests of one file, bundled with this in place of `vitest`, one after
// another in one process that starts in a fraction of a second. It stops at the first test that fails, and says
// `collected N`, then `failed <test>` and a sentence of why, or `times <milliseconds by test>` and `passed`. Given such
// times, it begins with the quickest tests; given the name of one, with that one. Only what our tests use is here.

import {format} from 'node:util';

import fc from 'fast-check';
import {expect} from 'vitest';

export {expect};

type Body = () => unknown;
type Action = () => unknown;

interface Suite {
  readonly name: string;
  readonly parent: Suite | null;
  readonly before: Action[];
  readonly after: Action[];
  readonly beforeEach: Action[];
  readonly afterEach: Action[];
}

interface Test {
  readonly suite: Suite;
  readonly name: string;
  readonly body: Body;
}

/** Of every property that names none: the same mutant is found by the same case each time. */
const SEED = 20261120;
const MESSAGE_LENGTH_MAX = 300;

const tests: Test[] = [];
let current = newSuite('', null);
let failure: Error | null = null;
let running: Test | null = null;

function newSuite(name: string, parent: Suite | null): Suite {
  return {name, parent, before: [], after: [], beforeEach: [], afterEach: []};
}

function addSuite(name: string, body: Body): void {
  const outer = current;
  current = newSuite(name, outer);
  body();
  current = outer;
}

/** The options, or the timeout, may stand before the body or after it; a prover has a time limit of its own. */
function addTest(name: string, ...rest: readonly unknown[]): void {
  const body = rest.find((each): each is Body => typeof each === 'function');
  if (body === undefined) throw new Error(`${name} has no body`);
  tests.push({suite: current, name, body});
}

type Row = readonly unknown[] | object | string | number | boolean | null;

function forEachRow(add: (name: string, body: Body) => void) {
  return (rows: readonly Row[]) =>
    (name: string, body: (...values: unknown[]) => unknown): void => {
      for (const row of rows) {
        const values: readonly unknown[] = Array.isArray(row) ? row : [row];
        add(format(name, ...values).slice(0, MESSAGE_LENGTH_MAX), () => body(...values));
      }
    };
}

/** A mutant is shown to every test of a file, also to those that `npm test` leaves to the proof. */
const runIf = () => addTest;
const skipIf = () => test;

export const describe = Object.assign(addSuite, {each: forEachRow(addSuite)});
export const test = Object.assign(addTest, {each: forEachRow(addTest), runIf, skipIf});
export const it = Object.assign(addTest.bind(null), {each: forEachRow(addTest), runIf, skipIf});

export function beforeAll(action: Action): void {
  current.before.push(action);
}

export function afterAll(action: Action): void {
  current.after.push(action);
}

export function beforeEach(action: Action): void {
  current.beforeEach.push(action);
}

export function afterEach(action: Action): void {
  current.afterEach.push(action);
}

function nameOf({suite, name}: Test): string {
  const names = [...pathOf(suite).map((each) => each.name), name];
  return names.filter((each) => each !== '').join(' > ');
}

/** Outermost first. */
function pathOf(suite: Suite): readonly Suite[] {
  return suite.parent === null ? [suite] : [...pathOf(suite.parent), suite];
}

async function runAll(actions: readonly Action[]): Promise<void> {
  for (const action of actions) await action();
}

async function runTest({suite, body}: Test): Promise<void> {
  const path = pathOf(suite);
  try {
    await runAll(path.flatMap((each) => each.beforeEach));
    await body();
  } finally {
    await runAll(path.toReversed().flatMap((each) => each.afterEach));
  }
  // What a test left behind and nobody awaited belongs to it as well.
  await new Promise((resolve) => setImmediate(resolve));
  if (failure !== null) throw failure;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, MESSAGE_LENGTH_MAX);
}

function fail(test: Test, why: string): number {
  say(`failed ${nameOf(test)}\n${why}`);
  return 1;
}

/** `first` before all, where there is such a test, the others by how long they take. */
function inOrder(times: Readonly<Record<string, number>>, first: string): readonly Test[] {
  const millis = (each: Test): number => (nameOf(each) === first ? -1 : (times[nameOf(each)] ?? 0));
  return tests.toSorted((left, right) => millis(left) - millis(right));
}

/** After the whole file has been loaded. */
async function run(): Promise<number> {
  say(`collected ${tests.length}`);
  const begun = new Set<Suite>();
  const known = JSON.parse(process.argv[2] ?? '{}') as Record<string, number>;
  const times: Record<string, number> = {};
  for (const each of inOrder(known, process.argv[3] ?? '')) {
    running = each;
    const started = performance.now();
    try {
      for (const suite of pathOf(each.suite)) {
        if (begun.has(suite)) continue;
        begun.add(suite);
        await runAll(suite.before);
      }
      await runTest(each);
    } catch (error) {
      return fail(each, messageOf(error));
    }
    times[nameOf(each)] = Math.round(performance.now() - started);
  }
  running = null;
  for (const suite of [...begun].toReversed()) await runAll(suite.after);
  say(`times ${JSON.stringify(times)}\npassed`);
  return 0;
}

fc.configureGlobal({seed: SEED});
process.on('unhandledRejection', (error) => {
  failure ??= error instanceof Error ? error : new Error(String(error));
});
// Nothing is left that could end the test.
process.on('beforeExit', () => {
  if (running !== null) process.exit(fail(running, 'it waits for ever'));
});
setImmediate(() => {
  void run().then((status) => process.exit(status));
});
