// What `doctor` tells about this machine, the state directory, and directories of jobs.

import {resolve} from 'node:path';

import {systemClock} from '../base/clock.ts';
import {systemRandom} from '../base/random.ts';
import {SOCKET_PATH_BYTES_MAX, socketDirectories} from '../control/socket-path.ts';
import {statePathsOf} from '../control/state-directory.ts';
import {checkDirectory} from '../doctor/check-directory.ts';
import {checkMachine} from '../doctor/check-machine.ts';
import {checkSockets} from '../doctor/check-sockets.ts';
import {readMachine} from '../doctor/machine-facts.ts';
import {readMounts} from '../doctor/mounts.ts';
import type {Check} from '../doctor/check.ts';
import {requireJob} from '../engine.ts';
import type {Environment} from '../runtime/run-types.ts';
import {statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {systemProcessTable} from '../storage/process-table.ts';

export type {Check} from '../doctor/check.ts';

export interface DoctorReport {
  readonly checks: readonly Check[];
  readonly errors: number;
  readonly warnings: number;
}

/** `targets`: directories, and job files, which stand for the directories of their checkpoints. */
export async function examine(
  targets: readonly string[],
  environment: Environment,
): Promise<DoctorReport> {
  const paths = statePathsOf(environment);
  const places = new Map([[paths.root, 'the state directory']]);
  for (const target of targets) {
    for (const [path, what] of await placesOf(target, environment)) places.set(path, what);
  }
  const {bootId, startTime} = systemProcessTable.self();
  const checks = [
    ...checkMachine(readMachine({bootId, startTime}, systemClock.wallMillis())),
    checkSockets(socketDirectories(environment, paths), SOCKET_PATH_BYTES_MAX),
  ];
  const context = {
    files,
    clock: systemClock,
    random: systemRandom,
    mounts: await readMounts(files),
  };
  for (const [path, what] of places) checks.push(...(await checkDirectory(path, what, context)));
  const count = (severity: Check['severity']): number =>
    checks.filter((check) => check.severity === severity).length;
  return {checks, errors: count('error'), warnings: count('warning')};
}

async function placesOf(
  target: string,
  environment: Environment,
): Promise<readonly (readonly [string, string])[]> {
  const path = resolve(target);
  if ((await statusOrNull(files, path))?.kind !== 'file') return [[path, 'the directory']];
  const {job} = await requireJob({file: path, overrides: {flink: [], set: []}, environment});
  const {directory, savepointDirectory} = job.checkpointing;
  const places = [[directory, `the checkpoint directory of ${job.name}`]] as [string, string][];
  if (savepointDirectory !== null) {
    places.push([savepointDirectory, `the savepoint directory of ${job.name}`]);
  }
  return places;
}
