// Which state files a verification reads, when it is not to read all of them. The same seed chooses the same files.

import {SeededRandom} from '../base/random.ts';

/** `10%` of the files; `2/5`: the second of five parts, which together are all; `500MiB`: files of so many bytes. */
export type Sample =
  | {readonly kind: 'share'; readonly share: number}
  | {readonly kind: 'part'; readonly part: number; readonly parts: number}
  | {readonly kind: 'bytes'; readonly bytes: number};

export interface SampledFile {
  /** Unlike any other's, and the same in the next run. */
  readonly id: string;
  readonly bytes: number;
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const PARTS_MAX = 10_000;

/** Null: it is none. */
export function parseSample(text: string): Sample | null {
  const share = /^(\d{1,3}(?:\.\d{1,6})?)%$/u.exec(text);
  if (share !== null) {
    const percent = Number(share[1]);
    return percent > 0 && percent <= 100 ? {kind: 'share', share: percent / 100} : null;
  }
  const part = /^(\d{1,5})\/(\d{1,5})$/u.exec(text);
  if (part !== null) {
    const [number, parts] = [Number(part[1]), Number(part[2])];
    const fits = number >= 1 && number <= parts && parts <= PARTS_MAX;
    return fits ? {kind: 'part', part: number, parts} : null;
  }
  const bytes = /^(\d{1,12}) ?(B|KiB|MiB|GiB|TiB)$/u.exec(text);
  if (bytes === null) return null;
  const count = Number(bytes[1]) * UNITS[bytes[2]!]!;
  return count > 0 && Number.isSafeInteger(count) ? {kind: 'bytes', bytes: count} : null;
}

/** Ids of the files to read: at least one, when there is any, but for a part that has none. */
export function sampleFiles(
  files: readonly SampledFile[],
  sample: Sample,
  seed: number,
): ReadonlySet<string> {
  const shuffled = shuffle(files.toSorted(byId), new SeededRandom(seed));
  switch (sample.kind) {
    case 'share': {
      const count = Math.ceil(shuffled.length * sample.share);
      return new Set(shuffled.slice(0, count).map(({id}) => id));
    }
    case 'part': {
      const {part, parts} = sample;
      const own = shuffled.filter((_, index) => index % parts === part - 1);
      return new Set(own.map(({id}) => id));
    }
    case 'bytes': {
      const chosen = new Set<string>();
      let left = sample.bytes;
      for (const {id, bytes} of shuffled) {
        if (left <= 0) break;
        chosen.add(id);
        left -= bytes;
      }
      return chosen;
    }
  }
}

function byId(left: SampledFile, right: SampledFile): number {
  return left.id < right.id ? -1 : 1;
}

/** Fisher and Yates. */
function shuffle(files: SampledFile[], random: SeededRandom): SampledFile[] {
  for (let last = files.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random.next() * (last + 1));
    const file = files[last]!;
    files[last] = files[other]!;
    files[other] = file;
  }
  return files;
}
