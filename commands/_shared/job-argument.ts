// JOB, the argument of every command that speaks to a job: asked for at a terminal when it is left out.

import {Args} from '@oclif/core';
import {EngineError, listJobs, wallMillis} from '../../src/index.ts';
import {pick} from './prompt.ts';
import {formatDuration} from './units.ts';
import type {Interfaces} from '@oclif/core';
import type {ListedJob} from '../../src/index.ts';
import type {GlobalOptions} from './globals.ts';

/** Optional for oclif: who may be asked is known only later. */
export function jobArgument(): Interfaces.Arg<string | undefined> {
  return Args.string({
    description:
      'The job: its name, its id, or the first four or more digits of the id. Left out at a terminal: asked for.',
    ignoreStdin: true,
  });
}

/** What was given, or the answer of a person. USAGE when there is neither. */
export async function chooseJob(
  given: string | undefined,
  how: {readonly usage: string; readonly global: GlobalOptions},
): Promise<string> {
  if (given !== undefined && given !== '') return given;
  return pick({
    question: 'Which job?',
    instead: 'JOB',
    usage: how.usage,
    global: how.global,
    choices: async () => {
      const {items} = await listJobs({environment: process.env});
      const running = items.filter(({live}) => live);
      if (running.length > 0) return running.map((job) => ({value: job.jobId, label: label(job)}));
      throw new EngineError('NOT_FOUND', 'no job is running', {hint: 'tidemark list --all'});
    },
  });
}

function label({name, state, jobId, started}: ListedJob): string {
  const age = formatDuration(Math.max(0, wallMillis() - started));
  return `${name}  ${state.toLowerCase()} for ${age}  ${shortId(jobId)}`;
}

/** As many digits as tell the jobs of one person apart; any four of them are taken as JOB. */
export function shortId(jobId: string): string {
  return jobId.slice(0, 8);
}
