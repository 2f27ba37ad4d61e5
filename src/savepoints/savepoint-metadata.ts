import {
  CANONICAL_FEATURE,
  COMPRESSION_FEATURES,
  featuresOf,
  type CheckpointMetadata,
  type FileState,
  type SavepointFormat,
} from '../checkpoint/checkpoint-metadata.ts';

/** Those that follow from the form of the state files, which a savepoint may have in another. */
const FILE_FEATURES: ReadonlySet<string> = new Set([CANONICAL_FEATURE, ...COMPRESSION_FEATURES]);

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
  const isCanonical = format === 'canonical' || requiredFeatures.includes(CANONICAL_FEATURE);
  const compressions = featuresOf([...written.values()]);
  return {
    ...checkpoint,
    kind: 'savepoint',
    requiredFeatures: [
      ...requiredFeatures.filter((feature) => !FILE_FEATURES.has(feature)),
      ...(isCanonical ? [CANONICAL_FEATURE] : []),
      ...compressions,
    ],
    compression: compressions.length === 0 ? 'none' : checkpoint.compression,
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
