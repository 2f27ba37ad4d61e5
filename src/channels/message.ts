// Messages: the form of elements in a ring, and of recorded in-flight data in a checkpoint. Little-endian;
// a message begins at a multiple of 8 bytes; what pads it up to there is unspecified. The numbers below
// live on disk.
//
//   int32    size of the payload in bytes, without padding
//   int32    kind
//   payload  filler       none: skip so many bytes (up to the end of the ring)
//            batch        see batch-encoder.ts
//            fragment     a part of a batch that is too large for one message
//            last         its last part: all parts together are the payload of a batch
//            watermark    float64 time
//            idle         int32 0 or 1
//            barrier      float64 checkpointId, float64 triggeredAt, float64 timeoutMillis, int32 alignment
//            cancel       float64 checkpointId
//            end-of-data  none

import type {ByteViews} from './byte-views.ts';
import {padded} from './byte-views.ts';
import type {BarrierElement, ControlElement} from './element.ts';
import {AssertionError, must} from '../base/assert.ts';
import type {Alignment} from '../checkpoint/alignment.ts';

export const HEADER_BYTES = 8;

export const MESSAGE_KINDS = {
  filler: 0,
  batch: 1,
  fragment: 2,
  last: 3,
  watermark: 4,
  idle: 5,
  barrier: 6,
  cancel: 7,
  'end-of-data': 8,
} as const;

const ALIGNMENTS: readonly Alignment['kind'][] = [
  ...(['at-least-once', 'aligned', 'aligned-with-timeout', 'unaligned'] as const),
];

/** Of a barrier's payload, also where one is announced. */
export const BARRIER_BYTES = 28;

const PAYLOAD_BYTES = {
  watermark: 8,
  idle: 4,
  barrier: BARRIER_BYTES,
  cancel: 8,
  'end-of-data': 0,
} as const;

/** What a message of a payload of `size` bytes takes in all. */
export function messageBytes(size: number): number {
  return HEADER_BYTES + padded(size);
}

export function controlBytes(element: ControlElement): number {
  return PAYLOAD_BYTES[element.kind];
}

export function writeHeader(target: ByteViews, at: number, kind: number, size: number): void {
  target.ints[at >> 2] = size;
  target.ints[(at >> 2) + 1] = kind;
}

/** Writes the payload of `element` at `at`. */
export function writeControl(element: ControlElement, target: ByteViews, at: number): void {
  const {ints, doubles} = target;
  const word = at >> 3;
  switch (element.kind) {
    case 'watermark':
      doubles[word] = element.time;
      return;
    case 'idle':
      ints[at >> 2] = element.idle ? 1 : 0;
      return;
    case 'barrier':
      doubles[word] = element.checkpointId;
      doubles[word + 1] = element.triggeredAt;
      doubles[word + 2] = timeoutOf(element.alignment);
      ints[(at >> 2) + 6] = ALIGNMENTS.indexOf(element.alignment.kind);
      return;
    case 'cancel':
      doubles[word] = element.checkpointId;
      return;
    case 'end-of-data':
      return;
  }
}

/** The element whose payload, of a message of `kind`, is at `at`. */
export function readControl(kind: number, source: ByteViews, at: number): ControlElement {
  const {ints, doubles} = source;
  const word = at >> 3;
  switch (kind) {
    case MESSAGE_KINDS.watermark:
      return {kind: 'watermark', time: doubles[word]!};
    case MESSAGE_KINDS.idle:
      return {kind: 'idle', idle: ints[at >> 2] === 1};
    case MESSAGE_KINDS.barrier:
      return readBarrier(doubles.subarray(word, word + 3), ints[(at >> 2) + 6]!);
    case MESSAGE_KINDS.cancel:
      return {kind: 'cancel', checkpointId: doubles[word]!};
    case MESSAGE_KINDS['end-of-data']:
      return {kind: 'end-of-data'};
    default:
      throw new AssertionError(`a message of kind ${kind} in a channel`);
  }
}

function readBarrier(fields: Float64Array, alignment: number): BarrierElement {
  const kind = must(ALIGNMENTS[alignment], `alignment ${alignment}`);
  return {
    kind: 'barrier',
    checkpointId: fields[0]!,
    triggeredAt: fields[1]!,
    alignment: kind === 'aligned-with-timeout' ? {kind, timeoutMillis: fields[2]!} : {kind},
  };
}

function timeoutOf(alignment: Alignment): number {
  return alignment.kind === 'aligned-with-timeout' ? alignment.timeoutMillis : 0;
}

/** Whether a message is in-flight data: stored with an unaligned checkpoint, unlike barriers and their like. */
export function isData(kind: number): boolean {
  return (
    kind === MESSAGE_KINDS.batch ||
    kind === MESSAGE_KINDS.fragment ||
    kind === MESSAGE_KINDS.last ||
    kind === MESSAGE_KINDS.watermark ||
    kind === MESSAGE_KINDS.idle ||
    kind === MESSAGE_KINDS['end-of-data']
  );
}
