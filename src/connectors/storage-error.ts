import {EngineError, systemErrorCode} from '../base/errors.ts';

/** What the user of a system error can do about it. */
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space, then run the job again: it goes on from its last checkpoint.',
  EDQUOT: 'The quota of this user is used up; free some space, then run the job again.',
  EACCES: 'Give this user access to that path, or choose another one.',
  EPERM: 'Give this user access to that path, or choose another one.',
  EROFS: 'The file system is read-only; choose another path.',
};

/**
 * A failed call of the file system as an error that says which connector, which path and, where rights
 * matter, which user. An EngineError stays what it is.
 */
export function storageError(
  uid: string,
  action: string,
  path: string,
  cause: unknown,
): EngineError {
  if (cause instanceof EngineError) return cause;
  const code = systemErrorCode(cause) ?? String(cause);
  const user = code === 'EACCES' || code === 'EPERM' ? ` as user ${process.getuid?.() ?? '?'}` : '';
  return new EngineError('STORAGE_FAILED', `${uid}: cannot ${action} ${path}${user}: ${code}`, {
    hint: HINTS[code] ?? 'Look at the disk; the next run goes on from the last checkpoint.',
    file: path,
    cause,
    facts: {operator: uid, system_code: code},
  });
}
