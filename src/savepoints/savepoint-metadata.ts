import {
  CANONICAL_FEATURE,
  type CheckpointMetadata,
  type FileState,
  type SavepointFormat,
} from '../checkpoint/checkpoint-metadata.ts';

/**
 * What a savepoint says of itself: what its checkpoint said, without what that still had to commit. It was committed
 * before the savepoint was begun, so that the savepoint depends on no directory of a sink and can be moved.
 *
 * `written`: the handle of each state file in the savepoint, by its path.
 */
export function savepointMetadata(
  checkpoint: CheckpointMetadata,
  format: SavepointFormat,
  written: ReadonlyMap<string, FileState>,
): CheckpointMetadata {
  const {requiredFeatures} = checkpoint;
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
          .map((state) => (state.location === 'file' ? written.get(state.path)! : state)),
      })),
    })),
  };
}
