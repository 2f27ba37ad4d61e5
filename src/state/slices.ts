import type {KeyGroupRange} from '../base/key-groups.ts';

/** At most `count` runs of about the same number of key groups. */
export function slicesOf({start, end}: KeyGroupRange, count: number): readonly KeyGroupRange[] {
  const groups = end - start + 1;
  const size = Math.max(1, Math.ceil(groups / Math.max(1, count)));
  const slices: KeyGroupRange[] = [];
  for (let first = start; first <= end; first += size) {
    slices.push({start: first, end: Math.min(end, first + size - 1)});
  }
  return slices;
}
