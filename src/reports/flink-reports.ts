// What `checkpoint inspect` and `copy` tell of, and do with, a checkpoint or savepoint that Apache Flink wrote.

import {resolve} from 'node:path';
import {EngineError} from '../base/errors.ts';
import {systemRandom} from '../base/random.ts';
import {shellWord} from '../base/shell-word.ts';
import {copyFlinkDirectory} from '../inspection/flink/copy-flink-directory.ts';
import {requireFree} from '../storage/require-free.ts';
import {
  inspectFlinkDirectory,
  type FlinkCheckpointDetails,
} from '../inspection/flink/inspect-flink-directory.ts';
import {planFlinkCopy} from '../inspection/flink/plan-flink-copy.ts';
import {isFlinkDirectory} from '../inspection/flink/read-flink-directory.ts';
import type {Environment} from '../runtime/run-types.ts';
import type {CopyOptions} from './copy-report.ts';
import {refuseFlinkFlags, watchedMaps} from './path-maps.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {systemProcessTable} from '../storage/process-table.ts';

export type {FlinkCheckpointDetails};

export interface FlinkInspectOptions {
  readonly environment: Environment;
  /** `FROM=TO`: where files are looked for that have moved. */
  readonly maps: readonly string[];
  /** Of operators: their ids are looked for. */
  readonly uids: readonly string[];
  /** A job file, for the uids in it; null: none. */
  readonly job: string | null;
  /** What was given and changed nothing. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** `directory`: absolute, of a checkpoint. Null: Flink did not write it; USAGE when `maps` or `uids` are given then. */
export async function inspectFlink(
  directory: string,
  options: FlinkInspectOptions,
): Promise<FlinkCheckpointDetails | null> {
  const {uids, job, environment} = options;
  if (!(await isFlinkDirectory(files, directory))) {
    refuseFlinkFlags(directory, {'--map': options.maps, '--uid': uids});
    return null;
  }
  const {maps, unused} = watchedMaps(options.maps);
  const named = job === null ? uids : [...uids, ...(await uidsIn(job, environment))];
  const details = await inspectFlinkDirectory({files, directory, maps, uids: named});
  for (const text of unused()) options.onWarning?.(text);
  return details;
}

export interface FlinkCopied {
  readonly id: number;
  /** Absolute, as `path`. */
  readonly from: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** References that were absolute paths and are names beside `_metadata` in the copy. */
  readonly relocated: number;
  readonly selfContained: true;
}

/** `target`: relative to the working directory; must not be there. Null: Flink did not write `directory`; USAGE with `maps` then. */
export async function copyFlink(
  directory: string,
  target: string,
  options: {
    readonly maps: readonly string[];
    readonly abort?: AbortSignal | undefined;
    readonly onProgress?: CopyOptions['onProgress'];
    readonly onWarning?: ((text: string) => void) | undefined;
  },
): Promise<FlinkCopied | null> {
  if (!(await isFlinkDirectory(files, directory))) {
    refuseFlinkFlags(directory, {'--map': options.maps});
    return null;
  }
  const {maps, unused} = watchedMaps(options.maps);
  const plan = await planFlinkCopy({files, directory, maps});
  for (const text of unused()) options.onWarning?.(text);
  const path = resolve(target);
  await requireFree(files, path, plan.checkpointId);
  let bytesDone = 0;
  const onProgress = (bytes: number): void => {
    bytesDone += bytes;
    options.onProgress?.(bytesDone, plan.bytes);
  };
  await copyFlinkDirectory({
    ...{files, plan, target: path, onProgress, abort: options.abort},
    ...{random: systemRandom.hex(6), processes: systemProcessTable},
  });
  const {checkpointId: id, source: from, pieces, bytes, relocated} = plan;
  if (plan.isIncremental) options.onWarning?.(CLAIMED_COPY);
  return {id, from, path, files: pieces.length + 1, bytes, relocated, selfContained: true};
}

/** FLINK-39964: such handles are names beside `_metadata`, and Flink writes them into checkpoints in other directories. */
const CLAIMED_COPY =
  'the copy has state of RocksDB, or a log of changes: let Flink restore it with NO_CLAIM; a job that claims it may write checkpoints that name its files in the wrong place, and cannot be restored';

async function uidsIn(path: string, environment: Environment): Promise<readonly string[]> {
  // Only now: the engine is most of what an inspection would otherwise load.
  const {readJob} = await import('../engine.ts');
  const loaded = await readJob(path, {flink: [], set: []}, environment);
  if (loaded.kind === 'ok') {
    const {sources, steps, sinks} = loaded.job;
    return [...sources, ...steps, ...sinks].map(({uid}) => uid);
  }
  throw new EngineError(
    'JOB_INVALID',
    `${path} is no valid job file: ${loaded.findings[0]?.message ?? ''}`,
    {file: path, hint: `see every finding: tidemark validate ${shellWord(path)}`},
  );
}
