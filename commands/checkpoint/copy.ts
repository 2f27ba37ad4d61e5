import {Args, Flags} from '@oclif/core';
import {
  EngineError,
  copyCheckpoint,
  copyFlinkCheckpoint,
  resolveCheckpoint,
  systemErrorCode,
  wallMillis,
} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {checkpointArgument, chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {valuesOf, withEnvironment} from '../_shared/globals.ts';
import {mapFlag} from '../_shared/map-flag.ts';
import {escapeText, shellWord} from '../_shared/text.ts';
import {countOf, formatBytes} from '../_shared/units.ts';
import type {ExitStatus} from '../../src/index.ts';
import type {EndingSignal} from '../_shared/base-command.ts';

const ownFlags = {
  'self-contained': Flags.boolean({
    description: 'Files of shared/ go into the copy itself.',
    default: false,
  }),
  map: mapFlag(),
};

export default class CheckpointCopy extends BaseCommand {
  static override summary = 'Copy a checkpoint or savepoint to another place, checking every byte.';
  static override description =
    'The copy exists whole or not at all, and `restore` and `run -s` take it. What a checkpoint has in shared/ goes into ' +
    'shared/ beside the copy, or with --self-contained into the copy, which then can be moved anywhere. A job that runs may ' +
    'delete the checkpoint meanwhile: `checkpoint hold` prevents it. A copy that was killed may leave a hidden directory ' +
    '.copying-…: the next copy to the same place removes it, and `checkpoint prune --orphans` of the directory above. A copy of what Apache Flink wrote is always self-contained; that has no checksums, so ' +
    'what is checked is lengths.';
  static override examples = [
    {
      description: 'To keep, in one directory that can be moved',
      command:
        '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12 kept/before --self-contained',
    },
    {
      description: 'The newest one, from a script',
      command: '<%= config.bin %> <%= command.id %> my-job@latest kept/newest --json | jq -r .path',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [4, 5, 10, 12, 13, 15];
  static override outputSchemas = ['checkpoint-copy'];
  static override usage = 'checkpoint copy [REF] TO [FLAGS]';
  static override args = {
    ref: checkpointArgument(),
    to: Args.string({
      description: 'Directory of the copy; nothing may be there.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('checkpoint-copy', ownFlags);

  readonly #abort = new AbortController();
  #isCopying = false;

  /** What is half written goes first; a second signal does not wait for that. */
  protected override signalled(signal: EndingSignal): void {
    if (!this.#isCopying || this.#abort.signal.aborted) super.signalled(signal);
    else this.#abort.abort(this.interruption(signal));
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointCopy);
    const environment = process.env;
    const {directory, to} = await this.#places(args.ref, args.to);
    this.#isCopying = true;
    const onProgress = (bytesDone: number, bytesTotal: number): void => {
      if (!this.global.json) this.progress.show({at: wallMillis(), bytesDone, bytesTotal});
    };
    const flink = await copyFlinkCheckpoint(directory, to, {
      abort: this.#abort.signal,
      onProgress,
      maps: valuesOf(flags.map),
      onWarning: (text) => this.note(`warning: ${escapeText(text)}`),
    });
    const report =
      flink ??
      (await copyCheckpoint(directory, to, {
        environment,
        selfContained: flags['self-contained'],
        abort: this.#abort.signal,
        onProgress,
      }));
    this.progress.erase();
    const {id, from, path, files, bytes, selfContained} = report;
    if (this.global.json) {
      this.printObject('CheckpointCopied', {
        id,
        from,
        path,
        files,
        bytes,
        self_contained: selfContained,
      });
      return;
    }
    const needs = selfContained ? '' : '; it needs shared/ beside it';
    this.print(
      `checkpoint ${id} copied to ${escapeText(path)}: ${countOf(files, 'file')}, ${formatBytes(bytes)}${needs}`,
    );
  }

  /** A lone argument is TO, unless it names a checkpoint: that is then to be copied nobody knows where. */
  async #places(
    first: string | undefined,
    second: string | undefined,
  ): Promise<{readonly directory: string; readonly to: string}> {
    const environment = process.env;
    if (first !== undefined && second !== undefined) {
      return {directory: await resolveCheckpoint(first, {environment}), to: second};
    }
    if (first === undefined || (await isCheckpoint(first))) {
      throw new EngineError('USAGE', 'TO is missing: the directory of the copy', {
        hint: `tidemark checkpoint copy ${first === undefined ? 'REF' : shellWord(first)} TO`,
      });
    }
    const ref = await chooseCheckpoint(undefined, {
      question: `Which checkpoint is copied to ${first}?`,
      usage: `tidemark checkpoint copy REF ${shellWord(first)}`,
      global: this.global,
    });
    return {directory: await resolveCheckpoint(ref, {environment}), to: first};
  }
}

async function isCheckpoint(ref: string): Promise<boolean> {
  try {
    await resolveCheckpoint(ref, {environment: process.env});
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== 'NOT_FOUND') throw error;
    return false;
  }
}
