// How a run ends: what is still to be made and committed, the record of it, the answer to whoever asked, the summary.

import {asEngineError, EngineError, messageOf, type ExitStatus} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {failpoint} from '../base/failpoint.ts';
import {summarize} from '../metrics/checkpoint-stats.ts';
import type {CompletedCheckpoint} from './checkpoint-driver.ts';
import {takenOf, type CommandDesk, type StopOrder} from './command-desk.ts';
import {fencedInstead} from './fenced-instead.ts';
import type {TakenSavepoint} from './job-commands.ts';
import type {RunReporter} from './run-reporter.ts';
import type {RunSummary} from './run-types.ts';
import type {SavepointMaker} from './savepoint-maker.ts';
import type {Shift} from './shift.ts';

/** How the job goes on after a deployment. */
export type Next =
  | {readonly kind: 'done'; readonly summary: RunSummary}
  /** From the newest checkpoint. `counted`: the restart strategy is asked. */
  | {readonly kind: 'again'; readonly error: unknown; readonly counted: boolean};

export interface RunEndingOptions {
  readonly report: RunReporter;
  readonly maker: SavepointMaker;
  readonly desk: CommandDesk;
  /** As given to `run`; for the commands in hints. */
  readonly jobFile: string;
  /** It is left as a crashed run: nothing is recorded. */
  readonly isAbandoned: () => boolean;
  readonly signalStatus: () => ExitStatus;
}

export class RunEnding {
  readonly #options: RunEndingOptions;

  constructor(options: RunEndingOptions) {
    this.#options = options;
  }

  /** The last checkpoint of a stop is committed: its savepoint, the end record, and only then the answer. */
  async stop(shift: Shift, order: StopOrder, last: CompletedCheckpoint): Promise<Next> {
    const desk = this.#options.desk;
    failpoint('stop.before-savepoint');
    let savepoint: TakenSavepoint | null = null;
    try {
      if (order.planned !== null) savepoint = await this.#options.maker.make(order.planned, last);
    } catch (error) {
      if (order.drain) {
        const failure = await this.#drainedWithoutSavepoint(shift, error);
        await desk.giveUpStop(failure);
        return {kind: 'done', summary: await this.fail(shift, failure)};
      }
      await desk.giveUpStop(asEngineError(await fencedInstead(shift.ownership, error)));
      // Its tasks have ended, and it was not stopped: it goes on from its last checkpoint.
      return {kind: 'again', error, counted: false};
    }
    return {kind: 'done', summary: await this.#finishStopped(shift, savepoint, order.drain)};
  }

  async #finishStopped(
    shift: Shift,
    savepoint: TakenSavepoint | null,
    drained: boolean,
  ): Promise<RunSummary> {
    const desk = this.#options.desk;
    const last = this.#options.report.lastCheckpoint;
    await desk.ending();
    failpoint('stop.before-end');
    try {
      const path = savepoint?.path ?? null;
      await shift.end('stopped', {lastCheckpointId: last?.id ?? null, savepoint: path, drained});
    } catch (thrown) {
      const error = asEngineError(thrown);
      desk.settleStop(
        savepoint === null
          ? {kind: 'nothing-taken', error}
          : {kind: 'taken-and-running', savepoint, error},
      );
      return this.fail(shift, error);
    }
    const kept = last !== null && shift.retention.has(last.id) ? last : null;
    desk.settleStop({
      kind: 'stopped',
      savepoint,
      lastCheckpoint: kept === null ? null : takenOf(kept),
    });
    return this.#options.report.summary('STOPPED', 0, null);
  }

  /** The work was done by a run before this one, or by a deployment before: what is left is to end. */
  async finishOnly(shift: Shift): Promise<RunSummary> {
    const {start, ownership} = shift;
    const {decision} = start;
    if (decision.kind !== 'finish-only') throw new EngineError('UNEXPECTED', decision.kind);
    const {id, path, metadata} = decision.checkpoint;
    this.#options.report.started(ownership.generation, start);
    if (decision.end === 'finished') {
      await shift.committed(id);
      await this.#options.desk.ending();
      await shift.end('finished', {lastCheckpointId: id, savepoint: null, drained: false});
      return this.#options.report.summary('FINISHED', 0, null);
    }
    const writer = {lineage: decision.lineage, generation: ownership.generation};
    const base = {id, path, purpose: metadata.purpose, stats: summarize([]), subtasks: {}};
    const release = this.#options.maker.hold(id);
    let savepoint: TakenSavepoint | null = null;
    try {
      await shift.committed(id);
      if (metadata.savepointTarget !== null) {
        // One of this process that was not filled makes room for it.
        const {order} = this.#options.desk;
        if (order?.planned !== null && order?.planned !== undefined) {
          await this.#options.maker.discard(order.planned);
        }
        savepoint = await this.#options.maker.complete(metadata.savepointTarget, base, writer);
      }
    } catch (error) {
      const failure = await this.#drainedWithoutSavepoint(shift, error);
      await this.#options.desk.giveUpStop(failure);
      return await this.fail(shift, failure);
    } finally {
      release();
    }
    return this.#finishStopped(shift, savepoint, true);
  }

  async finish(shift: Shift, kind: 'finished' | 'stopped'): Promise<RunSummary> {
    const how = kind === 'finished' ? 'finished' : 'interrupted';
    await this.#options.desk.ending();
    try {
      await shift.end(how, {
        ...NO_SAVEPOINT,
        lastCheckpointId: this.#options.report.lastCheckpointId,
      });
    } catch (error) {
      return this.fail(shift, asEngineError(error));
    }
    return kind === 'finished'
      ? this.#options.report.summary('FINISHED', 0, null)
      : this.#options.report.summary('INTERRUPTED', this.#options.signalStatus(), null);
  }

  /** Whoever asked for it has its answer; whoever waits for the run sees that it did not get to its end. */
  async cancel(shift: Shift): Promise<RunSummary> {
    await this.#options.desk.ending();
    try {
      await shift.settle();
      await shift.end('cancelled', {
        ...NO_SAVEPOINT,
        lastCheckpointId: this.#options.report.lastCheckpointId,
      });
    } catch (error) {
      return this.fail(shift, asEngineError(error));
    }
    return this.#options.report.summary('CANCELED', 1, null);
  }

  async interrupt(shift: Shift): Promise<RunSummary> {
    await this.#endUnfinished(shift, 'interrupted');
    return this.#options.report.summary('INTERRUPTED', this.#options.signalStatus(), null);
  }

  async fail(shift: Shift, error: EngineError): Promise<RunSummary> {
    // Abandoned: it is left as a crashed one.
    if (error.code !== 'FENCED' && !this.#options.isAbandoned())
      await this.#endUnfinished(shift, 'failed');
    return this.#options.report.summary('FAILED', error.exitStatus, error);
  }

  async #drainedWithoutSavepoint({ownership}: Shift, error: unknown): Promise<EngineError> {
    const cause = asEngineError(await fencedInstead(ownership, error));
    if (cause.code === 'FENCED') return cause;
    return new EngineError(
      cause.code,
      `the job is drained and committed, and its savepoint could not be made: ${cause.message}`,
      {
        ...cause.details,
        cause,
        hint: `mend that, then make the savepoint and end the job: tidemark run ${shellWord(this.#options.jobFile)}`,
      },
    );
  }

  /** It is resumable; an end record that cannot be written makes it a crashed run, which is too. */
  async #endUnfinished(shift: Shift, how: 'failed' | 'interrupted'): Promise<void> {
    await this.#options.desk.ending();
    try {
      await shift.endUnfinished(how);
    } catch (error) {
      const reason = messageOf(error);
      this.#options.report.warning(
        'END_RECORD',
        `the end of the run could not be recorded: ${reason}`,
      );
    }
  }
}

const NO_SAVEPOINT = {savepoint: null, drained: false};
