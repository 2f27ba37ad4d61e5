import {
  CANONICAL_FEATURE,
  FORM_FEATURES,
  formFeaturesOf,
  SHARED_FEATURE,
  type CheckpointMetadata,
  type FileState,
  type SavepointFormat,
  type StateHandle,
} from '../checkpoint/checkpoint-metadata.ts';

/** Those that follow from where the state files lie and what form they have; a savepoint may have others. */
const FILE_FEATURES: ReadonlySet<string> = new Set([
  CANONICAL_FEATURE,
  SHARED_FEATURE,
  ...FORM_FEATURES,
]);

/**
 * What a savepoint says of itself: what its checkpoint said, without what that still had to commit. It was committed
 * before the savepoint was begun, so that the savepoint depends on no directory of a sink and can be moved.
 *
 * `written`: what each handle of a state file in the checkpoint became in the savepoint; nothing: what that file held went
 * into another one.
 */
export function savepointMetadata(
  checkpoint: CheckpointMetadata,
  format: SavepointFormat,
  written: ReadonlyMap<FileState, readonly FileState[]>,
): CheckpointMetadata {
  const {requiredFeatures} = checkpoint;
  const isCanonical = format === 'canonical' || requiredFeatures.includes(CANONICAL_FEATURE);
  const forms = formFeaturesOf([...written.values()].flat());
  return {
    ...checkpoint,
    kind: 'savepoint',
    requiredFeatures: [
      ...requiredFeatures.filter((feature) => !FILE_FEATURES.has(feature)),
      ...(isCanonical ? [CANONICAL_FEATURE] : []),
      ...forms,
    ],
    incremental: forms.includes('state-deltas'),
    compression: forms.some((form) => form.startsWith('compression-'))
      ? checkpoint.compression
      : 'none',
    savepointTarget: null,
    operators: checkpoint.operators.map((operator) => ({
      ...operator,
      subtasks: operator.subtasks.map((subtask) => ({
        ...subtask,
        states: subtask.states
          .filter(({kind}) => kind !== 'committables')
          .flatMap((state): readonly StateHandle[] =>
            state.location === 'file' ? (written.get(state) ?? []) : [state],
          ),
      })),
    })),
  };
}
