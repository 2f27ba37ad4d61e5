// What a step type or connector tells the job room. The catalog hands these in; `job/` never imports
// an operator or a connector.

import type {FieldSpec} from './field-spec.ts';
import type {OptionValues, SideOutput, StateTtl} from './job-spec.ts';
import type {ErrorRule} from './rules.ts';
import type {JsonValue} from '../base/json.ts';
import type {DataType} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';

/** A problem inside one option value. */
export interface OptionProblem {
  /** Keys and list positions from the step or connector down: `['select', 'mean_delay']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** UTF-16 offset inside the (expression) text of that scalar; absent: the whole value. */
  readonly offset?: number | undefined;
  readonly suggestion?: string | undefined;
  /** Absent: `option-invalid`, or `expression-invalid` with an offset. */
  readonly rule?: ErrorRule | undefined;
}

export type ExpressionCheck =
  | {readonly kind: 'ok'; readonly type: DataType}
  | {
      readonly kind: 'invalid';
      readonly message: string;
      readonly offset: number;
      readonly suggestion?: string | undefined;
    };

/** Handed in by the catalog; implemented by `expressions/`. */
export interface ExpressionChecker {
  /** A scalar expression over the columns of `schema`. */
  check(text: string, schema: Schema): ExpressionCheck;
  /** `COUNT(*)`, `SUM(x) FILTER (WHERE y)`, … over the columns of `schema`. */
  checkAggregate(text: string, schema: Schema): ExpressionCheck;
}

export interface InputDescription {
  readonly name: string;
  readonly schema: Schema;
  /** A watermark flows through it. */
  readonly eventTime: boolean;
  /** The column that the watermark is about; null: it was dropped on the way, or there is no watermark. */
  readonly eventTimeColumn: string | null;
  readonly bounded: boolean;
}

export interface StepPlan {
  readonly schema: Schema;
  readonly eventTime: boolean;
  /** Of the output; see `InputDescription`. Absent: null. */
  readonly eventTimeColumn?: string | null | undefined;
  readonly keyColumns: readonly string[] | null;
  readonly stateful: boolean;
  readonly sideOutputs: readonly SideOutput[];
  /**
   * Per input: the columns that the step reads itself (expressions, keys); null: all. Absent: all of
   * every input. Sources decode only what is used.
   */
  readonly usedColumns?: readonly (readonly string[] | null)[] | undefined;
  /**
   * Columns of the inputs go through under their names (filter, union): they are used when a
   * consumer uses them. Absent: false.
   */
  readonly passesColumns?: boolean | undefined;
  /**
   * How its state describes itself, so that a restore can tell whether a changed step may take it over
   * (recovery's compatibility facets); null or absent: it has no state.
   */
  readonly stateFacets?: Readonly<Record<string, JsonValue>> | null | undefined;
  /** The options as the operator wants them at run time (defaults that depend on the input filled in). */
  readonly options: OptionValues;
}

export interface OperatorSpec {
  readonly type: string;
  readonly description: string;
  readonly inputs: 'one' | 'many';
  readonly fields: readonly FieldSpec[];
  /** It takes `partitioning`: records may come to any subtask. */
  readonly choosesPartitioning?: boolean | undefined;
  /** What needs the inputs' schemas. Reports every problem; null when there is no sensible schema. */
  plan(request: {
    readonly uid: string;
    readonly options: OptionValues;
    readonly inputs: readonly InputDescription[];
    /** `state.ttl` of the job. */
    readonly stateTtl: StateTtl | null;
    readonly expressions: ExpressionChecker;
    readonly report: (problem: OptionProblem) => void;
  }): StepPlan | null;
}

export interface ConnectorSpec {
  readonly type: string;
  readonly description: string;
  readonly role: 'source' | 'sink';
  readonly fields: readonly FieldSpec[];
  /** A source whose schema follows from its options (generator); absent: the `schema` key is required. */
  schemaOf?(options: OptionValues): Schema;
  /** A source: does it end? Absent: yes. */
  isBounded?(options: OptionValues): boolean;
  /** A sink: its output is committed with checkpoints. */
  readonly exactlyOnce?: boolean | undefined;
  /** A source that decodes bytes: it takes `max-record-size` and `on-bad-record`, also as options. */
  readonly decodesRecords?: boolean | undefined;
  /** Further checks over validated options. */
  check?(request: {
    readonly options: OptionValues;
    readonly schema: Schema;
    readonly report: (problem: OptionProblem) => void;
  }): void;
}

export interface Catalog {
  readonly sources: readonly ConnectorSpec[];
  readonly sinks: readonly ConnectorSpec[];
  readonly operators: readonly OperatorSpec[];
  readonly expressions: ExpressionChecker;
}
