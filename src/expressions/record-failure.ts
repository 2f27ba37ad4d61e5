/**
 * An expression has no value for one row: overflow, division by zero, a failed CAST. The operator turns
 * it into EngineError RECORD_FAILED, naming the record through the batch's origin.
 */
export class RecordFailure extends Error {
  override readonly name = 'RecordFailure';
  /** Index into the batch's columns; -1 only inside a helper, until the kernel locates it. */
  readonly row: number;
  readonly reason: string;
  /** UTF-16 offset into the expression's text. */
  readonly offset: number;

  constructor(reason: string, row = -1, offset = -1) {
    super(reason);
    this.row = row;
    this.reason = reason;
    this.offset = offset;
  }
}

/** For generated code. */
export function fail(reason: string, row: number, offset: number): never {
  throw new RecordFailure(reason, row, offset);
}

/** A helper does not know its row and place: the kernel, which called it, does. */
export function locate(thrown: unknown, row: number, offset: number): unknown {
  if (!(thrown instanceof RecordFailure) || thrown.row !== -1) return thrown;
  return new RecordFailure(thrown.reason, row, offset);
}
