// How far long work is: a bar on a terminal, else a line now and then.

import {formatBytes, formatDuration, formatInstant} from './units.ts';
import type {Style} from './style.ts';

export interface BytesProgress {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

const BAR_CELLS = 24;
/** A terminal is drawn at most so often. */
const DRAW_PERIOD_MILLIS = 100;
/** A pipe gets at most one line of progress in this time. */
const LINE_PERIOD_MILLIS = 10_000;

export class ProgressBar {
  readonly #style: Style;
  readonly #draw: (text: string) => void;
  #isDrawn = false;
  #first: BytesProgress | null = null;
  #shownAt = 0;

  constructor(style: Style, draw: (text: string) => void) {
    this.#style = style;
    this.#draw = draw;
  }

  show(progress: BytesProgress): void {
    const {live} = this.#style;
    // The first line in a pipe comes when the work has proved to be long.
    if (this.#first === null && !live) this.#shownAt = progress.at;
    this.#first ??= progress;
    const isDone = live && progress.bytesDone >= progress.bytesTotal;
    const period = live ? DRAW_PERIOD_MILLIS : LINE_PERIOD_MILLIS;
    if (progress.at - this.#shownAt < period && !isDone) return;
    this.#shownAt = progress.at;
    const text = progressText(progress, this.#first);
    if (!live) this.#draw(`${formatInstant(progress.at)} ${text}\n`);
    else this.#draw(`\r\u001b[2K${bar(progress)} ${text}`);
    this.#isDrawn = live;
  }

  /** Before anything else is written to the terminal. */
  erase(): void {
    if (this.#isDrawn) this.#draw('\r\u001b[2K');
    this.#isDrawn = false;
  }
}

function bar({bytesDone, bytesTotal}: BytesProgress): string {
  const share = bytesTotal === 0 ? 1 : Math.min(1, bytesDone / bytesTotal);
  const filled = Math.round(share * BAR_CELLS);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}]`;
}

function progressText(progress: BytesProgress, first: BytesProgress): string {
  const done = `${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}`;
  const bytes = progress.bytesDone - first.bytesDone;
  if (bytes <= 0) return done;
  const left = ((progress.at - first.at) / bytes) * (progress.bytesTotal - progress.bytesDone);
  return `${done}, ${formatDuration(left)} left`;
}
