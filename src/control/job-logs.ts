// The log of a detached run, and what comes to it while the job lives.

import {sleep, systemTimers} from '../base/clock.ts';
import {EngineError} from '../base/errors.ts';
import type {LogOptions} from './client-types.ts';
import {findJob, refreshJob} from './job-client.ts';
import type {RegisteredJob} from './job-registry.ts';
import {LogReader} from './log-reader.ts';

const POLL_MILLIS = 100;
export async function* jobLogs(reference: string, options: LogOptions): AsyncGenerator<string> {
  const job = findJob(reference, options);
  const reader = new LogReader(job.logs);
  try {
    if (reader.isEmpty && (!options.follow || !job.record.detached)) throw noLog(job);
    yield* options.lines === undefined ? reader.lines() : lastOf(reader.lines(), options.lines);
    if (options.follow) yield* follow(reader, job, options);
  } finally {
    reader.close();
  }
}

async function* follow(
  reader: LogReader,
  job: RegisteredJob,
  options: LogOptions,
): AsyncGenerator<string> {
  while (options.signal?.aborted !== true) {
    // Asked before reading: what an ended job wrote is all there when it is read after that.
    const {live} = refreshJob(job, options);
    yield* reader.lines();
    if (!live) return;
    await sleep(systemTimers, POLL_MILLIS);
  }
}

function lastOf(lines: Iterable<string>, count: number): string[] {
  const last: string[] = [];
  for (const line of lines) {
    last.push(line);
    if (last.length > count) last.shift();
  }
  return last;
}

function noLog({record, jobId}: RegisteredJob): EngineError {
  return new EngineError('NOT_FOUND', `job ${record.name} (${jobId}) has no log`, {
    hint: 'only a detached run (tidemark run -d) writes one',
  });
}
