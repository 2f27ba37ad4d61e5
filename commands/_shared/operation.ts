// Commands that set something going in a running job and wait for what comes of it: savepoint, checkpoint trigger,
// stop, and `wait --for trigger=ID`, which ends as the command would have ended that did not wait.

import {Flags} from '@oclif/core';
import {EngineError, awaitTrigger, parseDuration} from '../../src/index.ts';
import {BaseCommand} from './base-command.ts';
import {errorLines, reportOf} from './error-report.ts';
import {escapeText, shellWord} from './text.ts';
import {formatBytes, formatDuration} from './units.ts';
import type {Interfaces} from '@oclif/core';
import type {
  ListedJob,
  TakenCheckpoint,
  TakenSavepoint,
  TriggerAccepted,
  TriggerFailure,
  TriggerOutcome,
  TriggerResult,
} from '../../src/index.ts';
import type {EndingSignal} from './base-command.ts';

type StoppedOutcome = Extract<TriggerOutcome, {kind: 'stopped'}>;

export const TIMEOUT_DESCRIPTION =
  'Wait no longer than this: status 14, with the trigger id under which it goes on.';

export function timeoutFlag(description: string): Interfaces.OptionFlag<string | undefined> {
  return Flags.string({description, helpValue: 'duration'});
}

/** Null: without end. */
export function timeoutOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const parsed = parseDuration(text);
  if (parsed.kind === 'ok') return parsed.value;
  throw new EngineError('USAGE', `--timeout ${text}: this ${parsed.message}`, {
    hint: parsed.suggestion ?? undefined,
  });
}

export abstract class OperationCommand extends BaseCommand {
  #pending: {readonly jobId: string; readonly triggerId: string} | null = null;

  /** Waits, and shows what came of it. The exit status is the outcome's. */
  protected async finish(accepted: TriggerAccepted, timeout: string | undefined): Promise<void> {
    const {job, triggerId} = accepted;
    await this.finishTrigger(job, triggerId, timeoutOf(timeout));
  }

  protected async finishTrigger(
    job: ListedJob,
    triggerId: string,
    timeoutMillis: number | null,
  ): Promise<void> {
    this.#pending = {jobId: job.jobId, triggerId};
    const options = {environment: process.env, timeoutMillis};
    const result = await awaitTrigger(job.jobId, triggerId, options);
    this.#pending = null;
    this.#showOutcome(job, result);
  }

  /** `--detached`: what to ask for it with. */
  protected showTriggered({job, triggerId}: TriggerAccepted, what: string): void {
    if (this.global.json) {
      this.printObject('Triggered', {
        job_id: job.jobId,
        name: job.name,
        operation: what,
        trigger_id: triggerId,
      });
      return;
    }
    this.print(`Triggered ${what} for job ${job.jobId}, triggerId: ${triggerId}`);
    this.noteNext(`tidemark wait ${shellWord(job.name)} --for trigger=${triggerId}`);
  }

  #showOutcome(job: ListedJob, {outcome}: TriggerResult): void {
    switch (outcome.kind) {
      case 'savepoint':
        this.#showSavepoint(job, outcome.savepoint, null);
        return;
      case 'checkpoint':
        this.#showCheckpoint(job, outcome.checkpoint);
        return;
      case 'stopped':
        this.#showStopped(job, outcome);
        return;
      case 'taken-and-running':
        this.#showSavepoint(job, outcome.savepoint, outcome.failure);
        return;
      case 'disposed':
        if (this.global.json) this.printObject('SavepointDisposed', {job_id: job.jobId});
        else this.print('Savepoint disposed.');
        return;
      case 'failed':
        throw errorOf(outcome.failure);
    }
  }

  protected noteNext(text: string): void {
    this.note(`${this.noteStyle.dim('next:')} ${escapeText(text)}`);
  }

  /** `failure`: the job was to stop, and goes on; the path is not lost over it. */
  #showSavepoint(job: ListedJob, savepoint: TakenSavepoint, failure: TriggerFailure | null): void {
    const error = failure === null ? null : reportOf(errorOf(failure), this.id ?? '');
    if (this.global.json) {
      this.printObject('Savepoint', {
        ...savepointFields(job, savepoint),
        ...(error === null ? {} : {error}),
      });
    } else {
      this.#printSavepoint(savepoint);
      if (error === null) this.noteNext(restoreCommand(job, savepoint.path));
      else {
        for (const line of errorLines(error, this.noteStyle)) this.note(line);
        this.note(`  the savepoint is complete, and job ${escapeText(job.name)} goes on`);
      }
    }
    if (error !== null) this.endWith(error.exit_code);
  }

  #showCheckpoint(job: ListedJob, checkpoint: TakenCheckpoint): void {
    const {id, path, bytes, durationMillis} = checkpoint;
    if (this.global.json) {
      this.printObject('CheckpointTriggered', {
        job_id: job.jobId,
        name: job.name,
        ...takenFields(checkpoint),
      });
      return;
    }
    this.print(`Checkpoint ${id} for job ${job.jobId} completed. Path: ${escapeText(path)}`);
    this.note(`${formatBytes(bytes)} in ${formatDuration(durationMillis)}`);
  }

  #showStopped(job: ListedJob, {savepoint, lastCheckpoint}: StoppedOutcome): void {
    if (this.global.json) {
      const left = {state: 'STOPPED', last_checkpoint: checkpointOrNull(lastCheckpoint)};
      if (savepoint !== null) {
        this.printObject('Savepoint', {...savepointFields(job, savepoint), ...left});
      } else this.printObject('JobStopped', {...endedFields(job), ...left, already_ended: false});
      return;
    }
    if (savepoint !== null) this.#printSavepoint(savepoint);
    this.print(`Stopped job ${job.jobId}.`);
    if (savepoint !== null) this.noteNext(restoreCommand(job, savepoint.path));
    else if (lastCheckpoint !== null) {
      this.note(`the last checkpoint is ${lastCheckpoint.id}: ${escapeText(lastCheckpoint.path)}`);
    }
  }

  #printSavepoint({path, format, bytes, durationMillis}: TakenSavepoint): void {
    this.print(`Savepoint completed. Path: ${escapeText(path)}`);
    this.note(`${format}, ${formatBytes(bytes)} in ${formatDuration(durationMillis)}`);
  }

  /** Interrupted while the job works on it: it goes on, and can be asked for. */
  protected override interruption(signal: EndingSignal): EngineError {
    const plain = super.interruption(signal);
    if (this.#pending === null) return plain;
    const {jobId, triggerId} = this.#pending;
    return new EngineError(
      plain.code,
      `${plain.message}; the job goes on with trigger ${triggerId}`,
      {
        hint: `tidemark wait ${jobId} --for trigger=${triggerId}`,
      },
    );
  }
}

/** Fields of `JobStopped` and `JobCancelled` that say which job it was. */
export function endedFields(job: ListedJob): Readonly<Record<string, unknown>> {
  return {job_id: job.jobId, name: job.name};
}

function savepointFields(job: ListedJob, savepoint: TakenSavepoint): Record<string, unknown> {
  return {
    job_id: job.jobId,
    name: job.name,
    ...takenFields(savepoint),
    format: savepoint.format,
    state: 'RUNNING',
  };
}

function takenFields({id, path, bytes, durationMillis}: TakenCheckpoint): object {
  return {id, path, bytes, duration_ms: Math.round(durationMillis)};
}

function checkpointOrNull(taken: TakenCheckpoint | null): object | null {
  return taken === null ? null : takenFields(taken);
}

function errorOf({code, message, hint}: TriggerFailure): EngineError {
  return new EngineError(code, message, {hint: hint ?? undefined});
}

function restoreCommand({jobFile}: ListedJob, path: string): string {
  return `tidemark run ${shellWord(jobFile)} -s ${shellWord(path)}`;
}

/** What `stop` and `cancel` say of a job that has ended: nothing is wrong. */
export function alreadyEndedText({name, jobId, state}: ListedJob): string {
  return `Job ${jobId} (${escapeText(name)}) has ended already: ${state.toLowerCase()}.`;
}
