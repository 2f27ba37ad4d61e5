// A split: one file as it was found, read up to the size that it had then. The same module says how a
// source's position stands in a checkpoint, one for each subtask:
//
//   {"watermark": ms | null | "end",
//    "finished": [{path, size}],
//    "splits": [{path, size, head, open: null | {offset, tail, decoder, greatest_timestamp}}],
//    "shares": null | {"plan": null | {watermark, finished, splits}}}
//
// `path` is relative to the job file, `/` between parts. Offsets count bytes of the content, of a gzip file
// those of the uncompressed content; `size` and `head` are of the file as it lies there. `shares` is null in
// a source that watches, each of whose subtasks lists all of its own splits; in one that shares them out,
// subtask 0 carries the plan (split-plan.ts).

import type {JsonValue} from '../../base/json.ts';
import type {InlineState, StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import type {Fields} from '../../storage/json-fields.ts';
import {numberOrNull, readStoredPosition} from '../stored-value.ts';

/** Version of the value above. */
const POSITION_VERSION = 2;

const SPLITS_MAX = 10_000_000;

const SHA256 = /^[0-9a-f]{64}$/;

/** Bytes of the head of a file, and before a position, that must still be the same at a restore. */
export const IDENTITY_BYTES = 65_536;

export interface Split {
  readonly path: string;
  /** Bytes, at discovery. */
  readonly size: number;
  /** SHA-256 of the first `IDENTITY_BYTES`, or of all when there are fewer. */
  readonly head: string;
}

/** How far a split was read. */
export interface SplitPosition {
  /** Of the first byte that is not decoded. */
  readonly offset: number;
  /** SHA-256 of the `IDENTITY_BYTES` before `offset`, or of all when there are fewer. */
  readonly tail: string;
  readonly decoder: JsonValue;
  /** Null: no row had one. */
  readonly greatestTimestamp: number | null;
}

export interface UnfinishedSplit {
  readonly split: Split;
  /** Null: nothing was read. */
  readonly position: SplitPosition | null;
}

export interface FinishedSplit {
  readonly path: string;
  readonly size: number;
}

/** What a source knows of all its splits when a deployment begins. */
export interface SplitPlan {
  /** Milliseconds since the epoch; -Infinity: none yet, +Infinity: the input was at its end. */
  readonly watermark: number;
  readonly finished: readonly FinishedSplit[];
  /** In the order in which they are to be read. */
  readonly unfinished: readonly UnfinishedSplit[];
}

/** `Plan` is JSON where a position is written, and the plan itself where one is read. */
export interface SourcePosition<Plan = SplitPlan> {
  readonly watermark: number;
  readonly finished: readonly FinishedSplit[];
  readonly unfinished: readonly UnfinishedSplit[];
  /** Null: no splits are shared out. */
  readonly shares: {readonly plan: Plan | null} | null;
}

export function planJson(plan: SplitPlan): JsonValue {
  return {
    watermark: watermarkJson(plan.watermark),
    finished: plan.finished.map(({path, size}): JsonValue => ({path, size})),
    splits: plan.unfinished.map(unfinishedJson),
  };
}

export function positionState(position: SourcePosition<JsonValue>): InlineState {
  const {watermark, finished, unfinished, shares} = position;
  return {
    location: 'inline',
    name: 'splits',
    kind: 'position',
    codecVersion: POSITION_VERSION,
    value: {
      watermark: watermarkJson(watermark),
      finished: finished.map(({path, size}): JsonValue => ({path, size})),
      splits: unfinished.map(unfinishedJson),
      shares: shares === null ? null : {plan: shares.plan},
    },
  };
}

function watermarkJson(watermark: number): JsonValue {
  if (watermark === Infinity) return 'end';
  return watermark === -Infinity ? null : watermark;
}

function unfinishedJson({split, position}: UnfinishedSplit): JsonValue {
  const {path, size, head} = split;
  if (position === null) return {path, size, head, open: null};
  const {offset, tail, decoder, greatestTimestamp} = position;
  return {path, size, head, open: {offset, tail, decoder, greatest_timestamp: greatestTimestamp}};
}

export function readPosition(state: StateHandle, uid: string): SourcePosition {
  const expected = {uid, version: POSITION_VERSION, of: 'files'};
  return readStoredPosition(state, expected, (fields) => ({
    ...readPlan(fields),
    shares: fields.value('shares') === null ? null : readShares(fields.object('shares')),
  }));
}

function readShares(shares: Fields): {readonly plan: SplitPlan | null} {
  return {plan: shares.value('plan') === null ? null : readPlan(shares.object('plan'))};
}

/** Throws FieldError. */
export function readPlan(fields: Fields): SplitPlan {
  return {
    watermark: readWatermark(fields),
    finished: fields.objects('finished', SPLITS_MAX, (split) => ({
      path: readPath(split),
      size: split.count('size'),
    })),
    unfinished: fields.objects('splits', SPLITS_MAX, (split) => ({
      split: {path: readPath(split), size: split.count('size'), head: split.text('head', SHA256)},
      position: split.value('open') === null ? null : readOpen(split.object('open')),
    })),
  };
}

function readWatermark(fields: Fields): number {
  if (fields.value('watermark') === 'end') return Infinity;
  return numberOrNull(fields, 'watermark') ?? -Infinity;
}

function readOpen(open: Fields): SplitPosition {
  return {
    offset: open.count('offset'),
    tail: open.text('tail', SHA256),
    decoder: open.value('decoder'),
    greatestTimestamp: numberOrNull(open, 'greatest_timestamp'),
  };
}

/** Any path that a file system takes; that it is still the same file is checked by its bytes. */
function readPath(split: Fields): string {
  const path = split.value('path');
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw split.wrong('path', 'a path');
  }
  return path;
}
