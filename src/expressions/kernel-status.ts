// What a generated loop returns.

/** A bigint or decimal value left ±(2^53 - 1): run the batch again in the wide variant. */
export const BAIL = -1;
export const NO_NULLS = 0;
export const SOME_NULLS = 1;
