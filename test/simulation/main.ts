// `npm run simulate [-- --seed N] [-- --count N] [-- --from N] [-- --step N] [-- --minutes N] [-- --keep-going]`: runs seeds, prints what they
// reached, ends with 1 when one fails, at once or after all. Built into one file by run.js, so that it runs beside any build.

import {parseArgs} from 'node:util';

import {Failure, simulate} from './simulation.ts';
import {Tally} from './tally.ts';

const {values} = parseArgs({
  options: {
    seed: {type: 'string'},
    from: {type: 'string', default: '1'},
    count: {type: 'string'},
    /** One seed in so many: five takes those that have claims, from 1 on. */
    step: {type: 'string', default: '1'},
    minutes: {type: 'string'},
    'keep-going': {type: 'boolean', default: false},
    /** A line after each seed. */
    progress: {type: 'boolean', default: false},
  },
});

async function main(): Promise<number> {
  const until = performance.now() + Number(values.minutes ?? 0) * 60_000;
  const first = Number(values.seed ?? values.from);
  const byTime = values.minutes !== undefined && values.count === undefined;
  const count = byTime ? Infinity : values.seed === undefined ? Number(values.count ?? 200) : 1;
  const tally = new Tally();
  const failing: number[] = [];
  const step = Number(values.step);
  for (let seed = first; seed < first + count * step; seed += step) {
    if (byTime && performance.now() >= until) break;
    try {
      tally.add(await simulate(seed));
      if (values.progress) process.stdout.write(`reached ${seed}\n`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failing.push(seed);
      process.stdout.write(`${error.message}\n`);
      if (!values['keep-going']) break;
    }
  }
  process.stdout.write(`${tally.toString()}\n`);
  if (failing.length === 0) return 0;
  process.stdout.write(`failing seeds: ${failing.join(', ')}\n`);
  return 1;
}

process.exitCode = await main();
