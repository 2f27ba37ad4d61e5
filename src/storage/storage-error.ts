import {EngineError, refusedUser, systemErrorCode} from '../base/errors.ts';
import {systemErrorPath} from './system-error.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free space on that file system, then run the same again: a job resumes.',
  EDQUOT: 'Free space within the quota, then run the same again: a job resumes.',
  EROFS: 'Mount the file system for writing, then run the same again.',
  EACCES: 'Give this user access to that path, then run the same again.',
  EPERM: 'Give this user access to that path, then run the same again.',
  ENOENT: 'Look whether the directory was removed or is not mounted.',
  EIO: 'Check the disk (dmesg), then run the same again: a job resumes.',
};

/** The world's failure of one file operation, with the path, the reason and what to do; a mistake of ours is UNEXPECTED. */
export function storageFailed(
  doing: string,
  path: string,
  cause: unknown,
  facts: Readonly<Record<string, unknown>> = {},
): EngineError {
  if (cause instanceof EngineError) return cause;
  const systemCode = systemErrorCode(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  // A mistake of ours, whatever file it happened at.
  if (systemCode === null && (cause instanceof TypeError || cause instanceof RangeError)) {
    return new EngineError('UNEXPECTED', `${doing} ${path}: ${reason}`, {file: path, cause, facts});
  }
  if (systemCode === 'ELOOP') {
    const link = systemErrorPath(cause, path);
    return new EngineError(
      'REFUSED',
      `${doing} ${path}: ${link} is a link, which is not followed`,
      {
        file: link,
        hint: 'Put the files themselves there; nobody else may write in that directory meanwhile.',
        cause,
        facts: {...facts, system_code: systemCode},
      },
    );
  }
  return new EngineError(
    'STORAGE_FAILED',
    `${doing} ${path} failed${refusedUser(cause)}: ${reason}`,
    {
      file: path,
      hint: systemCode === null ? undefined : HINTS[systemCode],
      cause,
      facts: {...facts, system_code: systemCode},
    },
  );
}
