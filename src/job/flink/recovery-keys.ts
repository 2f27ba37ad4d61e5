// Flink's keys of how a job recovers, which say something to the command and nothing to the job: as -D of `run` and
// `restore` they stand for a flag. `path` is none of them: REF is an argument there.

import {EngineError} from '../../base/errors.ts';
import {OLDER_KEYS} from './older-keys.ts';

export interface RecoveryKeys {
  /** Null: not said. */
  readonly claimMode: 'claim' | 'no-claim' | null;
  readonly allowNonRestoredState: boolean | null;
  /** All other pairs, in their order. */
  readonly others: readonly (readonly [key: string, value: string])[];
}

const CLAIM_MODE = 'execution.state-recovery.claim-mode';
const IGNORE_UNCLAIMED = 'execution.state-recovery.ignore-unclaimed-state';

/** The last of a kind wins. JOB_INVALID for a value that is none. */
export function takeRecoveryKeys(
  flink: readonly (readonly [key: string, value: string])[],
): RecoveryKeys {
  let claimMode: RecoveryKeys['claimMode'] = null;
  let allowNonRestoredState: boolean | null = null;
  const others: (readonly [string, string])[] = [];
  for (const [key, value] of flink) {
    const word = value.trim().toLowerCase();
    switch (Object.hasOwn(OLDER_KEYS, key) ? OLDER_KEYS[key] : key) {
      case CLAIM_MODE:
        claimMode = claimModeOf(key, word);
        break;
      case IGNORE_UNCLAIMED:
        if (word !== 'true' && word !== 'false') throw invalid(key, value, 'write true or false');
        allowNonRestoredState = word === 'true';
        break;
      default:
        others.push([key, value]);
    }
  }
  return {claimMode, allowNonRestoredState, others};
}

function claimModeOf(key: string, word: string): 'claim' | 'no-claim' {
  switch (word) {
    case 'claim':
      return 'claim';
    case 'no_claim':
    case 'no-claim':
      return 'no-claim';
    case 'legacy':
      throw invalid(
        key,
        word,
        'write NO_CLAIM (what is restored stays yours) or CLAIM (the job owns it): Flink 2 removed LEGACY, under which nobody knew who may delete what',
      );
    default:
      throw invalid(key, word, 'write NO_CLAIM or CLAIM');
  }
}

function invalid(key: string, value: string, hint: string): EngineError {
  return new EngineError('JOB_INVALID', `-D ${key}=${value} is no value of that key`, {hint});
}
