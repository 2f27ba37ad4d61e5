// A directory in which every example of every command can be run: a job that was interrupted and has
// checkpoints, the jobs of this repository, and `tidemark` in PATH.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod, mkdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {execa} from 'execa';
import {BIN, ROOT, environment} from '../tidemark.ts';

/** Endless enough to be interrupted when it is held back, and over at once when it is not. */
export const JOB = `name: my-job
sources:
  flights:
    connector: generator
    rows: 2000
    fields:
      n: {kind: sequence}
sinks:
  show: {connector: console, input: flights, limit: 2}
checkpointing:
  interval: 20ms
  dir: file:./state/checkpoints
  num-retained: 100
`;

const HELD_BACK = 'sources.flights.rate-limit=5';
/** All of two digits in a list of the newest. */
const CHECKPOINTS = 20;

/** Programs of examples that need not be on this machine: they read what they are given. */
const STAND_INS = ['dot', 'jq'];

export interface Scratch {
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
}

export async function makeScratch(path: string): Promise<Scratch> {
  await rm(path, {recursive: true, force: true});
  await mkdir(join(path, 'bin'), {recursive: true});
  await mkdir(join(path, 'jobs/airport-delays'), {recursive: true});
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  const job = 'jobs/airport-delays/airport-delays.job.yaml';
  const text = await readFile(join(ROOT, job), 'utf8');
  await writeFile(join(path, job), text.replace(/rate-limit: \d+/, 'rate-limit: 100000'));
  await writeFile(join(path, 'my.job.yaml'), JOB);
  await script(path, 'tidemark', 'exec "$NODE" "$BIN" "$@"');
  for (const name of STAND_INS) await script(path, name, 'exec cat');
  const scratch = scratchAt(path);
  await interruptedRun(scratch);
  return scratch;
}

/** A copy, for a test that changes it. By cp(1): Node's own takes eight times the processor time. */
export async function copyScratch(from: Scratch, path: string): Promise<Scratch> {
  await execa('cp', ['-RP', from.path, path]);
  return scratchAt(path);
}

function scratchAt(path: string): Scratch {
  const variables = {
    TIDEMARK_HOME: join(path, 'home'),
    PATH: `${join(path, 'bin')}:${process.env['PATH'] ?? ''}`,
    NODE: process.execPath,
    BIN,
  };
  return {path, variables};
}

async function script(path: string, name: string, line: string): Promise<void> {
  const file = join(path, 'bin', name);
  await writeFile(file, `#!/bin/sh\n${line}\n`);
  await chmod(file, 0o755);
}

/** A job killed by Ctrl-C, once it has enough checkpoints. */
async function interruptedRun({path, variables}: Scratch): Promise<void> {
  const args = [BIN, 'run', 'my.job.yaml', '--json', '--set', HELD_BACK];
  const child = spawn(process.execPath, args, {
    cwd: path,
    env: environment(variables),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  for await (const line of createInterface({input: child.stdout})) {
    const event = JSON.parse(line) as {type: string; id?: number};
    if (event.type === 'checkpoint' && event.id === CHECKPOINTS) child.kill('SIGINT');
  }
  const [status] = (await closed) as [number | null];
  if (status !== 130) throw new Error(`the job of the scratch directory ended with ${status}`);
}
