// `run` and `restore`: a job in this process, watched until it ends, or one in a process of its own.

import {ERROR_CODES, planRestore, runJob, startDetached} from '../../src/index.ts';
import {BaseCommand} from './base-command.ts';
import {planFields, runEventLines, summaryOfNoRun} from './run-json.ts';
import {RunText, planLines} from './run-text.ts';
import {startedFields, startedLines} from './started-view.ts';
import {
  flushStreams,
  giveStdoutUp,
  stdoutHasRoom,
  stdoutIsFull,
  stopWaitingForReader,
  whenStdoutCloses,
} from './streams.ts';
import {escapeText} from './text.ts';
import type {RunRequest, RunningJob} from '../../src/index.ts';
import type {EndingSignal} from './base-command.ts';
import type {RunFlags} from './run-flags.ts';

export abstract class RunCommand extends BaseCommand {
  #job: RunningJob | null = null;
  #signals = 0;
  #readerLeft = false;
  #text: RunText | null = null;

  protected async runJob(request: RunRequest, flags: RunFlags): Promise<void> {
    if (flags['dry-run']) await this.#showPlan(request);
    else if (flags.detached) await this.#startDetached(request);
    else await this.#runAttached(request, flags);
  }

  async #runAttached(request: RunRequest, flags: RunFlags): Promise<void> {
    this.summaryOfFailure = summaryOfNoRun;
    const job = runJob(request);
    this.#job = job;
    whenStdoutCloses(() => {
      this.#readerLeft = true;
      if (flags['on-closed-output'] === 'stop') job.interrupt('SIGTERM');
    });
    // What is left of a job that has ended is little.
    const finished = job.finished.finally(stopWaitingForReader);
    const [summary] = await Promise.all([finished, this.#watch(job)]);
    const stoppedForReader =
      this.#readerLeft && flags['on-closed-output'] === 'stop' && summary.error === null;
    this.endWith(stoppedForReader ? 0 : summary.exitStatus);
    // Left at once: what is still under way may hang, and nobody waits for it.
    if (summary.state === 'CRASHED') {
      await flushStreams();
      process.exit(summary.exitStatus);
    }
  }

  async #watch(job: RunningJob): Promise<void> {
    const text = new RunText({
      outStyle: this.outStyle,
      noteStyle: this.noteStyle,
      outIsTerminal: process.stdout.isTTY,
      print: (line) => {
        this.print(line);
      },
      note: (line) => {
        this.note(line);
      },
      draw: (bytes) => process.stderr.write(bytes),
      // Zero when the terminal does not know.
      columns: () => process.stderr.columns || 80,
    });
    this.#text = text;
    for await (const event of job.events) {
      if (event.type === 'summary') this.summaryOfFailure = null;
      if (!this.global.json) text.show(event);
      else for (const line of runEventLines(event)) this.print(line);
      if (stdoutIsFull()) await stdoutHasRoom();
    }
  }

  async #startDetached(request: RunRequest): Promise<void> {
    const started = await startDetached(request);
    if (this.global.json) this.printObject('JobStarted', startedFields(started));
    else {
      for (const warning of started.warnings) {
        this.note(`${this.noteStyle.warn('warning:')} ${escapeText(warning)}`);
      }
      this.print(`Job has been submitted with JobID ${started.jobId}`);
      for (const line of startedLines(started, this.noteStyle)) this.note(line);
    }
  }

  async #showPlan(request: RunRequest): Promise<void> {
    const plan = await planRestore(request);
    if (this.global.json) this.printObject('RestorePlan', planFields(plan));
    else for (const line of planLines(plan, this.outStyle)) this.print(line);
    if (plan.refusedAs !== null) this.endWith(ERROR_CODES[plan.refusedAs.code]);
  }

  /** First: a last checkpoint, then stop. Second: at once, but in order. Third: leave. */
  protected override signalled(signal: EndingSignal): void {
    this.#signals += 1;
    // A reader who does not read must not keep a process that was told to leave.
    if (this.#signals > 1 && process.stdout.writableNeedDrain) giveStdoutUp();
    if (this.#job === null || this.#signals > 2) {
      super.signalled(signal);
      return;
    }
    this.#job.interrupt(signal);
    if (this.global.json) return;
    this.#text?.note(
      this.#signals === 1
        ? `${signal}: taking a last checkpoint, then stopping; a second one aborts at once`
        : `${signal}: stopping at once; the next run resumes from the last completed checkpoint`,
    );
  }
}
