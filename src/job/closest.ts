/** A shorter text is the beginning of too much. */
const MIN_PREFIX_LENGTH = 4;

/** The candidate that `text` is most likely a typing error of; null when none is near. */
export function closest(text: string, candidates: Iterable<string>): string | null {
  if (text.length > 64) return null;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const candidate of candidates) {
    if (text.length - candidate.length >= bestDistance) continue;
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"?`, or else the list of what there is; null when there is nothing to say. */
export function didYouMean(text: string, candidates: readonly string[]): string | null {
  const near = closest(text, candidates);
  if (near !== null) return `did you mean "${near}"?`;
  if (candidates.length === 0 || candidates.length > 24) return null;
  return `known: ${candidates.join(', ')}`;
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. What `right`
 * has beyond a text of some length counts as one: people leave ends off.
 */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({length: right.length + 1}, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const substitution = last[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  const whole = last[right.length]!;
  return left.length < MIN_PREFIX_LENGTH ? whole : Math.min(whole, Math.min(...last) + 1);
}
