// A run as a person sees it: notes and a live line on stderr, rows of console sinks on stdout.

import {basename} from 'node:path';
import {errorLines, reportOf} from './error-report.ts';
import {escapeText, shellWord, toJson} from './text.ts';
import {countOf, formatBytes, formatCount, formatDuration, formatInstant} from './units.ts';
import type {Style} from './style.ts';
import type {
  JobState,
  OutputRow,
  RestorePlan,
  RunEvent,
  RunSummary,
  StartDecision,
} from '../../src/index.ts';

/** A pipe gets at most one line of progress in this time. */
const PROGRESS_PERIOD_MILLIS = 10_000;
/** Rows that a table waits for before it is printed; a checkpoint or progress prints it earlier. */
const TABLE_ROWS = 50;

export interface TextSink {
  readonly outStyle: Style;
  readonly noteStyle: Style;
  /** Rows go to a terminal: as a table. */
  readonly outIsTerminal: boolean;
  print(text: string): void;
  note(text: string): void;
  /** Text without a line end, for the live line. */
  draw(text: string): void;
  /** Of the terminal behind stderr. */
  columns(): number;
}

export class RunText {
  readonly #sink: TextSink;
  #rows: OutputRow[] = [];
  #rowsOf = '';
  #drawn = false;
  #lastProgressAt = -Infinity;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  show(event: RunEvent): void {
    if (event.type === 'row') {
      this.#showRow(event.sink, event.row);
      return;
    }
    this.#flushRows();
    if (event.type === 'progress') {
      this.#showProgress(event);
      return;
    }
    const lines = this.#linesOf(event);
    if (lines.length > 0) this.#eraseLiveLine();
    for (const line of lines) this.#sink.note(line);
  }

  /** A note of the command itself, after a signal: the terminal has shown ^C. */
  note(text: string): void {
    this.#drawn ||= this.#sink.noteStyle.live;
    this.#eraseLiveLine();
    this.#sink.note(text);
  }

  #linesOf(event: Exclude<RunEvent, {type: 'row' | 'progress'}>): readonly string[] {
    const style = this.#sink.noteStyle;
    switch (event.type) {
      case 'started':
        this.#lastProgressAt = event.at;
        return [startLine(event, style)];
      case 'listening':
        return [`listening on ${event.url}, with the token in ${escapeText(event.tokenFile)}`];
      case 'checkpoint':
        return event.kind === 'savepoint'
          ? [`savepoint ${event.id}: ${escapeText(event.path)}`]
          : [];
      case 'checkpoint_failed':
        // The reason is a sentence that begins with the checkpoint's id.
        return [`${style.warn('warning:')} ${escapeText(event.reason)}`];
      case 'restarting':
        return [
          `${style.warn('restarting')} (attempt ${event.attempt}) ${
            event.restoredFrom === null
              ? 'from the beginning'
              : `from ${escapeText(event.restoredFrom)}`
          }: ${escapeText(event.cause)}`,
        ];
      case 'warning':
        return [`${style.warn('warning:')} ${escapeText(event.message)}`];
      case 'summary':
        return summaryLines(event.summary, style);
    }
  }

  #showProgress(event: Extract<RunEvent, {type: 'progress'}>): void {
    const parts = progressParts(event);
    if (this.#sink.noteStyle.live) {
      // A line that wraps could not be erased, and a terminal shows ^C behind it.
      this.#sink.draw(`\r\u001b[2K${fitting(parts, Math.max(0, this.#sink.columns() - 3))}`);
      this.#drawn = true;
    } else if (event.at - this.#lastProgressAt >= PROGRESS_PERIOD_MILLIS) {
      this.#lastProgressAt = event.at;
      this.#sink.note(`${formatInstant(event.at)} ${parts.join('  ')}`);
    }
  }

  #eraseLiveLine(): void {
    if (this.#drawn) this.#sink.draw('\r\u001b[2K');
    this.#drawn = false;
  }

  #showRow(sink: string, row: OutputRow): void {
    if (!this.#sink.outIsTerminal) {
      this.#sink.print(toJson(row));
      return;
    }
    const shape = `${sink}:${Object.keys(row).join()}`;
    if (shape !== this.#rowsOf || this.#rows.length >= TABLE_ROWS) this.#flushRows();
    this.#rowsOf = shape;
    this.#rows.push(row);
  }

  #flushRows(): void {
    const first = this.#rows[0];
    if (first === undefined) return;
    this.#eraseLiveLine();
    const columns = Object.entries(first).map(([name, value]) => ({
      name,
      align:
        typeof value === 'number' || typeof value === 'bigint' ? ('right' as const) : undefined,
    }));
    const rows = this.#rows.map((row) => columns.map(({name}) => cellText(row[name])));
    this.#rows = [];
    this.#sink.print(this.#sink.outStyle.table(columns, rows));
  }
}

function cellText(value: OutputRow[string] | undefined): string {
  if (value === undefined || value === null) return 'NULL';
  return typeof value === 'string' ? value : toJson(value);
}

const START_WORDS: Readonly<Record<StartDecision, string>> = {
  fresh: 'fresh start',
  resumed: 'resumed',
  restored: 'restored',
};

function startLine(event: Extract<RunEvent, {type: 'started'}>, style: Style): string {
  return `${style.bold(event.jobName)}: ${startText(event)}`;
}

/** The reason is a sentence that begins with the decision; if it does not, the decision is put before it. */
function startText(start: Pick<RestorePlan, 'decision' | 'reason'>): string {
  const word = START_WORDS[start.decision];
  const reason = escapeText(start.reason);
  return reason.startsWith(word) ? reason : `${word}: ${reason}`;
}

/** The most important first: a narrow terminal shows as many as fit. */
function progressParts(event: Extract<RunEvent, {type: 'progress'}>): readonly string[] {
  return [
    `${formatCount(event.recordsIn)} in`,
    `${formatCount(event.recordsOut)} out`,
    event.lastCheckpointId === null ? 'no checkpoint yet' : `checkpoint ${event.lastCheckpointId}`,
    `${formatCount(event.recordsPerSecond)}/s`,
    event.watermark === null ? 'no watermark yet' : `watermark ${secondOf(event.watermark)}`,
  ];
}

/** Whole parts only: half a number says something else. */
function fitting(parts: readonly string[], columns: number): string {
  let text = '';
  for (const part of parts) {
    const longer = text === '' ? part : `${text}  ${part}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text;
}

/** Without the milliseconds, which only flicker. */
function secondOf(millis: number): string {
  return formatInstant(millis).replace(/\.[0-9]{3}Z$/, 'Z');
}

/** What came in and went out, the last checkpoint, where the output is, what to type next. */
function summaryLines(summary: RunSummary, style: Style): string[] {
  const colour =
    summary.error !== null ? style.bad : summary.state === 'FINISHED' ? style.good : style.warn;
  const lines = summary.error === null ? [] : errorLines(reportOf(summary.error, 'run'), style);
  lines.push(
    `${style.bold(summary.jobName)} ${colour(summary.state.toLowerCase())} after ${formatDuration(summary.durationMillis)}` +
      (summary.restarts === 0 ? '' : `, ${countOf(summary.restarts, 'restart')}`),
  );
  for (const source of summary.sources) {
    const bad = source.badRecords === 0 ? '' : `, ${formatCount(source.badRecords)} bad`;
    // A generator reads nothing.
    const bytes = source.bytesIn === 0 ? '' : `, ${formatBytes(source.bytesIn)}`;
    lines.push(
      `  in   ${source.uid} (${source.connector}): ${countOf(source.recordsIn, 'record')}${bytes}${bad}`,
    );
  }
  if (summary.lateRecords > 0) lines.push(`  late ${countOf(summary.lateRecords, 'record')}`);
  for (const sink of summary.sinks) {
    lines.push(
      `  out  ${sink.uid} (${sink.connector}): ${countOf(sink.recordsOut, 'record')}${targetText(sink, summary)}`,
    );
  }
  lines.push(...taskLines(summary), lastCheckpointLine(summary), ...nextLines(summary, style));
  return lines;
}

/** What a sink commits with checkpoints is not where it says before there was one. */
function targetText({target, recordsOut}: RunSummary['sinks'][number], run: RunSummary): string {
  if (target === null) return '';
  const isHidden = run.lastCheckpoint === null && recordsOut > 0;
  return isHidden ? ', none of them committed' : ` in ${escapeText(target)}`;
}

/** Of a job in several threads: who worked, and who waited for whom; all subtasks of a chain together. */
function taskLines({tasks}: RunSummary): string[] {
  const chains = new Map<string, {subtasks: number; busy: number; waited: number; idle: number}>();
  for (const [task, {busyMillis, backPressuredMillis, idleMillis}] of Object.entries(tasks)) {
    const head = task.slice(0, task.lastIndexOf('/'));
    const chain = chains.get(head) ?? {subtasks: 0, busy: 0, waited: 0, idle: 0};
    chain.subtasks += 1;
    chain.busy += busyMillis;
    chain.waited += backPressuredMillis;
    chain.idle += idleMillis;
    chains.set(head, chain);
  }
  return [...chains]
    .filter(([, {subtasks}]) => subtasks > 1)
    .map(([head, {subtasks, busy, waited, idle}]) => {
      const share = (part: number): string =>
        `${Math.round((part / Math.max(1, busy + waited + idle)) * 100)} %`;
      return `  ${subtasks} × ${head}: busy ${share(busy)}, back-pressured ${share(waited)}, idle ${share(idle)}`;
    });
}

function lastCheckpointLine(summary: RunSummary): string {
  const last = summary.lastCheckpoint;
  if (last === null) return '  no checkpoint was completed';
  return `  ${countOf(summary.checkpoints, 'checkpoint')}, the last is ${last.id} (${formatBytes(last.bytes)}): ${escapeText(last.path)}`;
}

const RESUMABLE: ReadonlySet<JobState> = new Set(['INTERRUPTED', 'FAILED', 'CRASHED']);

function nextLines(summary: RunSummary, style: Style): string[] {
  const file = shellWord(summary.jobFile);
  const next = style.dim('next:');
  if (RESUMABLE.has(summary.state)) {
    const how =
      summary.lastCheckpoint === null
        ? 'starts again'
        : `resumes from ${basename(summary.lastCheckpoint.path)}`;
    return [`${next} tidemark run ${file}   (${how})`];
  }
  return [`${next} tidemark checkpoint list ${file}   (a new run starts fresh)`];
}

/** Lines of one source in the plan. */
const POSITIONS_SHOWN = 10;

const ACTION_ORDER = ['refuse', 'drop', 'new', 'restore'] as const;

/** The plan of `--dry-run`; what needs attention comes first. */
export function planLines(plan: RestorePlan, style: Style): string[] {
  const operators = [...plan.operators].sort(
    (left, right) => ACTION_ORDER.indexOf(left.action) - ACTION_ORDER.indexOf(right.action),
  );
  const lines = [startText(plan)];
  if (plan.from !== null) {
    const whose = plan.claimMode === 'claim' ? ', which the job then owns and deletes' : '';
    lines.push(`from ${escapeText(plan.from)}${whose}`);
  }
  if (operators.length > 0) {
    lines.push(
      style.table(
        [{name: 'OPERATOR'}, {name: 'ACTION'}, {name: 'PARALLELISM'}, {name: 'WHY'}],
        operators.map((operator) => [
          operator.uid,
          operator.action,
          `${operator.parallelismFrom ?? '-'} -> ${operator.parallelismTo ?? '-'}`,
          operator.reason,
        ]),
      ),
    );
  }
  for (const {operator, at} of plan.positions) {
    const more = at.length - POSITIONS_SHOWN;
    const shown = at.slice(0, POSITIONS_SHOWN).map(escapeText);
    lines.push(`source ${escapeText(operator)} goes on: ${shown[0] ?? ''}`);
    for (const line of shown.slice(1)) lines.push(`  ${line}`);
    if (more > 0) lines.push(`  and ${more} more (all of them with --json)`);
  }
  for (const reason of plan.refusals) lines.push(`refused: ${escapeText(reason)}`);
  if (plan.refusedAs === null) lines.push(style.good('This start is possible.'));
  else {
    const {code, hint} = plan.refusedAs;
    lines.push(style.bad(`This start is refused (${code}).`));
    if (hint !== '') lines.push(`to go on: ${escapeText(hint)}`);
  }
  return lines;
}
