// Numbers in a slot of another kind than the one that wrote them: JOB.md "widening int → bigint → double". The restore
// plan knows the types and refuses what is no widening; here each value is looked at once more.
//
//   int → bigint      MIN, MAX, … : a double that is a whole number, as an int64 slot keeps it too
//   … → double        int64 → float64: the nearest double, as CAST gives it

import {EngineError} from '../base/errors.ts';

const NUMBERS: ReadonlySet<string> = new Set(['float64', 'int64']);

/** Can a slot of kind `to` take what one of kind `from` holds? */
export function converts(from: string, to: string): boolean {
  return from === to || (NUMBERS.has(from) && NUMBERS.has(to));
}

/** What was kept in a float64 slot, for an int64 one. INCOMPATIBLE when it is no whole number. */
export function wholeNumber(value: number, slot: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw new EngineError(
    'INCOMPATIBLE',
    `the state of '${slot}' holds ${value}, which is no whole number of 53 bits, and whole numbers are wanted`,
    {hint: 'Undo the change, or give the step another id to start it empty.'},
  );
}
