// Hidden directories in which copies of checkpoints are written. Their names say which process writes there, so that those of
// processes that died can be told, and removed, without touching a copy that is under way.

import {sha256Hex} from '../base/checksum.ts';
import {judgeProcess, type Liveness, type ProcessIdentity} from '../base/process-identity.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {baseName, copyingName, join, parentOf, parseCopyingName} from './paths.ts';
import type {ProcessTable} from './process-table.ts';

export interface UnfinishedCopy {
  /** Absolute. */
  readonly path: string;
  /** Of the directory that it was to become. */
  readonly name: string;
  /** The process that writes there; `unknown`: of another machine, or of one that tells nothing of its processes. */
  readonly writer: Liveness;
}

/** Where a copy to `target` is written by this process. `random`: 12 hexadecimal digits that nobody else has. */
export function unfinishedCopyAt(target: string, processes: ProcessTable, random: string): string {
  const self = processes.self();
  const {pid, startTime} = self;
  const name = {machine: machineOf(self), pid, startTime, name: baseName(target)};
  return join(parentOf(target), copyingName(name, random));
}

/** In `directory`, which is there. */
export async function unfinishedCopies(
  files: FileSystem,
  directory: string,
  processes: ProcessTable,
): Promise<readonly UnfinishedCopy[]> {
  const found: UnfinishedCopy[] = [];
  for (const {name: text, kind} of await files.list(directory)) {
    const parsed = parseCopyingName(text);
    if (kind !== 'directory' || parsed === null) continue;
    const {machine, pid, startTime, name} = parsed;
    const self = processes.self();
    const isHere = machine !== null && machine === machineOf(self);
    const writer = isHere
      ? judgeProcess({...self, pid, startTime}, self, (id) => processes.look(id))
      : 'unknown';
    found.push({path: join(directory, text), name, writer});
  }
  return found;
}

/** What copies to `target` left behind whose processes are dead. */
export async function removeDeadCopies(
  files: FileSystem,
  target: string,
  processes: ProcessTable,
): Promise<void> {
  for (const {path, name, writer} of await unfinishedCopies(files, parentOf(target), processes)) {
    if (name === baseName(target) && writer === 'dead') await removeTree(files, path);
  }
}

/** Null: pids say nothing there. */
function machineOf({bootId, pidNamespace}: ProcessIdentity): string | null {
  if (bootId === null || pidNamespace === null) return null;
  return sha256Hex(`${bootId} ${pidNamespace}`).slice(0, 12);
}
