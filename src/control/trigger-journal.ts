// What was asked of a job by trigger id, and what came of it: one file per trigger in `triggers/`, written before
// the work begins and again when it has ended, synced both times. So a repeated request is the same operation, also
// after the process was replaced, and the path of a savepoint is never lost.
//
//   <trigger id>.json   {"triggerId","kind","request","runId","accepted","ended","outcome"}

import {closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeSync} from 'node:fs';
import {join} from 'node:path';

import {
  ERROR_CODES,
  EngineError,
  messageOf,
  systemErrorCode,
  type ErrorCode,
} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import {isObject, parseObject} from './job-record.ts';
import type {TakenCheckpoint, TakenSavepoint} from '../runtime/job-commands.ts';
import {readSmall} from './registry-files.ts';

/** As many as anybody may still ask for; the oldest go. */
export const TRIGGERS_KEPT = 256;
export const TRIGGER_ID_PATTERN = /^[0-9a-f]{32}$/;

export type TriggerKind = 'savepoint' | 'stop' | 'checkpoint' | 'disposal';
const TRIGGER_KINDS: readonly unknown[] = ['savepoint', 'stop', 'checkpoint', 'disposal'];

export interface TriggerFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
}

export type TriggerOutcome =
  | {readonly kind: 'savepoint'; readonly savepoint: TakenSavepoint}
  | {readonly kind: 'checkpoint'; readonly checkpoint: TakenCheckpoint}
  | {readonly kind: 'disposed'}
  | {
      readonly kind: 'stopped';
      readonly savepoint: TakenSavepoint | null;
      readonly lastCheckpoint: TakenCheckpoint | null;
    }
  /** The savepoint exists, and the job goes on. */
  | {
      readonly kind: 'taken-and-running';
      readonly savepoint: TakenSavepoint;
      readonly failure: TriggerFailure;
    }
  /** Nothing was taken. */
  | {readonly kind: 'failed'; readonly failure: TriggerFailure};

export interface TriggerEntry {
  /** 32 hexadecimal digits. */
  readonly triggerId: string;
  readonly kind: TriggerKind;
  /** What was asked for; the same id with another request is refused. */
  readonly request: JsonValue;
  readonly runId: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly accepted: number;
  readonly ended: number | null;
  /** Null: it is under way. */
  readonly outcome: TriggerOutcome | null;
}

export function failureOf(error: EngineError): TriggerFailure {
  return {code: error.code, message: error.message, hint: error.details.hint ?? null};
}

export function errorOf(failure: TriggerFailure, facts?: Record<string, unknown>): EngineError {
  return new EngineError(failure.code, failure.message, {
    hint: failure.hint ?? undefined,
    facts,
  });
}

/** Synced: an answer that names the trigger id must be true after a crash. */
export function writeTrigger(directory: string, entry: TriggerEntry): void {
  const path = triggerPath(directory, entry.triggerId);
  const aside = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(aside, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify(entry)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, {force: true});
    throw error;
  }
}

/** Null: no such trigger, or half of one. */
export function readTrigger(directory: string, triggerId: string): TriggerEntry | null {
  if (!TRIGGER_ID_PATTERN.test(triggerId)) return null;
  const text = readSmall(triggerPath(directory, triggerId));
  const entry = text === null ? null : decodeTrigger(text);
  return entry?.triggerId === triggerId ? entry : null;
}

/** Oldest first; more than `TRIGGERS_KEPT`: the oldest are deleted. */
export function readTriggers(directory: string): TriggerEntry[] {
  const entries = namesOf(directory)
    .flatMap((name) => readTrigger(directory, name.slice(0, -'.json'.length)) ?? [])
    .sort((a, b) => a.accepted - b.accepted);
  const surplus = entries.splice(0, Math.max(0, entries.length - TRIGGERS_KEPT));
  for (const {triggerId} of surplus) removeTrigger(directory, triggerId);
  return entries;
}

export function removeTrigger(directory: string, triggerId: string): void {
  rmSync(triggerPath(directory, triggerId), {force: true});
}

/** The process that had it under way is gone: nobody knows more than what is on disk. */
export function outcomeUnknown(entry: TriggerEntry): TriggerOutcome {
  const where = entry.kind === 'checkpoint' ? 'checkpoints' : 'savepoint directory';
  return {
    kind: 'failed',
    failure: {
      code: 'JOB_FAILED',
      message: `the process that worked on ${entry.kind} ${entry.triggerId} ended before it could say what came of it`,
      hint: `look into the job's ${where}: what is complete there is good`,
    },
  };
}

function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function triggerPath(directory: string, triggerId: string): string {
  return join(directory, `${triggerId}.json`);
}

function decodeTrigger(text: string): TriggerEntry | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  const {triggerId, kind, runId, accepted, ended, outcome} = fields;
  const isEntry =
    typeof triggerId === 'string' &&
    TRIGGER_KINDS.includes(kind) &&
    typeof runId === 'string' &&
    typeof accepted === 'number' &&
    (ended === null || typeof ended === 'number') &&
    'request' in fields &&
    (outcome === null || isOutcome(outcome));
  return isEntry ? (fields as unknown as TriggerEntry) : null;
}

function isOutcome(value: unknown): boolean {
  if (!isObject(value)) return false;
  switch (value['kind']) {
    case 'savepoint':
      return isTaken(value['savepoint']);
    case 'checkpoint':
      return isTaken(value['checkpoint']);
    case 'disposed':
      return true;
    case 'stopped':
      return [value['savepoint'], value['lastCheckpoint']].every(
        (taken) => taken === null || isTaken(taken),
      );
    case 'taken-and-running':
      return isTaken(value['savepoint']) && isFailure(value['failure']);
    case 'failed':
      return isFailure(value['failure']);
    default:
      return false;
  }
}

function isTaken(value: unknown): boolean {
  return isObject(value) && typeof value['path'] === 'string' && typeof value['id'] === 'number';
}

function isFailure(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['code'] === 'string' &&
    value['code'] in ERROR_CODES &&
    typeof value['message'] === 'string'
  );
}

/** For a warning: the journal could not be written, the operation goes on. */
export function journalWarning(error: unknown): string {
  return `a trigger could not be journalled: ${messageOf(error)}; its outcome is known to this process alone`;
}
