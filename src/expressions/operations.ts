// All operations that generated code knows.

import {arithmeticCalls} from './emit-arithmetic.ts';
import {emitCast} from './emit-cast.ts';
import {compareCalls} from './emit-compare.ts';
import {logicCalls} from './emit-logic.ts';
import {numberCalls} from './emit-numbers.ts';
import {textCalls} from './emit-text.ts';
import {timeCalls} from './emit-time.ts';
import type {EmitTable} from './emitter.ts';

export const OPERATIONS: EmitTable = {
  calls: new Map(
    Object.entries({
      ...logicCalls,
      ...compareCalls,
      ...arithmeticCalls,
      ...numberCalls,
      ...textCalls,
      ...timeCalls,
    }),
  ),
  cast: emitCast,
};
