// What the parser makes: names are not resolved, types not known. Operators and functions are both
// calls, named as in FUNCTIONS.md (`+`, `IS NULL`, `UPPER`).

import type {DataType} from '../records/data-type.ts';

export type Tree =
  | {
      readonly kind: 'number';
      readonly text: string;
      readonly negative: boolean;
      readonly offset: number;
    }
  | {readonly kind: 'string'; readonly value: string; readonly offset: number}
  | {readonly kind: 'boolean'; readonly value: boolean; readonly offset: number}
  | {readonly kind: 'null'; readonly offset: number}
  /** `TIMESTAMP '…'`, `DATE '…'`. */
  | {
      readonly kind: 'time';
      readonly type: 'timestamp' | 'date';
      readonly text: string;
      readonly offset: number;
    }
  /** `INTERVAL '1' HOUR`: only beside + and - . */
  | {
      readonly kind: 'interval';
      readonly text: string;
      readonly unit: string;
      readonly offset: number;
    }
  /** The HOUR of `FLOOR(t TO HOUR)`. */
  | {readonly kind: 'unit'; readonly unit: string; readonly offset: number}
  | {readonly kind: 'column'; readonly name: string; readonly offset: number}
  | CallTree
  | CaseTree
  | {
      readonly kind: 'cast';
      readonly operand: Tree;
      readonly target: DataType;
      /** TRY_CAST: NULL instead of a failure. */
      readonly lenient: boolean;
      readonly offset: number;
    };

export interface CallTree {
  readonly kind: 'call';
  readonly name: string;
  readonly operands: readonly Tree[];
  readonly offset: number;
}

export interface CaseTree {
  readonly kind: 'case';
  /** Of `CASE x WHEN 1 THEN …`. */
  readonly operand: Tree | null;
  readonly branches: readonly {readonly condition: Tree; readonly result: Tree}[];
  readonly otherwise: Tree | null;
  readonly offset: number;
}
