// Any thrown value as what a user is told: one object with --json, one to three lines otherwise.

import {inspect} from 'node:util';
import {ERROR_CODES, refusedUser, systemErrorCode, wallMillis} from '../../src/index.ts';
import {escapeLines, escapeText, toJson} from './text.ts';
import {formatInstant} from './units.ts';
import type {EngineError, ErrorCode, ExitStatus} from '../../src/index.ts';
import type {Style} from './style.ts';

export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly exit_code: ExitStatus;
  readonly hint: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

const ROOM = 'make room, then run the same again';
const ACCESS = 'give this user access to that path, then run the same again';

/** What a disk says that takes no more (stdout may be a file on it), or a directory that is not this user's. */
const STORAGE_HINTS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', ROOM],
  ['EDQUOT', ROOM],
  ['EFBIG', ROOM],
  ['EIO', 'check the disk (dmesg), then run the same again'],
  ['EROFS', 'mount the file system for writing, then run the same again'],
  ['EACCES', ACCESS],
  ['EPERM', ACCESS],
]);

/** `commandName`: as typed after `tidemark`, for the hint of a usage error. */
export function reportOf(thrown: unknown, commandName: string): ErrorReport {
  if (isEngineError(thrown)) {
    const {hint, file, line, column} = thrown.details;
    return report(thrown.code, thrown.message, {
      hint: hint ?? null,
      file: file ?? null,
      line: line ?? null,
      column: column ?? null,
    });
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error.name === 'ExitPromptError' || error.name === 'AbortPromptError') {
    return report('INTERRUPTED', 'interrupted at the prompt; nothing was done');
  }
  if (isUsageError(error)) {
    const help = ['tidemark', commandName, '--help'].filter((word) => word !== '').join(' ');
    return report('USAGE', usageMessage(error.message), {hint: help});
  }
  const failure = storageReport(error);
  if (failure !== null) return failure;
  return report('UNEXPECTED', error.message === '' ? error.name : error.message, {
    hint: 'this is a defect of tidemark; run again with --verbose for the stack',
  });
}

/** Null: it is no failure of a disk or of rights. */
function storageReport(error: Error): ErrorReport | null {
  const hint = STORAGE_HINTS.get(systemErrorCode(error) ?? '');
  if (hint === undefined) return null;
  const path: unknown = (error as {path?: unknown}).path;
  const file = typeof path === 'string' ? path : null;
  return report('STORAGE_FAILED', `${error.message}${refusedUser(error)}`, {hint, file});
}

/** By its fields: the start-up bundle has a class of its own beside the engine's. */
function isEngineError(
  thrown: unknown,
): thrown is Pick<EngineError, 'code' | 'message' | 'details'> {
  if (!(thrown instanceof Error) || thrown.name !== 'EngineError') return false;
  const code: unknown = (thrown as {code?: unknown}).code;
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

function report(
  code: ErrorCode,
  message: string,
  rest: Partial<Pick<ErrorReport, 'hint' | 'file' | 'line' | 'column'>> = {},
): ErrorReport {
  const place = {hint: null, file: null, line: null, column: null, ...rest};
  return {code, message, exit_code: ERROR_CODES[code], ...place};
}

/** What oclif's parser and its look-up of commands throw. */
function isUsageError(error: Error): boolean {
  return 'oclif' in error;
}

/** oclif speaks over several lines, with advice of its own; what it breaks in a list goes on indented. */
function usageMessage(message: string): string {
  const isList = /^Missing \d+ required arg/.test(message);
  const [first = '', ...rest] = (isList ? message.replace(/\n {2,}(?=\S)/g, ' ') : message)
    .split('\n')
    .map((line) => line.trim().replace(/\s{2,}/g, ' '))
    .filter((line) => line !== '' && !/^(See more help with|Note:|Alternatively)/.test(line))
    .filter((line) => !/^The following errors? occurred:$/.test(line))
    .map((line) => line.replace(/^Missing required flag (\S+)$/, 'missing: --$1'))
    .map((line) =>
      line.replace(/^(--[^=\s]+)(?:=.*)? cannot also be provided when using/, '$1 excludes'),
    );
  if (isList) return missingArguments(rest);
  const parsing = /^Parsing (--\S+)$/.exec(first);
  if (parsing !== null) return `${parsing[1]}: ${rest.join('; ').replace(/^E/, 'e')}`;
  return rest.length === 0 ? first : `${first} ${rest.join('; ')}`;
}

/** A line of oclif's is the name and what it is: `file The job file.` */
function missingArguments(lines: readonly string[]): string {
  const named = lines.map((line) => line.replace(/^(\S+) ?(.*?)\.?$/, nameArgument));
  return `missing: ${named.join('; ')}`;
}

function nameArgument(_line: string, name: string, description: string): string {
  const upper = name.toUpperCase();
  return description === '' ? upper : `${upper} (${description})`;
}

export function errorJson(report: ErrorReport): string {
  return toJson({error: report});
}

/** The end of JSON Lines whose command fails: the error, then a summary, which is always the last line. */
export function failedStreamLines(report: ErrorReport, summary: object): string[] {
  const ts = formatInstant(wallMillis());
  return [toJson({type: 'error', ts, error: report}), toJson({type: 'summary', ts, ...summary})];
}

/** One to three lines: what and why, where, what to run next. */
export function errorLines(report: ErrorReport, style: Style): string[] {
  const lines = [`${style.bad('error:')} ${escapeText(report.message)}`];
  const isTold = report.line === null && report.message.includes(report.file ?? '');
  if (report.file !== null && !isTold) {
    const place = [report.file, report.line, report.column].filter((part) => part !== null);
    lines.push(`  at ${escapeText(place.join(':'))}`);
  }
  if (report.hint !== null) lines.push(`  ${style.dim('next:')} ${escapeText(report.hint)}`);
  return lines;
}

/** With --verbose: the stack, its causes and their fields. */
export function errorStack(thrown: unknown): string {
  return escapeLines(inspect(thrown, {depth: 4, colors: false}));
}
