// Chooses how a run starts, verifies the checkpoint that was chosen, and chooses again when it is
// damaged: until the decision needs none, or rests on one of which every byte was checked. The same for the
// checkpoint that a refusal names as the newest good one.

import {
  chooseStart,
  type StartDecision,
  type StartFacts,
  type StartRequest,
} from './choose-start.ts';
import type {CheckpointFacts, CompleteCheckpoint} from './facts.ts';
import type {Verification, VerifiedCheckpoint} from './verify-checkpoint.ts';

export interface VerifiedStart {
  readonly decision: StartDecision;
  /** What the decision rests on; null: on no checkpoint. */
  readonly checkpoint: VerifiedCheckpoint | null;
  /** With the damage that was found: settlement must know of it too. */
  readonly facts: StartFacts;
}

export async function chooseVerifiedStart(
  facts: StartFacts,
  request: StartRequest,
  verify: (checkpoint: CompleteCheckpoint) => Promise<Verification>,
): Promise<VerifiedStart> {
  const decision = chooseStart(facts, request);
  const chosen = chosenCheckpoint(decision);
  // What a refusal calls good is good: somebody will go on from it.
  const named = chosen ?? namedAsGood(facts, decision);
  if (named === null) return {decision, checkpoint: null, facts};
  const verification = await verify(named);
  if (verification.kind === 'verified') {
    return {decision, checkpoint: chosen === null ? null : verification.checkpoint, facts};
  }
  // Each round turns one complete checkpoint into a damaged one, so this ends.
  const damaged = verification.facts;
  return chooseVerifiedStart(withDamage(facts, damaged), requestWith(request, damaged), verify);
}

/** The checkpoint that a start rests on; null: none. */
export function chosenCheckpoint(decision: StartDecision): CompleteCheckpoint | null {
  switch (decision.kind) {
    case 'fresh':
    case 'refuse':
      return null;
    case 'restored':
    case 'finish-only':
      return decision.checkpoint;
    case 'resumed':
      return decision.from.kind === 'fresh-origin' ? null : decision.from.checkpoint;
  }
}

function namedAsGood(facts: StartFacts, decision: StartDecision): CompleteCheckpoint | null {
  if (decision.kind !== 'refuse' || decision.newestGood === null) return null;
  const {newestGood} = decision;
  const named = facts.checkpoints.find(({id}) => id === newestGood);
  return named?.state === 'complete' ? named : null;
}

function withDamage(facts: StartFacts, damaged: CheckpointFacts): StartFacts {
  const replace = (it: CheckpointFacts): CheckpointFacts =>
    it.path === damaged.path ? damaged : it;
  return {
    ...facts,
    checkpoints: facts.checkpoints.map(replace),
    origin: facts.origin === null ? null : replace(facts.origin),
  };
}

function requestWith(request: StartRequest, damaged: CheckpointFacts): StartRequest {
  const {start} = request;
  if (start.kind !== 'restore' || start.checkpoint?.path !== damaged.path) return request;
  return {...request, start: {...start, checkpoint: damaged}};
}
