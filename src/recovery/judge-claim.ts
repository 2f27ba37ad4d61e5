// Who owns what a run begins from: RELIABILITY "Claim". Pure; the storage room reads and writes `claimed-by`.
// Promises, held by the tests:
//  (O1) what another job directory or lineage claimed is never restored: it may be deleted at any moment
//  (O2) a claim that was written and whose lineage never began is gone on with, not refused: else a crash between the
//       two would leave a savepoint that nobody can use

import type {ClaimFacts} from './facts.ts';
import type {StartsWork} from './plan-settlement.ts';

export interface ClaimRequest {
  /** Of the checkpoint that the start rests on, wherever that lies; null: nobody claimed it. */
  readonly claim: ClaimFacts | null;
  readonly jobDirectory: string;
  /** Every lineage with a record in this job directory. */
  readonly knownLineages: ReadonlySet<string>;
  readonly start: StartsWork;
}

export type ClaimDecision =
  /** Under this id, if one is named: its claim is there already. */
  {readonly kind: 'go-on'; readonly newLineage: string | null} | {readonly kind: 'refuse'};

export function judgeClaim(request: ClaimRequest): ClaimDecision {
  const {claim, jobDirectory, knownLineages, start} = request;
  if (claim === null) return {kind: 'go-on', newLineage: null};
  if (claim.jobDirectory !== jobDirectory) return {kind: 'refuse'};
  if ('lineage' in start) {
    return claim.lineage === start.lineage ? {kind: 'go-on', newLineage: null} : {kind: 'refuse'};
  }
  const neverBegan = !knownLineages.has(claim.lineage);
  return start.kind === 'restored' && start.claimed && neverBegan
    ? {kind: 'go-on', newLineage: claim.lineage}
    : {kind: 'refuse'};
}
