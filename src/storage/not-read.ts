// What keeps something from being read, as a finding: for whoever tells what is there and goes on with the next. Whoever acts on what
// it reads, a restore or a prune, lets the error end it.

import {EngineError, messageOf, refusedUser, systemErrorCode} from '../base/errors.ts';
import {errorAt, wrongKind, type Finding} from './finding.ts';
import {systemErrorPath} from './system-error.ts';

/** `EACCES`, `EIO`; not the `ERR_…` of Node, which are mistakes of ours. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/u;

/** `path`: what was to be read, should the error not say it. Null: it is no failure of the world. */
export function notRead(path: string, error: unknown): Finding | null {
  const cause: unknown = error instanceof EngineError ? error.cause : error;
  const systemCode = systemErrorCode(cause);
  if (systemCode === null || !SYSTEM_CODE.test(systemCode)) return null;
  const place = systemErrorPath(cause, path);
  if (systemCode === 'ELOOP') return wrongKind(place);
  const message = `${place} cannot be read${refusedUser(cause)}: ${messageOf(cause)}`;
  return errorAt('file-not-read', place, message);
}
