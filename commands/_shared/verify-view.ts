// A verification as text and as JSON Lines.

import {escapeText, toJson} from './text.ts';
import {countOf, formatBytes, formatDuration, formatInstant} from './units.ts';
import type {JunitCase} from './reports.ts';
import type {Style} from './style.ts';
import type {VerifyCounts, VerifyEvent, VerifyLevel, VerifySummary} from '../../src/index.ts';

type FindingEvent = Extract<VerifyEvent, {type: 'finding'}>;

/** `path:offset: error: message (expected …, found …) [code]`. */
export function findingText(finding: FindingEvent, style: Style | null): string {
  const colour = finding.severity === 'error' ? style?.bad : style?.warn;
  const place = finding.offset === null ? finding.path : `${finding.path}:${finding.offset}`;
  const severity = colour === undefined ? finding.severity : colour(finding.severity);
  const compared =
    finding.expected === null && finding.found === null
      ? ''
      : ` (expected ${finding.expected ?? 'nothing'}, found ${finding.found ?? 'nothing'})`;
  return `${escapeText(place)}: ${severity}: ${escapeText(finding.message + compared)} [${finding.code}]`;
}

export function verifyEventJson(event: VerifyEvent): string {
  const head = {type: event.type, ts: formatInstant(event.at)};
  if (event.type === 'progress') {
    return toJson({...head, bytes_done: event.bytesDone, bytes_total: event.bytesTotal});
  }
  const {ref, severity, code, path, offset, expected, found, message} = event;
  return toJson({...head, ref, severity, code, path, offset, expected, found, message});
}

export function summaryJson(summary: VerifySummary): string {
  return toJson({type: 'summary', ts: formatInstant(summary.at), ...summaryFields(summary)});
}

/** The summary of a verification that ended before anything was read. */
export function summaryOfNothing(level: VerifyLevel): object {
  const nothing = {
    ...{checkpoints: 0, files: 0, bytes: 0, rows: 0, skipped: 0},
    ...{errors: 0, hints: 0, durationMillis: 0},
  };
  return summaryFields({level, ...nothing, verdict: 'incomplete'});
}

export function summaryFields(summary: VerifyCounts): object {
  return {
    level: summary.level,
    checkpoints: summary.checkpoints,
    files: summary.files,
    bytes: summary.bytes,
    rows: summary.rows,
    skipped: summary.skipped,
    errors: summary.errors,
    hints: summary.hints,
    verdict: summary.verdict,
    duration_ms: summary.durationMillis,
  };
}

/** For JUnit, one case for each REF: passed is what was read to its end, and had no error. */
export function verificationCases(
  {refs}: Pick<VerifySummary, 'refs'>,
  findings: readonly FindingEvent[],
): JunitCase[] {
  return refs.map(({ref, checkpoints, skipped}) => {
    const own = findings.filter(({checkpoint}) => checkpoints.includes(checkpoint));
    const textsOf = (severity: 'error' | 'hint'): string[] =>
      own
        .filter((finding) => finding.severity === severity)
        .map((finding) => findingText(finding, null));
    const reason = `${skipped} of ${countOf(checkpoints.length, 'checkpoint')} not read as asked`;
    return {
      ...{name: ref, failures: textsOf('error'), remarks: textsOf('hint')},
      skipped: skipped === 0 ? null : reason,
    };
  });
}

export function verificationText(summary: VerifySummary, style: Style): string {
  const colour = summary.verdict === 'ok' ? style.good : style.bad;
  return [
    `${colour(summary.verdict)}: ${countOf(summary.errors, 'error')}, ${countOf(summary.hints, 'hint')}`,
    `in ${countOf(summary.checkpoints, 'checkpoint')}, ${countOf(summary.files, 'file')}, ${formatBytes(summary.bytes)}`,
    ...(summary.rows > 0 ? [`with ${countOf(summary.rows, 'row')}`] : []),
    ...(summary.skipped > 0 ? [`and ${summary.skipped} skipped`] : []),
    `(level ${summary.level}, ${formatDuration(summary.durationMillis)})`,
  ].join(' ');
}
