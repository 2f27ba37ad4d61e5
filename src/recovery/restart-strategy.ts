// After a failed deployment: restart, when, or give up. Flink's four strategies with its options, and
// two rules of ours that stand above them: some errors never go away by a restart, and one that ends
// three deployments in a row is final. An immutable state machine; time and randomness are arguments.

import {EngineError, systemErrorCode, type ErrorCode} from '../base/errors.ts';
import type {RestartStrategySpec} from '../job/job-spec.ts';

/** Deployments in a row that the same record or storage error may end; a completed checkpoint breaks the row. */
export const SAME_FAILURE_MAX = 3;

/** Whose repetition says that the next deployment ends the same way. */
const COUNTED: readonly ErrorCode[] = ['RECORD_FAILED', 'USER_CODE_FAILED', 'STORAGE_FAILED'];

/** Does another deployment have a chance? `final`: the same would happen again, or nobody may try. */
const RETRY: Readonly<Record<ErrorCode, 'retry' | 'final'>> = {
  UNEXPECTED: 'retry',
  JOB_FAILED: 'retry',
  STORAGE_FAILED: 'retry',
  TIMED_OUT: 'retry',
  USER_CODE_FAILED: 'retry',
  RECORD_FAILED: 'final',
  CHECKPOINT_DAMAGED: 'final',
  SOURCE_LOST_DATA: 'final',
  COMMIT_UNDECIDED: 'final',
  OUTPUT_AHEAD: 'final',
  ALREADY_RUNNING: 'final',
  FENCED: 'final',
  INCOMPATIBLE: 'final',
  REFUSED: 'final',
  NOT_FOUND: 'final',
  INCOMPLETE: 'final',
  JOB_INVALID: 'final',
  USAGE: 'final',
  INTERRUPTED: 'final',
  TERMINATED: 'final',
};

export interface DeploymentFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Equal for what is the same failure again: the same record, the same storage error. */
  readonly fingerprint: string;
  /** Whether a checkpoint was published cannot be known: only the next run, behind its fence, can tell. */
  readonly undecided: boolean;
}

export interface RestartState {
  readonly strategy: RestartStrategySpec;
  /** Restarts so far; of exponential-delay: since its last reset. */
  readonly attempts: number;
  /** Monotonic milliseconds; null: no restart was planned yet. */
  readonly plannedAt: number | null;
  /** Of failure-rate: failures within its interval, oldest first. */
  readonly failureTimes: readonly number[];
  readonly lastFingerprint: string | null;
  readonly sameFailures: number;
}

export type RestartDecision =
  /** `at`: monotonic milliseconds. */
  | {readonly kind: 'restart'; readonly at: number; readonly attempt: number}
  | {readonly kind: 'give-up'; readonly why: string};

export interface RestartStep {
  readonly state: RestartState;
  readonly decision: RestartDecision;
}

export function startRestarts(strategy: RestartStrategySpec): RestartState {
  return {
    strategy,
    attempts: 0,
    plannedAt: null,
    failureTimes: [],
    lastFingerprint: null,
    sameFailures: 0,
  };
}

/** The deployment came further than the last: what fails after it is not the same failure in a row. */
export function checkpointCompleted(state: RestartState): RestartState {
  return {...state, lastFingerprint: null, sameFailures: 0};
}

/** `random`: in [0, 1), for the jitter. */
export function decideRestart(
  state: RestartState,
  failure: DeploymentFailure,
  now: number,
  random: number,
): RestartStep {
  if (RETRY[failure.code] === 'final') {
    return {state, decision: {kind: 'give-up', why: `${failure.code} is not retried`}};
  }
  if (failure.undecided) {
    return giveUp(state, 'whether the last checkpoint was published only the next run can tell');
  }
  // One failure often makes several tasks fail: until the planned restart they are one attempt.
  if (state.plannedAt !== null && now < state.plannedAt) {
    return {state, decision: {kind: 'restart', at: state.plannedAt, attempt: state.attempts}};
  }
  const counted = COUNTED.includes(failure.code)
    ? countSame(state, failure.fingerprint)
    : {...state, lastFingerprint: null, sameFailures: 0};
  if (counted.sameFailures >= SAME_FAILURE_MAX) {
    const why = `the same failure ended ${SAME_FAILURE_MAX} deployments in a row`;
    return {state: counted, decision: {kind: 'give-up', why}};
  }
  return byStrategy(counted, now, random);
}

function countSame(state: RestartState, fingerprint: string): RestartState {
  const again = fingerprint === state.lastFingerprint;
  return {
    ...state,
    lastFingerprint: fingerprint,
    sameFailures: again ? state.sameFailures + 1 : 1,
  };
}

function byStrategy(state: RestartState, now: number, random: number): RestartStep {
  const {strategy} = state;
  switch (strategy.type) {
    case 'none':
      return giveUp(state, 'the restart strategy is none');
    case 'fixed-delay':
      if (state.attempts >= strategy.attempts) {
        return giveUp(state, `restarted ${state.attempts} times, as often as fixed-delay allows`);
      }
      return restart(state, now + strategy.delayMillis);
    case 'failure-rate': {
      const {intervalMillis, maxFailuresPerInterval, delayMillis} = strategy;
      const recent = state.failureTimes.filter((time) => now - time <= intervalMillis);
      const failureTimes = [...recent, now];
      if (failureTimes.length > maxFailuresPerInterval) {
        const why = `${failureTimes.length} failures within ${intervalMillis} ms, failure-rate allows ${maxFailuresPerInterval}`;
        return giveUp({...state, failureTimes}, why);
      }
      return restart({...state, failureTimes}, now + delayMillis);
    }
    case 'exponential-delay': {
      const {plannedAt} = state;
      const quiet = plannedAt !== null && now - plannedAt >= strategy.resetThresholdMillis;
      const attempts = quiet ? 0 : state.attempts;
      const limit = strategy.attemptsBeforeReset;
      if (limit !== null && attempts >= limit) {
        return giveUp(state, `restarted ${attempts} times without a quiet time between`);
      }
      return restart({...state, attempts}, now + backoffMillis(strategy, attempts, random));
    }
  }
}

/** initial × multiplier^attempts, plus or minus the jitter, never outside [initial, max]. */
export function backoffMillis(
  strategy: Extract<RestartStrategySpec, {type: 'exponential-delay'}>,
  attempts: number,
  random: number,
): number {
  const {initialBackoffMillis, maxBackoffMillis, multiplier, jitterFactor} = strategy;
  // The power may be infinite; the smaller of the two is not.
  const wait = Math.min(initialBackoffMillis * multiplier ** attempts, maxBackoffMillis);
  const jittered = wait + wait * jitterFactor * (2 * random - 1);
  return Math.round(Math.min(Math.max(jittered, initialBackoffMillis), maxBackoffMillis));
}

function restart(state: RestartState, at: number): RestartStep {
  const attempt = state.attempts + 1;
  return {
    state: {...state, attempts: attempt, plannedAt: at},
    decision: {kind: 'restart', at, attempt},
  };
}

function giveUp(state: RestartState, why: string): RestartStep {
  return {state, decision: {kind: 'give-up', why}};
}

/** What ended a deployment, in the words of the rules above. */
export function failureOf(thrown: unknown): DeploymentFailure {
  if (!(thrown instanceof EngineError)) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const fingerprint = uniqueFingerprint('UNEXPECTED', message);
    return {code: 'UNEXPECTED', message, fingerprint, undecided: false};
  }
  const {code, message, details} = thrown;
  const undecided = code === 'STORAGE_FAILED' && details.facts?.['outcome'] === 'undecided';
  return {code, message, fingerprint: fingerprintOf(thrown), undecided};
}

function fingerprintOf({code, message, details}: EngineError): string {
  if (code !== 'STORAGE_FAILED') return uniqueFingerprint(code, message);
  // Paths carry the generation and the checkpoint, which differ each time: the system's word counts.
  const system = systemErrorCode(details.cause) ?? details.facts?.['errno'];
  return `${code}: ${typeof system === 'string' ? system : withoutNumbers(message)}`;
}

function uniqueFingerprint(code: ErrorCode, message: string): string {
  return `${code}: ${message}`;
}

function withoutNumbers(message: string): string {
  return message.replaceAll(/[0-9]+/g, '#');
}
