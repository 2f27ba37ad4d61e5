import {runtimeCatalog} from '../catalog.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';

/** Where each source goes on, a line per split; of sources that this version knows. */
export function positionsOf({
  operators,
}: CheckpointMetadata): readonly {readonly operator: string; readonly at: readonly string[]}[] {
  return operators.flatMap(({uid, type, subtasks}) => {
    const [kind, connector = ''] = type.split(':');
    const source = kind === 'source' ? runtimeCatalog.sources.get(connector) : undefined;
    const at = source?.describePosition(uid, subtasks) ?? [];
    return at.length === 0 ? [] : [{operator: uid, at}];
  });
}
