import {EngineError} from '../base/errors.ts';
import {converts} from './slot-conversion.ts';
import type {SnapshotSchema} from './snapshot-format.ts';

/**
 * Key, key groups and max-parallelism must be the same. Slots may have been added, widened from one kind of number to the
 * other (slot-conversion.ts), or left out: whether their state may be lost is for the restore plan to say, which has.
 */
export function refuseOtherSchema(
  stored: SnapshotSchema,
  wanted: SnapshotSchema,
  path: string,
): void {
  const reasons: string[] = [];
  if (stored.maxParallelism !== wanted.maxParallelism) {
    reasons.push(`max-parallelism was ${stored.maxParallelism}, is ${wanted.maxParallelism}`);
  }
  const [before, after] = [listed(stored.key), listed(wanted.key)];
  if (before !== after) reasons.push(`the key was (${before}), is (${after})`);
  else if (stored.keyGroupColumns !== wanted.keyGroupColumns) {
    reasons.push(`the key groups came from ${stored.keyGroupColumns} columns`);
  }
  const kinds = new Map(wanted.values);
  for (const [name, kind] of stored.values) {
    const now = kinds.get(name);
    if (now !== undefined && !converts(kind, now)) reasons.push(`'${name}' was ${kind}, is ${now}`);
  }
  if (reasons.length === 0) return;
  throw new EngineError(
    'INCOMPATIBLE',
    `the state ${wanted.table} in ${path} does not fit the job: ${reasons.join('; ')}`,
    {
      file: path,
      facts: {reasons},
      hint: 'Give the changed step another id to start it empty, or undo the change.',
    },
  );
}

function listed(pairs: SnapshotSchema['key']): string {
  return pairs.map(([name, type]) => `${name} ${type}`).join(', ');
}
