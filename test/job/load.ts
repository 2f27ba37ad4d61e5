// The vocabulary of the job room's tests.

import {fakeCatalog} from './fake-catalog.js';
import type {Finding} from '#src/job/finding.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {loadJob} from '#src/job/load-job.js';
import type {LoadRequest, LoadResult} from '#src/job/load-job.js';

export function load(text: string | Uint8Array, more: Partial<LoadRequest> = {}): LoadResult {
  return loadJob({
    file: '/jobs/a.job.yaml',
    bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text,
    catalog: fakeCatalog,
    environment: {},
    ...more,
  });
}

export function loaded(text: string, more: Partial<LoadRequest> = {}): JobSpec {
  const result = load(text, more);
  if (result.kind === 'ok') return result.job;
  throw new Error(result.findings.map(findingText).join('\n'));
}

/** `3:5 key-unknown: the job has no key "x" (did you mean "y"?)` */
export function findingText(finding: Finding): string {
  const suggestion = finding.suggestion === null ? '' : ` (${finding.suggestion})`;
  return `${finding.line}:${finding.column} ${finding.rule}: ${finding.message}${suggestion}`;
}

/** The findings of a job that must be invalid. */
export function findingsOf(
  text: string | Uint8Array,
  more: Partial<LoadRequest> = {},
): readonly string[] {
  const result = load(text, more);
  if (result.kind === 'ok') throw new Error('the job is valid');
  return result.findings.map(findingText);
}

export const PLAIN_JOB = `name: delays
sources:
  flights:
    connector: file
    path: data/flights-*.ndjson
    format: json
    schema: {date: timestamp, origin: string, destination: string, delay: int, distance: int}
    watermark: {column: date, max-out-of-orderness: 5 min, idle-timeout: 30s}
steps:
  - id: late
    type: filter
    input: flights
    where: delay > 15 AND origin IS NOT NULL
  - id: by-origin
    type: aggregate
    input: late
    group-by: [origin]
    select: {flights: COUNT(*), worst: MAX(delay)}
sinks:
  out: {connector: file, input: by-origin, path: out/}
checkpointing:
  interval: 10s
`;
