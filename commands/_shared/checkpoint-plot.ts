// `checkpoint list --plot`: two rows of bars for each job, how large its checkpoints are and how long they took.
//
//   my-job: 12 checkpoints, chk-3 to chk-14
//   size, at most 14 KiB (chk-9)
//     14 KiB |    #
//            |  ####
//        0 B |#######
//
// Bars stand in eighths of a line where there is Unicode, in whole lines of # where there is not. More checkpoints than
// columns: a bar is the largest of those that share it. A value that is not known has no bar.

import {escapeText} from './text.ts';
import {countOf, formatBytes, formatDuration} from './units.ts';
import type {CheckpointSeries, PlottedCheckpoint, PlottedList} from './checkpoint-series.ts';

export interface PlotShape {
  /** Of the terminal. */
  readonly columns: number;
  /** Nothing beyond ASCII. */
  readonly isAscii: boolean;
}

const LINES = 5;
const LABEL_COLUMNS = 11;
const BARS_MIN = 8;
const EIGHTHS = ['', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

interface Bar {
  readonly id: number;
  readonly value: number | null;
}

export function plotLines({series, leftOut}: PlottedList, shape: PlotShape): string[] {
  const lines = series.flatMap((one, index) => [
    ...(index === 0 ? [] : ['']),
    ...seriesLines(one, shape),
  ]);
  if (leftOut > 0) {
    const others = leftOut === 1 ? '1 other is' : `${leftOut} others are`;
    lines.push(...wrapped(`${others} not drawn: savepoints, attempts, unreadable`, shape.columns));
  }
  return lines;
}

function seriesLines({jobName, points}: CheckpointSeries, shape: PlotShape): string[] {
  const first = points[0]!.id;
  const last = points.at(-1)!.id;
  const range = points.length === 1 ? `chk-${first}` : `chk-${first} to chk-${last}`;
  const title = `${escapeText(jobName)}: ${countOf(points.length, 'checkpoint')}, ${range}`;
  return [
    ...wrapped(title, shape.columns),
    ...chart('size', points, ({bytes}) => bytes, formatBytes, shape),
    ...chart('duration', points, ({durationMillis}) => durationMillis, formatDuration, shape),
  ];
}

function chart(
  name: string,
  points: readonly PlottedCheckpoint[],
  valueOf: (point: PlottedCheckpoint) => number | null,
  format: (value: number) => string,
  shape: PlotShape,
): string[] {
  const room = Math.max(BARS_MIN, shape.columns - LABEL_COLUMNS - 2);
  const values = points.map((point) => ({id: point.id, value: valueOf(point)}));
  const bars = gather(values, room);
  const top = bars.reduce<Bar | null>((best, bar) => (isLarger(bar, best) ? bar : best), null);
  if (top?.value === undefined || top.value === null) return [`${name}: not known`];
  const perBar = Math.ceil(points.length / room);
  const shared = perBar > 1 ? `; a bar is the largest of ${perBar}` : '';
  const lines = wrapped(
    `${name}, at most ${format(top.value)} (chk-${top.id})${shared}`,
    shape.columns,
  );
  for (let line = LINES - 1; line >= 0; line -= 1) {
    const label = line === LINES - 1 ? format(top.value) : line === 0 ? format(0) : '';
    const drawn = bars.map((bar) => cell(bar.value, top.value ?? 0, line, shape.isAscii));
    const axis = shape.isAscii ? '|' : '│';
    lines.push(`${label.padStart(LABEL_COLUMNS)} ${axis}${drawn.join('')}`.trimEnd());
  }
  return lines;
}

/** As many bars as there is room for, each of equally many neighbours. */
function gather(values: readonly Bar[], room: number): readonly Bar[] {
  const perBar = Math.ceil(values.length / room);
  const bars: Bar[] = [];
  for (let first = 0; first < values.length; first += perBar) {
    const shared = values.slice(first, first + perBar);
    bars.push(shared.reduce((best, bar) => (isLarger(bar, best) ? bar : best)));
  }
  return bars;
}

function isLarger(bar: Bar, best: Bar | null): boolean {
  return bar.value !== null && bar.value > (best?.value ?? -1);
}

/** What is seen of a bar on a line; the lowest is 0. What is known is never without a mark on the lowest. */
function cell(value: number | null, top: number, line: number, isAscii: boolean): string {
  if (value === null) return ' ';
  const eighths = top === 0 ? 0 : Math.round((value / top) * LINES * 8);
  const here = Math.min(8, Math.max(line === 0 ? 1 : 0, eighths - line * 8));
  if (!isAscii) return EIGHTHS[here] || ' ';
  if (here >= 4) return '#';
  return line === 0 ? '_' : ' ';
}

/** Broken at blanks; a word that is longer than a line has one of its own. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
