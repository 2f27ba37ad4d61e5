import {EngineError} from '../base/errors.ts';
import type {RecordBatch} from '../records/record-batch.ts';

/** RECORD_FAILED, naming the record at `row` of the batch, the step and what in it failed. */
export function recordFailed(
  batch: RecordBatch,
  row: number,
  uid: string,
  what: string,
  cause?: unknown,
): EngineError {
  const where = batch.origin?.describe(row) ?? 'a record that another step made';
  return new EngineError('RECORD_FAILED', `${where}: step ${uid}: ${what}`, {
    facts: {step: uid},
    hint: 'Correct the record, or change the expression so that it has a value for it (TRY_CAST, CASE, a filter before).',
    cause,
  });
}
