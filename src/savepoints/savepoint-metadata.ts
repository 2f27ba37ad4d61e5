import {
  CANONICAL_FEATURE,
  SHARED_FEATURE,
  type CheckpointMetadata,
  type FileState,
  type SavepointFormat,
} from '../checkpoint/checkpoint-metadata.ts';

/**
 * What a savepoint says of itself: what its checkpoint said, without what that still had to commit. It was committed
 * before the savepoint was begun, so that the savepoint depends on no directory of a sink and can be moved.
 *
 * `written`: the handle in the savepoint for each handle of a state file in the checkpoint.
 */
export function savepointMetadata(
  checkpoint: CheckpointMetadata,
  format: SavepointFormat,
  written: ReadonlyMap<FileState, FileState>,
): CheckpointMetadata {
  // It refers to nothing outside itself.
  const requiredFeatures = checkpoint.requiredFeatures.filter((name) => name !== SHARED_FEATURE);
  const isConverted = format === 'canonical' && !requiredFeatures.includes(CANONICAL_FEATURE);
  return {
    ...checkpoint,
    kind: 'savepoint',
    requiredFeatures: isConverted ? [...requiredFeatures, CANONICAL_FEATURE] : requiredFeatures,
    savepointTarget: null,
    operators: checkpoint.operators.map((operator) => ({
      ...operator,
      subtasks: operator.subtasks.map((subtask) => ({
        ...subtask,
        states: subtask.states
          .filter(({kind}) => kind !== 'committables')
          .map((state) => (state.location === 'file' ? written.get(state)! : state)),
      })),
    })),
  };
}
