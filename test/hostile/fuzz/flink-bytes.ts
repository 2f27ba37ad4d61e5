// What is done to the bytes of a `_metadata` of Flink, which has no checksum: counts, lengths, tags, sizes, texts.

import type {SeededRandom} from '#src/base/random.js';

/** `other`: of another directory. The result may be `bytes`, changed. */
export type ChangeBytes = (bytes: Buffer, random: SeededRandom, other: Uint8Array) => Buffer;

const INTEGERS = [-1, -2, 0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fff_ffff, -0x8000_0000, 0x0100_0000];
const LONGS = [-1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 0n, 1n];
const TEXTS = [
  ...[
    '',
    '.',
    '..',
    '../x',
    '../../etc/passwd',
    '/etc/passwd',
    'file:/etc/passwd',
    'file://host/x',
  ],
  ...[
    's3://bucket/shared/x',
    'a\\b',
    'a\nb',
    'a//b',
    'x'.repeat(256),
    'x/'.repeat(65),
    '_metadata',
  ],
  ...['/old/shared/../../../x', '/old/shared/x', '/old/chk-1/x', `/old/${'a'.repeat(32)}/shared/x`],
  ...['/flink/x', '/flinkx/y', '/outside/x', 'file:///outside/x', 'CheckpointProperties', 'Z'],
];
/** No text in Java's modified UTF-8: half a character, four bytes, NUL, a byte that begins nothing, one that is missing. */
const NO_TEXTS = [
  'eda080',
  'edb080',
  'f09f9880',
  '00',
  'ff',
  'c3',
  'e282',
  'c080c0',
  'c1bf',
  'e08080',
];
const TEXT_BYTES_MAX = 300;

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);
export const pick = <T>(random: SeededRandom, from: readonly T[]): T =>
  from[at(random, from.length)]!;

export const FLINK_BYTES: Readonly<Record<string, ChangeBytes>> = {
  bit(bytes, random) {
    const index = at(random, bytes.length);
    bytes[index]! ^= 1 << at(random, 8);
    return bytes;
  },
  bits(bytes, random) {
    for (let count = 0; count < 8; count += 1)
      bytes[at(random, bytes.length)]! ^= 1 << at(random, 8);
    return bytes;
  },
  // Tags, flags and UTF-8.
  byte(bytes, random) {
    bytes[at(random, bytes.length)] = at(random, 256);
    return bytes;
  },
  // Counts and lengths.
  int(bytes, random) {
    bytes.writeInt32BE(pick(random, INTEGERS), at(random, bytes.length - 4));
    return bytes;
  },
  // Sizes and positions.
  long(bytes, random) {
    bytes.writeBigInt64BE(pick(random, LONGS), at(random, bytes.length - 8));
    return bytes;
  },
  // Of texts.
  short(bytes, random) {
    bytes.writeUInt16BE(at(random, 0x10000), at(random, bytes.length - 2));
    return bytes;
  },
  // Names, paths and classes: another one, of another length.
  text(bytes, random) {
    const texts = textsIn(bytes);
    if (texts.length === 0) return bytes;
    const {start, end} = pick(random, texts);
    const own = bytes.subarray(start + 2, end);
    const other =
      random.next() < 0.6
        ? Buffer.from(pick(random, TEXTS))
        : Buffer.concat([own, Buffer.from(pick(random, NO_TEXTS), 'hex')]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(other.length);
    return Buffer.concat([bytes.subarray(0, start), length, other, bytes.subarray(end)]);
  },
  cut(bytes, random) {
    const start = at(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + at(random, 64))]);
  },
  twice(bytes, random) {
    const start = at(random, bytes.length);
    const end = start + at(random, 256);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  // The beginning of one, the end of another.
  graft(bytes, random, other) {
    return Buffer.concat([
      bytes.subarray(0, at(random, bytes.length)),
      other.subarray(at(random, other.length)),
    ]);
  },
};

/** Where something stands that looks like a text: two bytes of length, and so many of ASCII. */
function textsIn(bytes: Buffer): readonly {readonly start: number; readonly end: number}[] {
  const found: {start: number; end: number}[] = [];
  for (let start = 0; start + 2 < bytes.length; start += 1) {
    const length = bytes.readUInt16BE(start);
    const end = start + 2 + length;
    if (length < 3 || length > TEXT_BYTES_MAX || end > bytes.length) continue;
    if (bytes.subarray(start + 2, end).some((byte) => byte < 0x20 || byte > 0x7e)) continue;
    found.push({start, end});
    start = end - 1;
  }
  return found;
}
