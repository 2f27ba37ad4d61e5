// P17: how long the command line takes, against bare node.

import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {spread} from './support.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const JOB = 'jobs/airport-delays/airport-delays.job.yaml';

/** Endless and slow, so that the first record is not what a full batch waits for. */
const ENDLESS = `name: first-record
sources:
  numbers: {connector: generator, rate-limit: 1000, fields: {id: {kind: sequence}}}
sinks:
  out: {connector: console, input: numbers}
`;
const FIRST_RECORD_MILLIS = 200;

const COMMANDS = [
  {name: '--help', args: ['bin/run.js', '--help'], wanted: 1.6},
  {name: 'checkpoint list', args: ['bin/run.js', 'checkpoint', 'list', 'jobs'], wanted: 1.6},
  {name: 'validate', args: ['bin/run.js', 'validate', JOB], wanted: 2.2},
];

export async function benchStartup({wants, rounds}) {
  if (!wants('P17')) return;
  const bare = [];
  const times = new Map(COMMANDS.map(({name}) => [name, []]));
  const firstRecord = [];
  for (let round = 0; round < Math.max(rounds, 9); round += 1) {
    bare.push(run(['-e', '0']));
    for (const {name, args} of COMMANDS) times.get(name).push(run(args));
    firstRecord.push(await untilFirstRecord());
  }
  console.log(`P17  bare node: ${spread(bare).median.toFixed(0)} ms`);
  for (const {name, wanted} of COMMANDS) {
    const ratios = spread(times.get(name).map((millis, round) => millis / bare[round]));
    const met = ratios.median <= wanted ? 'met' : 'MISSED';
    console.log(
      `P17  ${name}: ${ratios.median.toFixed(2)} × (min ${ratios.minimum.toFixed(2)}, max ${ratios.maximum.toFixed(2)}), ` +
        `${spread(times.get(name)).median.toFixed(0)} ms; goal ≤ ${wanted} ×: ${met}`,
    );
  }
  const first = spread(firstRecord);
  console.log(
    `P17  run to first record out: ${first.median.toFixed(0)} ms (min ${first.minimum.toFixed(0)}, max ${first.maximum.toFixed(0)}), ` +
      `${(first.median / spread(bare).median).toFixed(2)} × bare node; goal ≤ ${FIRST_RECORD_MILLIS} ms: ${first.median <= FIRST_RECORD_MILLIS ? 'met' : 'MISSED'}`,
  );
}

/** From the start of the process to its first byte of output, which is a record. */
async function untilFirstRecord() {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-first-record-'));
  const file = join(directory, 'first-record.job.yaml');
  writeFileSync(file, ENDLESS);
  const start = performance.now();
  const child = spawn(process.execPath, ['bin/run.js', 'run', file], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [data] = await once(child.stdout, 'data');
  const millis = performance.now() - start;
  child.kill('SIGKILL');
  await once(child, 'close');
  rmSync(directory, {recursive: true, force: true});
  if (!data.toString().startsWith('{"id":0}')) throw new Error(`no record: ${data}`);
  return millis;
}

function run(args) {
  const start = performance.now();
  const result = spawnSync(process.execPath, args, {cwd: ROOT, encoding: 'utf8'});
  const millis = performance.now() - start;
  if (result.status !== 0 && args[1] !== 'checkpoint') {
    throw new Error(`${args.join(' ')} ended ${result.status}: ${result.stderr}`);
  }
  return millis;
}
