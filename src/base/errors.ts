// The closed list of error codes and the exit status of each: CLI help, README and behaviour are
// tested against this table.

/** Exit statuses of the command line, with the sentence that `--help` and the README print. */
export const EXIT_STATUSES = {
  0: 'done, and nothing wrong was found',
  1: 'failed: the job failed, or an unexpected error; for `diff`: they differ',
  2: 'usage: bad flag or argument, or an answer was needed and none could be asked',
  3: 'job, test or drill file is invalid',
  4: 'the check ran and the answer is bad: damage found, test failed, drill failed',
  5: 'incomplete: some items were skipped or could not be read',
  10: 'no such job, checkpoint, directory',
  11: 'locked, already running, or fenced by another process',
  12: 'incompatible: format version, graph, state type, max parallelism',
  13: 'refused for safety: would overwrite, delete or leave its directory',
  14: 'timed out waiting',
  15: 'storage failed: disk full, I/O error',
  16: 'a commit is undecided: stopped with the evidence',
  17: 'the source lost data',
  21: 'a record or user code failed',
  130: 'interrupted',
  143: 'terminated',
} as const;

export type ExitStatus = keyof typeof EXIT_STATUSES;

/** Every code that an `EngineError` may carry, and the exit status that it means. */
export const ERROR_CODES = {
  UNEXPECTED: 1,
  JOB_FAILED: 1,
  USAGE: 2,
  JOB_INVALID: 3,
  CHECKPOINT_DAMAGED: 4,
  INCOMPLETE: 5,
  NOT_FOUND: 10,
  ALREADY_RUNNING: 11,
  FENCED: 11,
  INCOMPATIBLE: 12,
  REFUSED: 13,
  TIMED_OUT: 14,
  STORAGE_FAILED: 15,
  COMMIT_UNDECIDED: 16,
  OUTPUT_AHEAD: 16,
  SOURCE_LOST_DATA: 17,
  RECORD_FAILED: 21,
  USER_CODE_FAILED: 21,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const satisfies Record<string, ExitStatus>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What a user needs beside the message: where it is and what to run next. */
export interface ErrorDetails {
  /** The next command or edit, one sentence. */
  readonly hint?: string | undefined;
  readonly file?: string | undefined;
  /** 1-based. */
  readonly line?: number | undefined;
  /** 1-based, in UTF-16 units. */
  readonly column?: number | undefined;
  readonly cause?: unknown;
  /** Further facts for `--json` and logs; must survive `JSON.stringify`. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * An error of the world: a bad file, a full disk, another process. The message names the thing and
 * the reason; `details.hint` says what to do next. The code decides the exit status.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : {cause: details.cause});
    this.code = code;
    this.details = details;
  }

  get exitStatus(): ExitStatus {
    return ERROR_CODES[this.code];
  }
}

/** An error in the form in which it crosses threads. */
export interface SerializedError {
  readonly name: string;
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack: string | null;
  readonly details: Omit<ErrorDetails, 'cause'>;
  readonly cause: SerializedError | null;
}

/** Flattens any thrown value so that `postMessage` and JSON keep all of it. */
export function serializeError(thrown: unknown): SerializedError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const {cause: _cause, ...details} = error instanceof EngineError ? error.details : {};
  return {
    name: error.name,
    code: error instanceof EngineError ? error.code : null,
    message: error.message,
    stack: error.stack ?? null,
    details,
    cause: error.cause === undefined ? null : serializeError(error.cause),
  };
}

/** The same class and fields on the other side of a thread. */
export function deserializeError(from: SerializedError): Error {
  const cause = from.cause === null ? undefined : deserializeError(from.cause);
  const error =
    from.code === null
      ? Object.assign(new Error(from.message, {cause}), {name: from.name})
      : new EngineError(from.code, from.message, {...from.details, cause});
  if (from.stack !== null) error.stack = from.stack;
  return error;
}

/** The `code` of a system error (`ENOENT`, `ENOSPC`, …), or null when it is none. */
export function systemErrorCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error)) return null;
  const code: unknown = (thrown as {code?: unknown}).code;
  return typeof code === 'string' ? code : null;
}

/** Who was not let: ` (as user 1000)`, to follow a sentence; empty when it is about something else than rights. */
export function refusedUser(thrown: unknown): string {
  const code = systemErrorCode(thrown);
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return '';
  return ` (as user ${process.getuid?.() ?? 'unknown'})`;
}

/** The sentence of any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Itself, or UNEXPECTED with it as the cause. */
export function asEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  return new EngineError('UNEXPECTED', messageOf(thrown), {cause: thrown});
}
