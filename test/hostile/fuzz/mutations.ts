// What is done to a checkpoint: to its bytes as a disk does it, or as somebody who can compute checksums.

import type {SeededRandom} from '#src/base/random.js';
import {FLINK_MAGIC} from '#src/storage/metadata-decoder.js';
import {changeValue} from './change-json.ts';
import {craft} from './craft-metadata.ts';
import {changeSchema} from './change-schema.ts';
import {
  bodyOf,
  dataOf,
  linkDirectoryOf,
  OUTSIDE,
  replaceState,
  setBody,
  setData,
  sumAgain,
  type Subject,
} from './subject.ts';

export interface Mutation {
  /** Of somebody who computes all sums again: verify need not see it at the level checksum. */
  readonly sealed: boolean;
  readonly apply: (subject: Subject, random: SeededRandom) => void;
}

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);
const pick = <T>(random: SeededRandom, from: readonly T[]): T => from[at(random, from.length)]!;

const INTEGERS = [0, 1, 2, 8, 0x7f, 0xff, 0x100, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000];
const INTEGERS_MAX = 0xffff_ffff;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  bit: bytesOf((bytes, random) => flipped(bytes, random, 1)),
  bits: bytesOf((bytes, random) => flipped(bytes, random, 2 + at(random, 15))),
  truncate: bytesOf((bytes, random) => bytes.subarray(0, at(random, bytes.length))),
  extend: bytesOf((bytes, random) =>
    Buffer.concat([bytes, random.next() < 0.5 ? bytes : Buffer.from(random.hex(1), 'hex')]),
  ),
  zero: bytesOf((bytes, random) => {
    const start = at(random, bytes.length);
    return bytes.fill(0, start, Math.min(bytes.length, start + 1 + at(random, 4096)));
  }),
  remove: onDisk(({tree}, path) => tree.delete(path)),
  swap: onDisk(({tree, files}, path, random) => {
    const other = pick(random, files);
    const [left, right] = [tree.get(path)!, tree.get(other)!];
    tree.set(path, right).set(other, left);
  }),
  lengths: onDisk(({tree, files}, path, random) => {
    const other = pick(random, files);
    const [left, right] = [dataOf(tree, path), dataOf(tree, other)];
    setData(tree, path, resized(left, right.length));
    setData(tree, other, resized(right, left.length));
  }),
  rename: onDisk(({tree, files}, path, random) => {
    const entry = tree.get(path)!;
    tree.delete(path);
    const name = pick(random, [`${path}x`, path.toUpperCase(), `${path}.tmp`, pick(random, files)]);
    tree.set(name, entry);
  }),
  // To the very same bytes, to nothing, to a file of the checkpoint, to itself.
  link: onDisk(({tree, directory, files}, path, random) => {
    const same = `${OUTSIDE}${path.slice(directory.lastIndexOf('/'))}`;
    tree.set(same, tree.get(path)!);
    const target = pick(random, [same, '/nowhere', pick(random, files), path, OUTSIDE]);
    tree.set(path, {kind: 'link', target});
  }),
  'link of a directory': onDisk(({tree}, path) => linkDirectoryOf(tree, path)),
  kind: onDisk(({tree}, path, random) =>
    tree.set(path, {kind: pick(random, ['directory', 'other'])}),
  ),
  'another program': onDisk(({tree, files}) => {
    const bytes = Buffer.from(dataOf(tree, files[0]!));
    bytes.writeUInt32BE(FLINK_MAGIC, 0);
    setData(tree, files[0]!, bytes);
  }),
  'all of it': onDisk(({tree, directory}) => {
    for (const path of [...tree.keys()]) {
      if (`${path}/`.startsWith(`${directory}/`)) tree.delete(path);
    }
  }),
  'metadata, sealed': {
    sealed: true,
    apply: (subject, random) => {
      let text = bodyOf(subject);
      for (let count = pick(random, [1, 1, 1, 2, 4]); count > 0; count -= 1) {
        text = changeValue(text, random);
      }
      setBody(subject, text);
      sumAgain(subject);
    },
  },
  'state, sealed': {sealed: true, apply: changeState},
  'schema, sealed': {
    sealed: true,
    apply: (subject, random) => {
      changeSchema(subject, random);
      sumAgain(subject);
    },
  },
  'metadata, crafted': {
    sealed: true,
    apply: (subject, random) => {
      craft(subject, random);
      sumAgain(subject);
    },
  },
  // Also `shared/` as a whole, which only those who list look at.
  'link beside': {
    sealed: true,
    apply: ({tree, directory}) => {
      const shared = `${directory.slice(0, directory.lastIndexOf('/'))}/shared`;
      for (const [below, entry] of [...tree]) {
        if (!below.startsWith(`${shared}/`)) continue;
        tree.set(`${OUTSIDE}/moved${below.slice(shared.length)}`, entry);
        tree.delete(below);
      }
      tree.set(`${OUTSIDE}/moved`, {kind: 'directory'});
      tree.set(shared, {kind: 'link', target: `${OUTSIDE}/moved`});
    },
  },
};

function bytesOf(change: (bytes: Buffer, random: SeededRandom) => Uint8Array): Mutation {
  return onDisk(({tree}, path, random) =>
    setData(tree, path, change(Buffer.from(dataOf(tree, path)), random)),
  );
}

function onDisk(
  change: (subject: Subject, path: string, random: SeededRandom) => unknown,
): Mutation {
  return {
    sealed: false,
    apply: (subject, random) => {
      // As likely the first two as any of the others.
      const path =
        random.next() < 0.3 ? subject.files[at(random, 2)]! : pick(random, subject.files);
      change(subject, path, random);
    },
  };
}

function flipped(bytes: Buffer, random: SeededRandom, count: number): Buffer {
  for (let done = 0; done < count; done += 1) {
    bytes[at(random, bytes.length)]! ^= 1 << at(random, 8);
  }
  return bytes;
}

function resized(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([
    bytes.subarray(0, length),
    Buffer.alloc(Math.max(0, length - bytes.length)),
  ]);
}

/** Bytes of a state file, and every length, CRC, digest and address that follows from them. */
function changeState(subject: Subject, random: SeededRandom): void {
  const {tree, files} = subject;
  const path = pick(random, files.slice(2));
  let bytes: Buffer = Buffer.from(dataOf(tree, path));
  for (let count = pick(random, [1, 1, 1, 2, 8]); count > 0; count -= 1) {
    bytes = changedState(bytes, random);
  }
  replaceState(subject, path, bytes);
  sumAgain(subject);
}

function changedState(bytes: Buffer, random: SeededRandom): Buffer {
  if (bytes.length < 8) return Buffer.concat([bytes, bytes, Buffer.from('x')]);
  // What stands in a row and in a header is aligned; what is canonical is not.
  const place = at(random, bytes.length - 7) & (random.next() < 0.6 ? ~3 : ~0);
  const kinds: readonly (() => unknown)[] = [
    () => flipped(bytes, random, 1),
    () => bytes.writeUInt32LE(pick(random, [...INTEGERS, INTEGERS_MAX, bytes.length]), place),
    () =>
      bytes.writeUInt32LE((bytes.readUInt32LE(place) + pick(random, [1, -1, 8, -8])) >>> 0, place),
    () => bytes.writeDoubleLE(pick(random, [-1, 1e9, 2 ** 53, NaN, Infinity, 0.5]), place),
    () => (bytes[place] = at(random, 256)),
    () => otherMagic(bytes, random),
  ];
  const turn = random.next();
  if (turn < 0.85) {
    pick(random, kinds)();
    return bytes;
  }
  const [start, end] = [place, place + 8 * (1 + at(random, 8))];
  if (turn < 0.9) return bytes.subarray(0, start);
  if (turn < 0.95) return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

const MAGICS = ['CHNK', 'TOMB', 'CHNZ', 'TOMZ', 'TEND', 'GRUP', 'CEND', 'TDMKROWS', 'TDMKCANO'];

/** Where a part begins, another one does. */
function otherMagic(bytes: Buffer, random: SeededRandom): void {
  const places = MAGICS.flatMap((magic) => [bytes.indexOf(magic), bytes.lastIndexOf(magic)]);
  const place = pick(random, places);
  if (place >= 0) bytes.write(pick(random, MAGICS), place, 'latin1');
}
