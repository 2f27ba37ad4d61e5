// What the registry keeps of one run, as files: `job.json` while it lives, `end-<run id>.json` when it has ended.
// Plain JSON with one line; a reader takes nothing on trust, because another version may have written it.

import type {ProcessIdentity} from '../base/process-identity.ts';
import {LIVE_STATES, type AnyJobState, type LiveJobState} from '../runtime/job-view.ts';

export interface JobRecord {
  /** 32 hexadecimal digits. */
  readonly jobId: string;
  /** 16 hexadecimal digits, of the process. */
  readonly runId: string;
  readonly name: string;
  /** Absolute. */
  readonly jobFile: string;
  readonly generation: number;
  /** When this was written; a process that lives may be further. */
  readonly state: LiveJobState;
  /** Wall clock, milliseconds since the epoch. */
  readonly started: number;
  readonly process: ProcessIdentity;
  /** Absolute path; null: it serves none, and cannot be controlled. */
  readonly socket: string | null;
  /** `http://127.0.0.1:PORT`; null: no TCP port is open. */
  readonly listens: string | null;
  readonly detached: boolean;
  /** The job's own: `<checkpoints directory>/<job name>`. */
  readonly jobDirectory: string;
  readonly savepointDirectory: string | null;
  readonly restoredFrom: string | null;
}

export interface JobEnd {
  readonly runId: string;
  readonly state: Exclude<AnyJobState, LiveJobState>;
  readonly exitStatus: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly ended: number;
  readonly generation: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  } | null;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly checkpoints: number;
  readonly restarts: number;
  readonly durationMillis: number;
  readonly lastCheckpoint: {
    readonly id: number;
    readonly path: string;
    readonly bytes: number;
  } | null;
}

const END_STATES = ['FINISHED', 'STOPPED', 'CANCELED', 'FAILED', 'INTERRUPTED', 'CRASHED'] as const;

export const JOB_ID_PATTERN = /^[0-9a-f]{32}$/;
const RUN_ID_PATTERN = /^[0-9a-f]{16}$/;

export function encodeRecord(record: JobRecord | JobEnd): string {
  return `${JSON.stringify(record)}\n`;
}

/** Null: it is half written, or no record of ours. */
export function decodeJobRecord(text: string): JobRecord | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  const identity = fields['process'];
  const isRecord =
    matches(fields['jobId'], JOB_ID_PATTERN) &&
    matches(fields['runId'], RUN_ID_PATTERN) &&
    isText(fields['name']) &&
    isText(fields['jobFile']) &&
    isCount(fields['generation']) &&
    (LIVE_STATES as readonly unknown[]).includes(fields['state']) &&
    isCount(fields['started']) &&
    isIdentity(identity) &&
    isTextOrNull(fields['socket']) &&
    isTextOrNull(fields['listens']) &&
    typeof fields['detached'] === 'boolean' &&
    isText(fields['jobDirectory']) &&
    isTextOrNull(fields['savepointDirectory']) &&
    isTextOrNull(fields['restoredFrom']);
  return isRecord ? (fields as unknown as JobRecord) : null;
}

export function decodeJobEnd(text: string): JobEnd | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  const last = fields['lastCheckpoint'];
  const isEnd =
    matches(fields['runId'], RUN_ID_PATTERN) &&
    (END_STATES as readonly unknown[]).includes(fields['state']) &&
    ['exitStatus', 'ended', 'generation', 'recordsIn', 'recordsOut'].every((field) =>
      isCount(fields[field]),
    ) &&
    ['checkpoints', 'restarts', 'durationMillis'].every((field) => isCount(fields[field])) &&
    isErrorOrNull(fields['error']) &&
    (last === null ||
      (isObject(last) && isCount(last['id']) && isText(last['path']) && isCount(last['bytes'])));
  return isEnd ? (fields as unknown as JobEnd) : null;
}

export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    // Half of a file is no record.
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIdentity(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['host']) &&
    isTextOrNull(value['bootId']) &&
    isTextOrNull(value['pidNamespace']) &&
    isCount(value['pid']) &&
    isTextOrNull(value['startTime'])
  );
}

function isErrorOrNull(value: unknown): boolean {
  if (value === null) return true;
  return (
    isObject(value) &&
    isText(value['code']) &&
    isText(value['message']) &&
    isTextOrNull(value['hint'])
  );
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
