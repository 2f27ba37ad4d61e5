// REF, the argument of every command that looks at one checkpoint: asked for at a terminal when it is left out.

import {Args} from '@oclif/core';
import {EngineError, listCheckpoints, listJobs, systemErrorCode} from '../../src/index.ts';
import {pick, type Choice} from './prompt.ts';
import {formatBytes, formatInstant} from './units.ts';
import type {Interfaces} from '@oclif/core';
import type {CheckpointListItem} from '../../src/index.ts';
import type {GlobalOptions} from './globals.ts';

/** More do not fit on a screen; the others have a path. */
const CHOICES_MAX = 200;

/** Optional for oclif: who may be asked is known only later. */
export function checkpointArgument(): Interfaces.Arg<string | undefined> {
  return Args.string({
    description:
      'Checkpoint or savepoint: a path, JOB, JOB@latest, JOB@12. Left out at a terminal: asked for.',
    ignoreStdin: true,
  });
}

/** What was given, or the answer of a person. USAGE when there is neither. */
export async function chooseCheckpoint(
  given: string | undefined,
  how: {
    readonly usage: string;
    readonly global: GlobalOptions;
    /** Of a command that takes more than one argument: what for, and which one. */
    readonly question?: string;
    readonly instead?: string;
    /** The path of one that is not offered. */
    readonly without?: string;
  },
): Promise<string> {
  if (given !== undefined && given !== '') return given;
  return pick({
    question: how.question ?? 'Which checkpoint?',
    instead: how.instead ?? 'REF',
    usage: how.usage,
    global: how.global,
    choices: async () => {
      const offered = (await knownCheckpoints()).filter(({path}) => path !== how.without);
      const choices = offered.map((item) => toChoice(item, item.jobName));
      if (choices.length > 0) return choices.slice(0, CHOICES_MAX);
      const another = how.without === undefined ? 'a' : 'another';
      throw new EngineError('NOT_FOUND', `no job that is known here has ${another} checkpoint`, {
        hint: 'name the path of one; tidemark checkpoint list DIR shows them',
      });
    },
  });
}

/** `jobName`: null where all are of one job. */
export function toChoice(item: CheckpointListItem, jobName: string | null): Choice {
  const created = item.created === null ? '' : `  ${formatInstant(item.created)}`;
  const job = jobName === null ? '' : `${jobName}  `;
  const state = item.state === 'complete' ? '' : `  ${item.state}`;
  return {
    value: item.path,
    label: `${job}${item.kind} ${item.id ?? ''}${created}  ${formatBytes(item.bytes)}${state}`,
  };
}

/** Of the jobs of this user's registry; newest first. */
async function knownCheckpoints(): Promise<readonly CheckpointListItem[]> {
  const options = {environment: process.env};
  const {items: jobs} = await listJobs(options);
  const found: CheckpointListItem[] = [];
  for (const directory of new Set(jobs.map(({jobDirectory}) => jobDirectory))) {
    try {
      const {items} = await listCheckpoints(directory, options);
      for (const item of items) {
        if (item.state !== 'in-progress' && item.state !== 'aborted') found.push(item);
      }
    } catch (error) {
      // Of a job whose checkpoints were deleted nothing is offered.
      if (systemErrorCode(error) !== 'NOT_FOUND') throw error;
    }
  }
  return found.sort((left, right) => (right.created ?? 0) - (left.created ?? 0));
}
