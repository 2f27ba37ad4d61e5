// The processes of this machine, from /proc. Where there is no /proc every judgement is `unknown`
// and the beat decides.

import {readFileSync, readlinkSync} from 'node:fs';
import {hostname} from 'node:os';

import {systemErrorCode} from '../base/errors.ts';
import type {ProcessIdentity, ProcessSighting} from '../base/process-identity.ts';

export interface ProcessTable {
  /** The calling process. */
  self(): ProcessIdentity;
  look(pid: number): ProcessSighting;
}

export const systemProcessTable: ProcessTable = {
  self() {
    const seen = lookInProc(process.pid);
    return {
      host: hostname(),
      bootId: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
      pidNamespace: readOr(() => readlinkSync('/proc/self/ns/pid')),
      pid: process.pid,
      startTime: seen.kind === 'running' ? seen.startTime : null,
    };
  },
  look: lookInProc,
};

function lookInProc(pid: number): ProcessSighting {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    const code = systemErrorCode(error);
    return code === 'ENOENT' || code === 'ESRCH' ? lookBySignal(pid) : {kind: 'unknown'};
  }
}

/** `hidepid` hides processes of other users from /proc; a signal still tells that one is there. */
function lookBySignal(pid: number): ProcessSighting {
  try {
    process.kill(pid, 0);
    return {kind: 'unknown'};
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH' ? {kind: 'gone'} : {kind: 'unknown'};
  }
}

/** One line of /proc/<pid>/stat. The command's name may hold blanks and parentheses: fields count from the last `)`. */
export function parseProcStat(text: string): ProcessSighting {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const state = fields[0];
  const startTime = fields[19];
  if (state === undefined || startTime === undefined || !/^\d+$/.test(startTime)) {
    return {kind: 'unknown'};
  }
  // Killed and not yet waited for by its parent: it will never run again.
  if (state === 'Z' || state === 'X') return {kind: 'gone'};
  return {kind: 'running', startTime};
}

function readOr(read: () => string): string | null {
  try {
    return read();
  } catch {
    // Not Linux, or a container without /proc: the identity says null and the beat decides.
    return null;
  }
}
