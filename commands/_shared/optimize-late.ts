import {setFlagsFromString} from 'node:v8';

/** Of bytecode that a function has run before V8 optimizes it: twelve times what it takes by itself. */
const INTERRUPT_BUDGET_BYTES = 1_500_000;

/**
 * For a command that reads for some tenths of a second and ends: on threads beside it V8 would optimize what is done with when
 * they are through, for more processor time than the command itself takes. What goes on for longer is optimized all the same.
 */
export function optimizeLate(): void {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET_BYTES}`);
}
