import {Args, Flags} from '@oclif/core';
import {listCheckpoints, wallMillis, writeReport} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {checkpointPage} from '../_shared/checkpoint-page.ts';
import {plotLines} from '../_shared/checkpoint-plot.ts';
import {seriesOf} from '../_shared/checkpoint-series.ts';
import {valuesOf, withEnvironment} from '../_shared/globals.ts';
import {mapFlag} from '../_shared/map-flag.ts';
import {optimizeLate} from '../_shared/optimize-late.ts';
import {shownPath} from '../_shared/shown-path.ts';
import {escapeText} from '../_shared/text.ts';
import {formatBytes, formatDuration, formatInstant} from '../_shared/units.ts';
import type {
  CheckpointList as CheckpointListing,
  CheckpointListItem,
  ExitStatus,
} from '../../src/index.ts';

const COLUMNS = [
  {name: 'ID', align: 'right'},
  {name: 'KIND', drop: 5},
  {name: 'STATE'},
  {name: 'CREATED', drop: 3},
  {name: 'AGE', align: 'right', drop: 6},
  {name: 'SIZE', align: 'right'},
  {name: 'OWN', align: 'right', drop: 1},
  {name: 'SHARED', align: 'right', drop: 2},
  {name: 'JOB', drop: 4},
  {name: 'PATH'},
] as const;

const ownFlags = {
  plot: Flags.boolean({
    description:
      'Draw how large the checkpoints are and how long they took, in place of the table.',
    default: false,
    exclusive: ['json'],
  }),
  html: Flags.string({
    description: 'Write a page with the drawings and the table to this file too.',
    helpValue: 'FILE',
  }),
  map: mapFlag(),
};

export default class CheckpointList extends BaseCommand {
  static override summary = 'List checkpoints, newest first, with what each one is.';
  static override description =
    'The state is derived from what a directory contains: complete, incomplete, damaged, in-progress, aborted or foreign. ' +
    'Names and sizes are checked, not contents: `checkpoint verify` does that. aborted: an attempt that nobody will publish any more, because its process is gone or was taken over; the next run or prune removes it. foreign: whole, as far as that shows, and written by Apache Flink. What cannot be read is incomplete, with a warning that says why. An asterisk marks the one that a resume takes; what is held is deleted by no retention and no prune. SIZE is OWN and SHARED together: what lies in the directory of the checkpoint, and files in shared/ that others may need too.';
  static override examples = [
    {description: 'Of a job', command: '<%= config.bin %> <%= command.id %> my.job.yaml'},
    {
      description: 'Do they grow? Do they take longer?',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --plot --html checkpoints.html',
    },
    {
      description: 'The path of the newest one that can be restored',
      command:
        '<%= config.bin %> <%= command.id %> state/checkpoints --json | jq -r ".items[] | select(.newest_restorable) | .path"',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 10, 15];
  static override usage = 'checkpoint list [TARGET] [FLAGS]';
  static override args = {
    target: Args.string({
      description: 'A job, its file, or a directory with checkpoints or savepoints.',
      default: '.',
      ignoreStdin: true,
    }),
  };

  static override flags = withEnvironment('checkpoint-list', ownFlags);

  async run(): Promise<void> {
    optimizeLate();
    const {args, flags} = await this.parse(CheckpointList);
    const list = await listCheckpoints(args.target, {
      environment: process.env,
      maps: valuesOf(flags.map),
    });
    const {items, orphans, warnings} = list;
    if (flags.html !== undefined) {
      await writeReport(flags.html, checkpointPage(list, seriesOf(items)));
      if (!this.global.json) this.note(`written: ${escapeText(flags.html)}`);
    }
    if (this.global.json) {
      this.printObject('CheckpointList', {items: items.map(itemFields), orphans, warnings});
      return;
    }
    for (const warning of warnings) {
      this.note(`${this.noteStyle.warn('warning:')} ${escapeText(warning)}`);
    }
    if (items.length === 0) this.note(`no checkpoints in ${escapeText(args.target)}`);
    else if (flags.plot) this.#plot(items);
    else {
      const now = wallMillis();
      const rows = items.map((item) => itemCells(item, now));
      this.print(this.outStyle.table(COLUMNS, rows));
    }
    if (orphans.length > 0) this.note(orphansSentence(orphans));
  }

  #plot(items: readonly CheckpointListItem[]): void {
    const shape = {columns: process.stdout.columns || 80, isAscii: this.outStyle.level === 0};
    for (const line of plotLines(seriesOf(items), shape)) this.print(line);
  }
}

function orphansSentence(orphans: CheckpointListing['orphans']): string {
  const bytes = orphans.reduce((sum, orphan) => sum + orphan.bytes, 0);
  const count = orphans.length === 1 ? '1 orphan' : `${orphans.length} orphans`;
  return `${count} in shared/ (${formatBytes(bytes)}), which no checkpoint needs: the job removes them when it runs`;
}

function itemCells(item: CheckpointListItem, now: number): string[] {
  return [
    `${item.newestRestorable ? '*' : ''}${item.id ?? '?'}`,
    item.kind,
    item.held ? `${item.state}, held` : item.state,
    item.created === null ? '?' : formatInstant(item.created),
    item.created === null ? '?' : formatDuration(Math.max(0, now - item.created)),
    formatBytes(item.bytes),
    formatBytes(item.ownBytes),
    formatBytes(item.sharedBytes),
    item.jobName ?? '?',
    shownPath(item.path),
  ];
}

function itemFields(item: CheckpointListItem): object {
  return {
    id: item.id,
    kind: item.kind,
    state: item.state,
    path: item.path,
    format: item.format,
    format_version: item.formatVersion,
    created: item.created === null ? null : formatInstant(item.created),
    duration_ms: item.durationMillis,
    bytes: item.bytes,
    own_bytes: item.ownBytes,
    shared_bytes: item.sharedBytes,
    generation: item.generation,
    job_name: item.jobName,
    unaligned: item.unaligned,
    incremental: item.incremental,
    newest_restorable: item.newestRestorable,
    held: item.held,
  };
}
