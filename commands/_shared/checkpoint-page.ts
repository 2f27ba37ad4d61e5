// `checkpoint list --html`: one page that needs nothing else: no script, no network. Well-formed XML too, so that a test
// can parse it. Everything that is a user's goes through `toXml`.

import {dirname} from 'node:path';
import {escapeText, toXml} from './text.ts';
import {countOf, formatBytes, formatDuration, formatInstant} from './units.ts';
import type {CheckpointList, CheckpointListItem} from '../../src/index.ts';
import type {CheckpointSeries, PlottedCheckpoint, PlottedList} from './checkpoint-series.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2530; --dim: #5b6875; --line: #d5dbe1; --bar: #2b6cb0; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --dim: #9aa7b4; --line: #37424d; --bar: #63b3ed; --paper: #14191e; }
}
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p, figcaption, th { color: var(--dim); }
figure { margin: 1rem 0; } svg { width: 100%; height: 9rem; border-bottom: 1px solid var(--line); }
rect { fill: var(--bar); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; white-space: nowrap; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
`;

/** Height of a drawing in its own units; a bar is 10 wide, of which 2 are the gap. */
const HEIGHT = 100;
const PITCH = 10;

export function checkpointPage(list: CheckpointList, {series}: PlottedList): string {
  const title = 'Checkpoints';
  const count = countOf(list.items.length, 'item');
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${title}</h1>`,
    `<p>${count}, ${countOf(list.orphans.length, 'orphan')}. * is the one that a resume takes.</p>`,
    ...list.warnings.map((warning) => `<p>warning: ${text(warning)}</p>`),
    ...series.flatMap(figures),
    '<h2>All, newest first</h2>',
    table(list.items),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function figures({jobName, directory, points}: CheckpointSeries): string[] {
  return [
    `<h2>${text(jobName)}</h2>`,
    `<p>${text(directory)}</p>`,
    figure('Size', points, ({bytes}) => bytes, formatBytes),
    figure('Duration', points, ({durationMillis}) => durationMillis, formatDuration),
  ];
}

function figure(
  name: string,
  points: readonly PlottedCheckpoint[],
  valueOf: (point: PlottedCheckpoint) => number | null,
  format: (value: number) => string,
): string {
  const top = points.reduce((most, point) => Math.max(most, valueOf(point) ?? 0), 0);
  const bars = points.map((point, index) => {
    const value = valueOf(point);
    if (value === null) return '';
    // A known nothing is seen too.
    const height = Math.max(1, top === 0 ? 0 : (value / top) * HEIGHT);
    const place = `x="${index * PITCH}" y="${(HEIGHT - height).toFixed(2)}" width="${PITCH - 2}"`;
    const hint = `chk-${point.id}: ${format(value)}`;
    return `<rect ${place} height="${height.toFixed(2)}"><title>${text(hint)}</title></rect>`;
  });
  const caption = `${name}, at most ${format(top)}, oldest on the left`;
  const box = `0 0 ${Math.max(1, points.length) * PITCH} ${HEIGHT}`;
  return [
    '<figure>',
    `<figcaption>${text(caption)}</figcaption>`,
    `<svg role="img" aria-label="${text(caption)}" viewBox="${box}" preserveAspectRatio="none">`,
    ...bars.filter((bar) => bar !== ''),
    '</svg>',
    '</figure>',
  ].join('\n');
}

const HEAD = ['Id', 'Kind', 'State', 'Created', 'Took', 'Size', 'Own', 'Shared', 'Job', 'In'];
/** Of those columns. */
const NUMBERS = new Set([0, 4, 5, 6, 7]);

function table(items: readonly CheckpointListItem[]): string {
  const row = (cells: readonly string[], tag: string): string => {
    const shown = cells.map((cell, index) => {
      const kind = NUMBERS.has(index) ? ' class="number"' : '';
      return `<${tag}${kind}>${text(cell)}</${tag}>`;
    });
    return `<tr>${shown.join('')}</tr>`;
  };
  const rows = items.map((item) => row(cellsOf(item), 'td'));
  return `<div class="scroll"><table>\n${[row(HEAD, 'th'), ...rows].join('\n')}\n</table></div>`;
}

function cellsOf(item: CheckpointListItem): string[] {
  return [
    `${item.newestRestorable ? '*' : ''}${item.id ?? '?'}`,
    item.kind,
    item.held ? `${item.state}, held` : item.state,
    item.created === null ? '?' : formatInstant(item.created),
    item.durationMillis === null ? '?' : formatDuration(item.durationMillis),
    formatBytes(item.bytes),
    formatBytes(item.ownBytes),
    formatBytes(item.sharedBytes),
    item.jobName ?? '?',
    dirname(item.path),
  ];
}

function text(value: string): string {
  return toXml(escapeText(value));
}
