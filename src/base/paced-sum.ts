import type {Clock} from './clock.ts';

/** Adds up, and passes the sum on at most once in `periodMillis`, first after one. What is left at the end is not passed on. */
export function pacedSum(
  clock: Clock,
  periodMillis: number,
  pass: (sum: number) => void,
): (amount: number) => void {
  let sum = 0;
  let passedAt = clock.monotonicMillis();
  return (amount) => {
    sum += amount;
    const now = clock.monotonicMillis();
    if (now - passedAt < periodMillis) return;
    pass(sum);
    sum = 0;
    passedAt = now;
  };
}
