import {must} from '../base/assert.ts';
import type {OperatorMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {SourceConnector} from './connector.ts';
import {newCursor, type SharedSplits} from './shared-splits.ts';

export interface ShareSplitsOptions {
  readonly job: Pick<JobSpec, 'sources' | 'directory'>;
  /** By the names that job files use. */
  readonly connectors: ReadonlyMap<string, SourceConnector>;
  readonly files: FileSystem;
  /** Of the restored checkpoint; empty: fresh. */
  readonly restored: readonly OperatorMetadata[];
  readonly warn: (message: string) => void;
}

/**
 * The splits of every source that shares them out, by its uid. Once per deployment, on the main thread,
 * before any subtask is made: what it returns goes to all of them as it is. Rejects as a source that
 * cannot be opened does: NOT_FOUND, SOURCE_LOST_DATA, CHECKPOINT_DAMAGED, …
 */
export async function shareSplits(
  options: ShareSplitsOptions,
): Promise<ReadonlyMap<string, SharedSplits>> {
  const {job, connectors, files, restored, warn} = options;
  const shared = new Map<string, SharedSplits>();
  for (const source of job.sources) {
    const {uid} = source;
    const connector = must(connectors.get(source.connector), `source ${source.connector}`);
    const plan = await connector.enumerate?.(source, {
      uid,
      files,
      jobDirectory: job.directory,
      restored: restored.find((operator) => operator.uid === uid)?.subtasks ?? [],
      warn,
    });
    if (plan !== undefined && plan !== null) shared.set(uid, {plan, cursor: newCursor()});
  }
  return shared;
}
