// `list`, `inspect`: processor time of whole processes that read many checkpoints, or one with many files.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {makeLargeCheckpoint, makeManyCheckpoints} from './inspect-fixtures.js';
import {spread} from './support.js';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const ROUNDS_MIN = 9;

const COMMANDS = [
  {
    goal: 'list',
    what: 'checkpoint list, 1,000 checkpoints',
    make: (root) => makeManyCheckpoints(root, 1000),
    wanted: 300,
  },
  {
    goal: 'inspect',
    what: 'checkpoint inspect, 10,000 files',
    make: (root) => makeLargeCheckpoint(root, 10_000),
    wanted: 500,
  },
];

export function benchInspect({wants, rounds}) {
  const chosen = COMMANDS.filter(({goal}) => wants(goal));
  if (chosen.length === 0) return;
  const root = mkdtempSync(join(tmpdir(), 'tidemark-bench-inspect-'));
  try {
    const runs = chosen.map((one) => ({
      ...one,
      args: [RUN, 'checkpoint', one.goal, one.make(join(root, one.goal))],
      millis: [],
    }));
    const bare = [];
    for (let round = 0; round < Math.max(rounds, ROUNDS_MIN); round += 1) {
      bare.push(processorMillis(['-e', '0']));
      for (const {args, millis} of runs) millis.push(processorMillis(args));
    }
    console.log(`bare node: ${spread(bare).minimum.toFixed(0)} ms of processor time`);
    for (const {goal, what, wanted, millis} of runs) {
      const {minimum, median, maximum} = spread(millis);
      console.log(
        `${goal.padEnd(8)} ${what}: ${minimum.toFixed(0)} ms of processor time (median ${median.toFixed(0)}, max ${maximum.toFixed(0)}); ` +
          `${(minimum / wanted).toFixed(2)} × the goal of ≤ ${wanted} ms: ${minimum <= wanted ? 'met' : 'MISSED'}`,
      );
    }
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

/** User and system time of all threads of one process, from its start to its end, as the shell tells it. */
function processorMillis(args) {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null';
  const {status, stderr} = spawnSync('bash', ['-c', script, 'time', process.execPath, ...args], {
    encoding: 'utf8',
  });
  const times = /^(\d+\.\d+) (\d+\.\d+)$/m.exec(stderr);
  if (status !== 0 || times === null) throw new Error(`${args.join(' ')}: ${status} ${stderr}`);
  return 1000 * (Number(times[1]) + Number(times[2]));
}
