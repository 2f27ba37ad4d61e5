// From what the storage room read to the facts that recovery decides over. No decision is made here.

import type {CheckpointState} from '../storage/derive-checkpoint-state.ts';
import {ERROR_OF_FINDING} from '../storage/finding.ts';
import type {ListedCheckpoint} from '../storage/list-checkpoints.ts';
import type {GenerationHistory, JobHistory} from '../storage/read-history.ts';
import type {CheckpointFacts, GenerationFacts, JobDirectoryFacts} from './facts.ts';

/** Key of the end record's facts under which `stop` puts its savepoint's path. */
export const SAVEPOINT_FACT = 'savepoint';
/** True when the windows of the run were flushed before it stopped. */
export const DRAINED_FACT = 'drained';

export function directoryFacts(
  jobName: string,
  history: JobHistory,
  listed: readonly ListedCheckpoint[],
): JobDirectoryFacts {
  return {
    jobName,
    generations: history.generations.map(generationFacts),
    checkpoints: listed
      .flatMap(({checkpointId, path, state}) => checkpointFacts(checkpointId, path, state) ?? [])
      .toSorted((left, right) => left.id - right.id),
  };
}

function generationFacts(history: GenerationHistory): GenerationFacts {
  const {generation, owner, lineage, published, settled, claimed, end} = history;
  const savepoint = end?.facts[SAVEPOINT_FACT];
  return {
    generation,
    // Only a run has a lineage; a damaged record without one says nothing, and counts as nothing.
    kind: owner?.kind ?? 'run',
    runId: owner?.runId ?? null,
    lineage,
    published,
    settled,
    claimed,
    end:
      end === null
        ? null
        : {
            how: end.how,
            savepoint: typeof savepoint === 'string' ? savepoint : null,
            drained: end.facts[DRAINED_FACT] === true,
          },
  };
}

/** Null: no checkpoint of ours (another program's, or deleted while it was read). */
export function checkpointFacts(
  id: number,
  path: string,
  state: CheckpointState,
): CheckpointFacts | null {
  switch (state.kind) {
    case 'complete': {
      const {metadata, metadataSha256} = state;
      return {state: 'complete', id, path, metadata, metadataSha256};
    }
    case 'damaged':
      return damagedFacts(id, path, state);
    case 'incomplete':
    case 'incompatible': {
      const damage = state.findings[0]?.message ?? `it is ${state.kind}`;
      return {state: state.kind, id, path, metadata: null, damage};
    }
    case 'foreign':
    case 'gone':
    case 'in-progress':
      return null;
  }
}

function damagedFacts(
  id: number,
  path: string,
  {findings, readable}: Extract<CheckpointState, {kind: 'damaged'}>,
): CheckpointFacts {
  // A copy of another checkpoint under this one's name says nothing of this one.
  const read = readable?.metadata ?? null;
  const metadata = read?.checkpointId === id ? read : null;
  const refusal = findings.find(({code}) => ERROR_OF_FINDING[code] === 'REFUSED');
  const damage = (refusal ?? findings[0])?.message ?? 'it is damaged';
  return {state: refusal === undefined ? 'damaged' : 'refused', id, path, metadata, damage};
}
