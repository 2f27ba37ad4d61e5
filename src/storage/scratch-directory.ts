// Scratch directories below the system's temporary one: for this user only, removed when this process ends in any way but being
// killed, and by the next one then. The name says whose it is: where pids mean something, which pid, and when that began.

import {readdirSync, rmSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';

import {sha256Hex} from '../base/checksum.ts';
import type {ProcessIdentity} from '../base/process-identity.ts';
import {join} from './paths.ts';
import {systemProcessTable, type ProcessTable} from './process-table.ts';
import {storageFailed} from './storage-error.ts';

const PREFIX = 'tidemark-state';
const NAME = /^tidemark-state-([0-9a-f]{16})-(\d{1,10})-(\d{1,20})-[0-9a-f]+$/;

/** Of this process, until they are removed at its end. */
const made = new Set<string>();
const swept = new Set<string>();

/**
 * A new directory in `parent`, absolute, mode 0700; those of processes that are dead are removed first, once. Removing it is the
 * caller's; what is left when the process ends goes then. `random`: hexadecimal digits. STORAGE_FAILED.
 */
export async function makeScratchDirectory(
  parent: string,
  random: string,
  processes: ProcessTable = systemProcessTable,
): Promise<string> {
  const self = processes.self();
  if (!swept.has(parent)) sweepScratchDirectories(parent, processes);
  swept.add(parent);
  const path = join(
    parent,
    `${PREFIX}-${placeOf(self)}-${self.pid}-${self.startTime ?? 0}-${random}`,
  );
  try {
    await mkdir(path, {mode: 0o700});
  } catch (error) {
    throw storageFailed('making the scratch directory', path, error);
  }
  if (made.size === 0) process.once('exit', removeAll);
  made.add(path);
  return path;
}

/** Removes in `parent` what processes left that are dead for certain; what cannot be removed stays. */
function sweepScratchDirectories(
  parent: string,
  processes: ProcessTable = systemProcessTable,
): void {
  const here = processes.self();
  if (here.bootId === null || here.pidNamespace === null) return;
  for (const entry of namesIn(parent)) {
    const [, place, pid, startTime] = NAME.exec(entry) ?? [];
    if (place !== placeOf(here) || pid === undefined) continue;
    const seen = processes.look(Number(pid));
    const isDead =
      seen.kind === 'gone' ||
      (seen.kind === 'running' && seen.startTime !== null && seen.startTime !== startTime);
    if (isDead) removeQuietly(join(parent, entry));
  }
}

function namesIn(parent: string): readonly string[] {
  try {
    return readdirSync(parent);
  } catch {
    // Making the directory says what is wrong with it.
    return [];
  }
}

/** Two processes of one place see the same pids. */
function placeOf({bootId, pidNamespace}: ProcessIdentity): string {
  return sha256Hex(`${bootId} ${pidNamespace}`).slice(0, 16);
}

function removeAll(): void {
  for (const path of made) removeQuietly(path);
}

/** Another user's, or one that another process removes too, is not worth a failure. A link is removed, not followed. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, {recursive: true, force: true, maxRetries: 3});
  } catch {
    // The next one tries again.
  }
}
