// `checkpoint prune`: what went, or would go, and why the others stay.

import {shownPath} from './shown-path.ts';
import {countOf, formatBytes, formatDuration} from './units.ts';
import type {PruneReason, PruneReport} from '../../src/index.ts';
import type {Style} from './style.ts';

const REASONS: Readonly<Record<PruneReason, string>> = {
  held: 'held: see `checkpoint release`',
  'in-use': 'a job may go back to it',
  claimed: 'claimed by another job',
  'not-committed': 'its output may not be committed yet',
  'another-job': 'of another job',
  'newest-restorable': 'the newest that can be restored',
  'newer-than-restorable': 'damaged, and newer than all that can be restored',
  'not-asked': 'no rule was given for checkpoints',
  'keep-last': '--keep-last',
  'keep-within': '--keep-within',
  'keep-savepoints': '--keep-savepoints',
  'appeared-since': 'appeared after the question',
  'too-young': 'needed by nothing, but too young or not asked for',
  'not-alone': 'holds something that is no part of it',
  'no-job': 'holds checkpoints, and no job of tidemark worked there',
};

export function pruneLines(report: PruneReport, style: Style): string[] {
  const {dryRun, deleted, kept, orphans, freedBytes} = report;
  const verb = dryRun ? 'would delete' : 'deleted';
  const gone = orphans.filter((orphan) => orphan.deleted);
  const rows = [
    ...deleted.map((path) => [verb, '', shownPath(path)]),
    ...gone.map(({path, bytes, ageMillis}) => [
      verb,
      `orphan, ${formatBytes(bytes)}, ${formatDuration(ageMillis)} old`,
      shownPath(path),
    ]),
    ...kept.map(({path, reason}) => [
      dryRun ? 'would keep' : 'kept',
      REASONS[reason],
      shownPath(path),
    ]),
  ];
  // The path last: it is what a narrow terminal breaks.
  const lines =
    rows.length === 0 ? [] : [style.table([{name: 'WHAT'}, {name: 'WHY'}, {name: 'PATH'}], rows)];
  const count = `${countOf(deleted.length, 'checkpoint')} and ${countOf(gone.length, 'orphan')}`;
  lines.push(
    `${verb} ${count}: ${formatBytes(freedBytes)}${dryRun ? ' would be' : ''} freed; ${kept.length} kept`,
  );
  return lines;
}

export function pruneFields(report: PruneReport): Readonly<Record<string, unknown>> {
  return {
    dry_run: report.dryRun,
    deleted: report.deleted,
    kept: report.kept,
    orphans: report.orphans.map(({path, bytes, ageMillis, deleted}) => ({
      path,
      bytes,
      age_ms: Math.round(ageMillis),
      deleted,
    })),
    freed_bytes: report.freedBytes,
  };
}
