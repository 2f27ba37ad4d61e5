// The names of the files that a file sink makes: made and parsed only here.
//
//   final       <job>.<sink>.<lineage>.c<checkpoint>-g<generation>-s<subtask>-<counter>.<extension>
//   temporary   .<job>.<sink>.<lineage>.g<generation>-s<subtask>-<counter>.<extension>.inprogress
//
// Parsed from the end: of all parts only the job's name may contain a point, and it stands first. Numbers
// have leading zeros, so that the names of one lineage sort by checkpoint; a name that would be made with
// other zeros is no part name. (generation, subtask, counter) is never used twice in a lineage, so two
// processes never share a name.

import {isJobName, isOperatorUid} from '../../base/ids.ts';

export const PART_EXTENSIONS = {json: 'ndjson', csv: 'csv'} as const;
export type PartExtension = (typeof PART_EXTENSIONS)[keyof typeof PART_EXTENSIONS];

/** What tells one part from another before its checkpoint is known. */
export interface TemporaryName {
  readonly job: string;
  /** Its operator uid. */
  readonly sink: string;
  /** 16 hexadecimal digits. */
  readonly lineage: string;
  readonly generation: number;
  readonly subtask: number;
  /** Of the parts that one subtask of one generation opened. */
  readonly counter: number;
  readonly extension: PartExtension;
}

export interface PartName extends TemporaryName {
  readonly checkpointId: number;
}

export function partFileName(part: PartName): string {
  return `${stem(part)}.c${digits(part.checkpointId)}-${place(part)}.${part.extension}`;
}

export function temporaryFileName(part: TemporaryName): string {
  return `.${stem(part)}.${place(part)}.${part.extension}.inprogress`;
}

/** Null: not the name of a part file. */
export function parsePartName(name: string): PartName | null {
  const match = /^(.+)\.([^.]+)\.([0-9a-f]{16})\.c(\d+)-g(\d+)-s(\d+)-(\d+)\.(ndjson|csv)$/.exec(
    name,
  );
  if (match === null) return null;
  const [, job, sink, lineage, checkpointId, generation, subtask, counter, extension] = match;
  const part: PartName = {
    job: job!,
    sink: sink!,
    lineage: lineage!,
    checkpointId: Number(checkpointId),
    generation: Number(generation),
    subtask: Number(subtask),
    counter: Number(counter),
    extension: extension as PartExtension,
  };
  return isValid(part) && partFileName(part) === name ? part : null;
}

/** Null: not the name of a temporary of a file sink. */
export function parseTemporaryName(name: string): TemporaryName | null {
  const match =
    /^\.(.+)\.([^.]+)\.([0-9a-f]{16})\.g(\d+)-s(\d+)-(\d+)\.(ndjson|csv)\.inprogress$/.exec(name);
  if (match === null) return null;
  const [, job, sink, lineage, generation, subtask, counter, extension] = match;
  const part: TemporaryName = {
    job: job!,
    sink: sink!,
    lineage: lineage!,
    generation: Number(generation),
    subtask: Number(subtask),
    counter: Number(counter),
    extension: extension as PartExtension,
  };
  return isValid(part) && temporaryFileName(part) === name ? part : null;
}

function stem(part: TemporaryName): string {
  return `${part.job}.${part.sink}.${part.lineage}`;
}

function place(part: TemporaryName): string {
  const subtask = String(part.subtask).padStart(3, '0');
  return `g${digits(part.generation)}-s${subtask}-${digits(part.counter)}`;
}

function digits(count: number): string {
  return String(count).padStart(6, '0');
}

function isValid(part: TemporaryName): boolean {
  return (
    isJobName(part.job) &&
    isOperatorUid(part.sink) &&
    Number.isSafeInteger(part.generation) &&
    Number.isSafeInteger(part.subtask) &&
    Number.isSafeInteger(part.counter)
  );
}
