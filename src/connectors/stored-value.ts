import {EngineError} from '../base/errors.ts';
import type {StateHandle} from '../checkpoint/checkpoint-metadata.ts';
import {FieldError, Fields} from '../storage/json-fields.ts';

/**
 * Reads a source's position out of a checkpoint. Its bytes were verified, but nobody vouches for who wrote
 * them: what is not of the right shape is CHECKPOINT_DAMAGED, another version INCOMPATIBLE.
 */
export function readStoredPosition<T>(
  state: StateHandle,
  expected: {readonly uid: string; readonly version: number; readonly of: string},
  read: (fields: Fields) => T,
): T {
  const {uid, version, of} = expected;
  if (state.location !== 'inline' || state.kind !== 'position' || state.name !== 'splits') {
    throw new EngineError('INCOMPATIBLE', `${uid}: state ${state.name} is no position of ${of}`);
  }
  if (state.codecVersion !== version) {
    const message = `${uid}: the position has version ${state.codecVersion}, this release reads ${version}`;
    throw new EngineError('INCOMPATIBLE', message);
  }
  try {
    return read(new Fields(state.value, 'splits'));
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw damagedPosition(`${uid}: the position in the checkpoint is no position of ${of}`, error);
  }
}

/** CHECKPOINT_DAMAGED: what positions say cannot be; `cause` says why. */
export function damagedPosition(what: string, cause: FieldError): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `${what}: ${cause.message}`, {
    hint: 'restore another checkpoint; `tidemark checkpoint list` shows them',
    cause,
  });
}

export function numberOrNull(fields: Fields, key: string): number | null {
  const value = fields.value(key);
  if (value === null || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw fields.wrong(key, 'a number or null');
}
