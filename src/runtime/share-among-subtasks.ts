import type {Clock} from '../base/clock.ts';
import type {SourceConnector} from '../connectors/connector.ts';
import {shareSplits} from '../connectors/share-splits.ts';
import {buildExecutionGraph} from '../graph/execution-graph.ts';
import {buildStreamGraph} from '../graph/stream-graph.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {CompleteCheckpoint} from '../recovery/facts.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {allocateMemory} from './deployment-memory.ts';
import {newBuckets} from './rate-limit.ts';
import type {Deployment} from './task-messages.ts';

export interface SharingOptions {
  readonly job: JobSpec;
  readonly files: FileSystem;
  /** By the names that job files use. */
  readonly sources: ReadonlyMap<string, SourceConnector>;
  readonly clock: Clock;
}

/** What all subtasks of one deployment have in common; made anew for each deployment. */
export async function shareAmongSubtasks(
  {job, files, sources, clock}: SharingOptions,
  restored: CompleteCheckpoint | null,
  warn: (message: string) => void,
): Promise<
  | {
      readonly kind: 'shared';
      readonly parts: Pick<Deployment, 'sharedSplits' | 'rateLimits' | 'memory'>;
    }
  | {readonly kind: 'failed'; readonly error: unknown}
> {
  try {
    const operators = restored?.metadata.operators ?? [];
    const options = {job, connectors: sources, files, restored: operators, warn};
    const sharedSplits = await shareSplits(options);
    const rateLimits = newBuckets(job, clock.monotonicMillis());
    const graph = buildExecutionGraph(buildStreamGraph(job));
    const memory = allocateMemory(graph, job.parallelism);
    return {kind: 'shared', parts: {sharedSplits, rateLimits, memory}};
  } catch (error) {
    return {kind: 'failed', error};
  }
}
