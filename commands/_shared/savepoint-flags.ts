// What `savepoint` and `stop` are told about the savepoint that they take.

import {Flags} from '@oclif/core';
import {EngineError, parseLocalDirectory} from '../../src/index.ts';
import type {Interfaces} from '@oclif/core';
import type {SavepointFormat, SavepointTarget} from '../../src/index.ts';

export function typeFlag(): Interfaces.OptionFlag<SavepointFormat> {
  return Flags.option({
    options: ['canonical', 'native'] as const,
    description:
      'canonical: independent of the state backend. native: as the backend keeps it, faster to take and to restore.',
    default: 'canonical' as const,
  })();
}

export const detachedFlag = Flags.boolean({
  description: 'Do not wait: print the trigger id, which `wait JOB --for trigger=ID` takes.',
});

/** `directory`: as typed, relative to the working directory; absent: the job's own. */
export function savepointTarget(
  directory: string | undefined,
  format: SavepointFormat,
): SavepointTarget {
  if (directory === undefined) return {directory: null, format};
  const parsed = parseLocalDirectory(directory, process.cwd());
  if (parsed.kind === 'ok') return {directory: parsed.path, format};
  throw new EngineError('USAGE', `${directory}: the directory ${parsed.message}`, {
    hint: parsed.suggestion,
  });
}
