// All operators and functions that the checker knows.

import {checkCast} from './cast-rules.ts';
import type {CheckerRules} from './checker.ts';
import {operatorRules} from './operator-rules.ts';
import {numberRules} from './number-rules.ts';
import {textRules} from './text-rules.ts';
import {addInterval, timeRules} from './time-rules.ts';

export const AGGREGATE_FUNCTIONS = [
  'COUNT',
  'SUM',
  'AVG',
  'MIN',
  'MAX',
  'FIRST_VALUE',
  'LAST_VALUE',
] as const;
export type AggregateFunction = (typeof AGGREGATE_FUNCTIONS)[number];

export const RULES: CheckerRules = {
  calls: new Map(Object.entries({...operatorRules, ...numberRules, ...textRules, ...timeRules})),
  aggregates: new Set<string>(AGGREGATE_FUNCTIONS),
  cast: checkCast,
  addInterval,
};
