// Whether a process may end as it did: every exit needs a fault that explains it.

import type {EngineError, ErrorCode} from '#src/base/errors.js';
import type {FaultKind} from './faults.ts';
import {Violation} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {World} from './world.ts';

const STORAGE_FAULTS: readonly FaultKind[] = [
  'sync-error',
  'reply-lost',
  'io-error',
  'no-space',
  'slow-storage',
];
const CHECKPOINT_FAULTS: readonly FaultKind[] = [
  ...STORAGE_FAULTS,
  'thread-hang',
  'acknowledge-lost',
  'acknowledge-late',
  'zombie',
];

/** Faults of which one must have happened before a run may end with the code; others never may. */
const EXPLAINED: Partial<Record<ErrorCode, readonly FaultKind[]>> = {
  STORAGE_FAILED: CHECKPOINT_FAULTS,
  JOB_FAILED: ['thread-death', 'thread-hang', ...STORAGE_FAULTS],
  FENCED: ['double-start', 'zombie'],
  ALREADY_RUNNING: ['double-start', 'zombie'],
  OUTPUT_AHEAD: ['restore-older'],
  NOT_FOUND: ['restore-older'],
  // Its output was withdrawn by a restore before.
  REFUSED: ['restore-older'],
};

/** `explains`: an ending that what was asked for brings about, whatever went wrong. */
export function judgeEnding(
  process: SimulatedProcess,
  world: World,
  explains: (process: SimulatedProcess, error: EngineError) => boolean,
): void {
  const {ending, name} = process;
  if (ending === null || ending.kind === 'killed') return;
  const judgeError = (error: EngineError): void => {
    if (!explains(process, error)) requireExplained(name, error, world);
  };
  if (ending.kind === 'refused') {
    judgeError(ending.error);
    return;
  }
  const {state, error} = ending.summary;
  switch (state) {
    case 'FINISHED':
      return;
    case 'INTERRUPTED':
    case 'CRASHED':
      if (process.interrupted) return;
      throw new Violation(`${name} ended as ${state}, and nobody interrupted it`);
    case 'STOPPED':
      // Also the run after one that drained and died before it could say so.
      if (process.stopAsked || process.mayFindDrained) return;
      throw new Violation(`${name} ended as ${state}, and nobody stopped it`);
    case 'CANCELED':
      if (process.cancelAsked) return;
      throw new Violation(`${name} ended as ${state}, and nobody cancelled it`);
    case 'FAILED':
      if (error === null) throw new Violation(`${name} failed without an error`);
      judgeError(error);
      return;
  }
}

function requireExplained(name: string, error: EngineError, {faults}: World): void {
  const needed = EXPLAINED[error.code] ?? [];
  if (needed.some((kind) => faults.fired.has(kind))) return;
  const isGone = /is not there any more|an earlier checkpoint was restored since/.test(
    error.message,
  );
  if (isGone && faults.fired.has('restore-older')) return;
  const isDeath = error.message.includes('reached its memory limit');
  if (isDeath && faults.fired.has('thread-death')) return;
  const fired = [...faults.fired.keys()].join(', ');
  throw new Violation(
    `${name} ended with ${error.code} (${error.exitStatus}) after no more than ${fired || 'nothing'}: ${error.stack ?? error.message}`,
  );
}
