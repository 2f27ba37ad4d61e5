// Walker's alias method: an index with a given weight in constant time from one uniform number. The
// number's whole part picks a cell, its fraction picks the cell's own index or its alias.

export interface WeightedChoice {
  readonly count: number;
  /** Share of a cell that belongs to its own index. */
  readonly share: Float64Array;
  readonly alias: Int32Array;
}

/** `weights` are not negative and not all zero. */
export function weightedChoice(weights: Float64Array): WeightedChoice {
  const count = weights.length;
  let sum = 0;
  for (const weight of weights) sum += weight;
  const share = Float64Array.from(weights, (weight) => (weight * count) / sum);
  const alias = Int32Array.from(weights, (_weight, index) => index);
  const poor: number[] = [];
  const rich: number[] = [];
  share.forEach((part, index) => (part < 1 ? poor : rich).push(index));
  for (let from = rich.pop(), to = poor.pop(); from !== undefined && to !== undefined;) {
    alias[to] = from;
    share[from]! -= 1 - share[to]!;
    if (share[from]! < 1) {
      poor.push(from);
      from = rich.pop();
    }
    to = poor.pop();
  }
  // Whatever is left over is full but for rounding.
  return {count, share, alias};
}

/** The index that `uniform` in [0, 1) picks. */
export function pick(choice: WeightedChoice, uniform: number): number {
  const scaled = uniform * choice.count;
  const cell = Math.floor(scaled);
  return scaled - cell < choice.share[cell]! ? cell : choice.alias[cell]!;
}

/** Weights of the ranks 1 to `count`: rank^-exponent. */
export function zipfWeights(count: number, exponent: number): Float64Array {
  const weights = new Float64Array(count);
  for (let rank = 1; rank <= count; rank += 1) weights[rank - 1] = rank ** -exponent;
  return weights;
}
