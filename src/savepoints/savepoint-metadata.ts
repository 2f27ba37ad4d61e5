import {
  CANONICAL_FEATURE,
  type CheckpointMetadata,
  type FileState,
  ROCKSDB_FEATURE,
  type SavepointFormat,
  type StateHandle,
} from '../checkpoint/checkpoint-metadata.ts';

/**
 * What a savepoint says of itself: what its checkpoint said, without what that still had to commit. It was committed
 * before the savepoint was begun, so that the savepoint depends on no directory of a sink and can be moved.
 *
 * `written`: by the path of each state file of the checkpoint what it became in the savepoint.
 */
export function savepointMetadata(
  checkpoint: CheckpointMetadata,
  format: SavepointFormat,
  written: ReadonlyMap<string, readonly FileState[]>,
): CheckpointMetadata {
  const {requiredFeatures} = checkpoint;
  const isCanonical = format === 'canonical' || requiredFeatures.includes(CANONICAL_FEATURE);
  const dropped = [CANONICAL_FEATURE, ...(format === 'canonical' ? [ROCKSDB_FEATURE] : [])];
  const kept = requiredFeatures.filter((feature) => !dropped.includes(feature));
  return {
    ...checkpoint,
    kind: 'savepoint',
    requiredFeatures: isCanonical ? [...kept, CANONICAL_FEATURE] : kept,
    savepointTarget: null,
    operators: checkpoint.operators.map((operator) => ({
      ...operator,
      subtasks: operator.subtasks.map((subtask) => ({
        ...subtask,
        states: subtask.states
          .filter(({kind}) => kind !== 'committables')
          .flatMap((state): readonly StateHandle[] =>
            state.location === 'file' ? written.get(state.path)! : [state],
          ),
      })),
    })),
  };
}
