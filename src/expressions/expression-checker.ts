import {parseAggregate} from './aggregate-call.ts';
import {parseExpression, type InvalidExpression} from './expression.ts';
import type {DataType} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';

export type Check = {readonly kind: 'ok'; readonly type: DataType} | InvalidExpression;

/** The job room's `ExpressionChecker`, by structure: this room may not import that one. */
export const expressionChecker = {
  /** A scalar expression over the columns of `schema`. */
  check(text: string, schema: Schema): Check {
    const parsed = parseExpression(text, schema);
    return parsed.kind === 'ok' ? {kind: 'ok', type: parsed.expression.type} : parsed;
  },

  /** `COUNT(*)`, `SUM(x) FILTER (WHERE y)`, … over the columns of `schema`. */
  checkAggregate(text: string, schema: Schema): Check {
    const parsed = parseAggregate(text, schema);
    return parsed.kind === 'ok' ? {kind: 'ok', type: parsed.call.resultType} : parsed;
  },
};
