import {Flags} from '@oclif/core';
import {EXPORT_FORMATS, exportCheckpoint, wallMillis} from '../../src/index.ts';
import {BaseCommand, type EndingSignal} from '../_shared/base-command.ts';
import {chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {stateArguments, stateFlags} from '../_shared/state-flags.ts';
import {escapeText} from '../_shared/text.ts';
import {countOf, formatBytes} from '../_shared/units.ts';
import type {ExitStatus} from '../../src/index.ts';

const ownFlags = {
  to: Flags.string({
    description: 'Directory to be made, with those above it; not there, or empty.',
    required: true,
    helpValue: 'DIR',
  }),
  format: Flags.option({
    options: EXPORT_FORMATS,
    description: 'Form of the files.',
    default: 'ndjson' as const,
  })(),
  operator: stateFlags.operator,
  state: stateFlags.state,
};

export default class CheckpointExport extends BaseCommand {
  static override summary = 'Write the state in a checkpoint as NDJSON, CSV or Parquet files.';
  static override description =
    'One file for each state, <operator>.<state>.<format>, and schema.json, which names and types its columns and says which are ' +
    'key, namespace and value; of two with one name the second is called NAME_2, and schema.json has its own as state_name. CSV is the ' +
    'exact data: a cell that begins with = + - or @ stays as it is, so import it as text where a spreadsheet would take it for a formula. Written under another name, synced and renamed: DIR is there whole or not at all. Parquet needs the ' +
    'package hyparquet-writer.';
  static override examples = [
    {
      description: 'Everything, for a script',
      command: '<%= config.bin %> <%= command.id %> sp --to exported',
    },
    {
      description: 'One step, for DuckDB or pandas',
      command:
        '<%= config.bin %> <%= command.id %> sp --operator totals --format parquet --to totals',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [4, 10, 12, 13, 15];
  static override usage = 'checkpoint export [REF] --to DIR [FLAGS]';
  static override args = stateArguments;
  static override flags = withEnvironment('checkpoint-export', ownFlags);

  readonly #abort = new AbortController();

  /** What is half written goes first; a second signal does not wait for that. */
  protected override signalled(signal: EndingSignal): void {
    if (this.#abort.signal.aborted) super.signalled(signal);
    else this.#abort.abort(this.interruption(signal));
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointExport);
    const {to, format, operator, state} = flags;
    const usage = 'tidemark checkpoint export REF --to DIR';
    const ref = await chooseCheckpoint(args.ref, {usage, global: this.global});
    const onProgress = (bytesDone: number, bytesTotal: number): void => {
      if (!this.global.json) this.progress.show({at: wallMillis(), bytesDone, bytesTotal});
    };
    const request = {to, format, operator, state, abort: this.#abort.signal, onProgress};
    const done = await exportCheckpoint(ref, request, {environment: process.env});
    this.progress.erase();
    if (this.global.json) {
      this.printObject('CheckpointExport', {
        path: done.path,
        source: done.source,
        format,
        rows: done.rows,
        bytes: done.bytes,
        files: done.files.map(({name, ...file}) => ({path: `${done.path}/${name}`, ...file})),
      });
      return;
    }
    for (const {name, rows, bytes} of done.files) {
      this.print(
        `${escapeText(`${done.path}/${name}`)}: ${countOf(rows, 'row')}, ${formatBytes(bytes)}`,
      );
    }
    this.print(`${escapeText(`${done.path}/schema.json`)}: what is in them`);
  }
}
