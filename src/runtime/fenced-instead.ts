import {EngineError} from '../base/errors.ts';
import type {Ownership} from '../storage/job-directory.ts';

/**
 * Why something failed: what a successor removed, published or committed since it took over is no reason of ours. FENCED where
 * there is one, else `error`.
 */
export async function fencedInstead(
  ownership: Pick<Ownership, 'requireNewest'>,
  error: unknown,
): Promise<unknown> {
  try {
    await ownership.requireNewest();
    return error;
  } catch (newer) {
    return newer instanceof EngineError && newer.code === 'FENCED' ? newer : error;
  }
}
