// Promise: our tests notice each of these bugs. Every mutant is one change to one module of a copy of the build; the prover
// that it names — seeds of the simulation, or the tests of one file — runs against it and must fail. One that survives is a
// hole in the tests. So that a prover which always fails proves nothing, a part of them runs against the build as it is, too.
// A fixed sample here, all of them with TIDEMARK_PROOF=1; the table says what found each.

import {afterAll, beforeAll, describe, expect, test} from 'vitest';

import {isTimeOver} from '../hostile/support/deadline.ts';
import {inTurn} from '../hostile/support/sample.ts';
import {ALL_MUTANTS} from './all-mutants.ts';
import {readFinders, writeFinders, type Finders} from './finders.ts';
import type {Mutant} from './mutant.ts';
import {PatchedBuild, type Verdict} from './patched-build.ts';
import type {Prover} from './provers.ts';

const PROOF = process.env['TIDEMARK_PROOF'] === '1';
/** While one is being made: only those whose prover or name has this in it. */
const ONLY = process.env['TIDEMARK_MUTANTS'] ?? '';
const SAMPLE = ALL_MUTANTS.filter(({sample}) => PROOF || ONLY !== '' || sample === true);
const MUTANTS = SAMPLE.filter(({name, prover}) => `${prover} ${name}`.includes(ONLY));
const MUTANTS_MIN = 60;
/** The finders are written for whoever comes next. */
const WRITES_FINDERS = process.env['TIDEMARK_FINDERS'] === '1';
/** Those that are found sooner need none: a process has hardly begun. */
const FINDER_MILLIS = 300;
const FINDERS = readFinders();
/** Side by side; each in a copy of its own. */
const WORKERS = 2;
const SEEDS_DEFAULT = 100;
/** Against the build as it is. */
const BASE_SEEDS = 20;
/** Of one prover: far more than it takes on a busy machine. */
const LIMIT_MILLIS = 600_000;
const ALL_MILLIS = 900_000;

let builds: readonly PatchedBuild[] = [];

beforeAll(async () => {
  const first = await PatchedBuild.make([...new Set(MUTANTS.map(({prover}) => prover))]);
  builds = [first, ...Array.from({length: WORKERS - 1}, () => first.copy())];
}, LIMIT_MILLIS);

afterAll(() => {
  for (const build of builds) build.remove();
});

/** Each worker takes the next one when it is done with its last. */
async function forEach<T>(
  items: readonly T[],
  act: (build: PatchedBuild, item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const work = async (build: PatchedBuild): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      await act(build, item);
    }
  };
  await Promise.all(builds.map(work));
}

async function run(
  build: PatchedBuild,
  prover: Prover,
  seeds: {readonly from: number; readonly seeds: number; readonly step?: number},
  finder?: string,
): Promise<Verdict> {
  if (prover !== 'simulation') return build.test(prover, LIMIT_MILLIS, finder);
  const known = /^seed (\d+)$/.exec(finder ?? '');
  if (known !== null) {
    const one = {from: Number(known[1]), seeds: 1};
    const verdict = await build.simulate({...one, limitMillis: LIMIT_MILLIS});
    if (verdict.foundBy !== null) return verdict;
  }
  return build.simulate({...seeds, limitMillis: LIMIT_MILLIS});
}

async function judge(build: PatchedBuild, mutant: Mutant): Promise<Verdict> {
  build.patch(mutant);
  try {
    const {name, prover, from = 1, seeds = SEEDS_DEFAULT, step = 1} = mutant;
    return await run(build, prover, {from, seeds, step}, FINDERS[name]);
  } finally {
    build.restore();
  }
}

/** The old ones too, of mutants that were not shown to anybody, or that their finder found at once. */
function findersOf(table: ReadonlyMap<Mutant, Verdict>): Finders {
  const known = ALL_MUTANTS.flatMap((mutant): [string, string][] => {
    const {name} = mutant;
    const verdict = table.get(mutant);
    const before = FINDERS[name];
    const foundBy = verdict?.foundBy ?? before;
    const isQuick = verdict !== undefined && verdict.millis <= FINDER_MILLIS;
    if (foundBy === undefined || (isQuick && before === undefined)) return [];
    return [[name, foundBy]];
  });
  return Object.fromEntries(known);
}

function messageOf(error: unknown): string {
  return (error as Error).message;
}

function rowOf({name, rows, prover}: Mutant, {foundBy, millis}: Verdict): string {
  const by = foundBy ?? 'SURVIVED';
  return `  ${name} [${rows}] → ${prover} → ${by.slice(0, 100)} → ${Math.round(millis)} ms`;
}

describe('planted bugs', () => {
  test('there are enough of them, each another one', () => {
    expect(ALL_MUTANTS.length).toBeGreaterThanOrEqual(MUTANTS_MIN);
    expect(new Set(ALL_MUTANTS.map(({name}) => name)).size).toBe(ALL_MUTANTS.length);
    const patches = ALL_MUTANTS.map(({module, find, replace}) => `${module} ${find} ${replace}`);
    expect(new Set(patches).size).toBe(ALL_MUTANTS.length);
  });

  test('there are some that were asked for', () => {
    expect(MUTANTS).not.toEqual([]);
  });

  test('each has exactly one place in its module', () => {
    const misplaced = ALL_MUTANTS.filter((mutant) => builds[0]?.placesOf(mutant) !== 1);
    expect(misplaced.map(({name, module}) => `${module}: ${name}`)).toEqual([]);
  });

  test(
    'without one, every prover is content',
    async () => {
      // npm test runs all of these files; here they are bundled, and a part is enough to see that bundles can pass.
      const all = [...new Set(MUTANTS.map(({prover}) => prover))];
      const provers = ONLY === '' ? inTurn(all) : all;
      const failing: string[] = [];
      await forEach(provers, async (build, prover) => {
        if (isTimeOver()) return;
        const verdict = await run(build, prover, {from: 1, seeds: BASE_SEEDS}).catch(messageOf);
        if (typeof verdict === 'string') failing.push(verdict);
        else if (verdict.foundBy !== null) {
          failing.push(`${prover}: ${verdict.foundBy}: ${verdict.found ?? ''}`);
        }
      });
      expect(failing).toEqual([]);
    },
    ALL_MILLIS,
  );

  test(
    'each of them is found',
    async () => {
      const table = new Map<Mutant, Verdict>();
      const broken: string[] = [];
      let leftOut = 0;
      await forEach(MUTANTS, async (build, mutant) => {
        if (isTimeOver()) {
          leftOut += 1;
          return;
        }
        const verdict = await judge(build, mutant).catch(messageOf);
        if (typeof verdict === 'string') broken.push(`${mutant.name}: ${verdict}`);
        else table.set(mutant, verdict);
      });
      const rows = MUTANTS.flatMap((mutant) => {
        const verdict = table.get(mutant);
        return verdict === undefined ? [] : [rowOf(mutant, verdict)];
      });
      const found = [...table.values()].filter(({foundBy}) => foundBy !== null).length;
      process.stdout.write(`mutants:\n${rows.join('\n')}\n`);
      process.stdout.write(`mutants: ${found} of ${MUTANTS.length} found\n`);
      if (leftOut > 0) process.stdout.write(`the time was over: ${leftOut} were left out\n`);
      if (WRITES_FINDERS) writeFinders(findersOf(table));
      expect(broken).toEqual([]);
      const survivors = MUTANTS.filter((mutant) => table.get(mutant)?.foundBy === null);
      const holes = survivors.map(({name, prover}) => `${prover} does not notice that ${name}`);
      expect(holes, 'a hole in the tests').toEqual([]);
    },
    ALL_MILLIS,
  );
});
