import type {Random} from './random.ts';

/** Identity that ties state to an operator across edits of the job. */
export type OperatorUid = string;

export const OPERATOR_UID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** Names that Windows file systems reserve; a uid becomes a directory name. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/;

export function isOperatorUid(text: string): boolean {
  return OPERATOR_UID_PATTERN.test(text) && !RESERVED.test(text);
}

/** A job's name becomes a directory name too: letters, digits, `.`, `_`, `-`; at most 64. */
export const JOB_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function isJobName(text: string): boolean {
  return JOB_NAME_PATTERN.test(text) && !RESERVED.test(text.toLowerCase()) && !text.endsWith('.');
}

/** 64 random bits as 16 hexadecimal digits. */
export function newLineageId(random: Random): string {
  return random.hex(8);
}

/** 64 random bits as 16 hexadecimal digits; one per process that takes a generation. */
export function newRunId(random: Random): string {
  return random.hex(8);
}
