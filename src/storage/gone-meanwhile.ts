import {EngineError, systemErrorCode} from '../base/errors.ts';

/** For a reader of a checkpoint that is no longer where it was: NOT_FOUND, and what keeps one. `directory`: absolute. */
export function goneMeanwhile(directory: string): EngineError {
  return new EngineError('NOT_FOUND', `${directory} is not there (any more)`, {
    file: directory,
    hint: 'Retention may have deleted it; keep one with `tidemark checkpoint hold`.',
  });
}

/** May a file that went have brought it about? What was refused is refused, whatever went since. */
export function mayBeOfGone(error: unknown): boolean {
  if (!(error instanceof EngineError)) return systemErrorCode(error) === 'ENOENT';
  const {code, details} = error;
  return code === 'CHECKPOINT_DAMAGED' || details.facts?.['system_code'] === 'ENOENT';
}
