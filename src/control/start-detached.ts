// Starts a run in a process of its own: a session of its own, no terminal, stderr into a file, so that neither a
// closed shell nor Ctrl-C reaches it. It says once whether the job runs; then the two let go of each other.
//
//   1. `starting/<random>/stderr.log` is made and becomes the child's stdout and stderr.
//   2. The child gets its order over the channel, registers, deploys, and answers.
//   3. Running: the child has moved its stderr into its own log directory. Not: its stderr says why.

import {spawn, type ChildProcess} from 'node:child_process';
import {closeSync, mkdirSync, openSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {deserializeError, EngineError} from '../base/errors.ts';
import {systemRandom} from '../base/random.ts';
import type {RunRequest} from '../runtime/run-types.ts';
import type {StartedJob} from './client-types.ts';
import type {DetachedAnswer, DetachedOrder} from './detached-messages.ts';
import {escapeControl} from './log-lines.ts';
import {STDERR_NAME} from './stderr-name.ts';
import {openStateDirectory, stateDirectoryError, statePathsOf} from './state-directory.ts';

/** What is shown of the stderr of a process that died. */
const SHOWN_CHARACTERS_MAX = 2_000;

export async function startDetached({environment, ...request}: RunRequest): Promise<StartedJob> {
  const paths = statePathsOf(environment);
  // Refused here: a run that nobody could find again must not begin.
  openStateDirectory(paths, systemRandom);
  const starting = join(paths.starting, systemRandom.hex(8));
  const stderrFile = join(starting, STDERR_NAME);
  let answer: DetachedAnswer | {readonly kind: 'died'; readonly how: string};
  let seen: string;
  try {
    const child = spawnChild(request.file, stderrFile, environment);
    try {
      answer = await converse(child, {request: {...request, detached: true}, starting});
    } finally {
      if (child.connected) child.disconnect();
      child.unref();
    }
    seen = answer.kind === 'died' ? readFileSync(stderrFile, 'utf8') : '';
  } catch (error) {
    throw stateDirectoryError(paths.root, error);
  } finally {
    rmSync(starting, {recursive: true, force: true});
  }
  switch (answer.kind) {
    case 'running':
      return answer.started;
    case 'failed':
      throw deserializeError(answer.error);
    case 'died':
      throw new EngineError('JOB_FAILED', `the run ${answer.how} before the job was running`, {
        hint: hintOf(seen),
      });
  }
}

function spawnChild(
  jobFile: string,
  stderrFile: string,
  environment: RunRequest['environment'],
): ChildProcess {
  mkdirSync(join(stderrFile, '..'), {mode: 0o700});
  const stderr = openSync(stderrFile, 'ax', 0o600);
  try {
    const entry = fileURLToPath(new URL('../detached-entry.js', import.meta.url));
    // The job's file is for whoever reads the list of processes.
    return spawn(process.execPath, [...process.execArgv, entry, jobFile], {
      detached: true,
      env: environment,
      stdio: ['ignore', stderr, stderr, 'ipc'],
    });
  } finally {
    closeSync(stderr);
  }
}

async function converse(
  child: ChildProcess,
  order: DetachedOrder,
): Promise<DetachedAnswer | {readonly kind: 'died'; readonly how: string}> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => resolve(message as DetachedAnswer));
    child.once('exit', (code, signal) => {
      const how =
        signal === null ? `ended with status ${code ?? 'unknown'}` : `was killed (${signal})`;
      resolve({kind: 'died', how});
    });
    child.send(order, (error) => {
      // It died before it could read: `exit` says how.
      if (error !== null && child.exitCode === null && child.signalCode === null) reject(error);
    });
  });
}

function hintOf(stderr: string): string {
  const lines = stderr.trim().split('\n').map(escapeControl).join(' | ');
  return lines === ''
    ? 'it left no word; was the machine out of memory?'
    : `its last words: ${lines.slice(-SHOWN_CHARACTERS_MAX)}`;
}
