// The door's part about checkpoints on disk: index.ts hands all of it on.

import type {ErrorCode} from './base/errors.ts';
import type {CheckpointList} from './reports/list-report.ts';
import type {VerifyLevel, VerifyRequest, VerifySummary} from './reports/verify-report.ts';
import type {
  FlinkCheckpointDetails,
  FlinkCopied,
  FlinkInspectOptions,
} from './reports/flink-reports.ts';
import type {ScannedRows} from './inspection/state/scan-state.ts';
import type {ExportedCheckpoint, ExportRequest, StateRequest} from './reports/state-reports.ts';
import type {CopyOptions, CopyReport} from './reports/copy-report.ts';
import type {DiffReport} from './reports/diff-report.ts';
import type {CheckpointDetails, InspectReport} from './reports/inspect-report.ts';
import type {PruneReport, PruneRequest} from './reports/prune-report.ts';
import type {Environment} from './runtime/run-types.ts';

export type {CheckpointState, CheckpointListItem, CheckpointList} from './reports/list-report.ts';
export type {
  VerifyCounts,
  VerifyLevel,
  VerifyEvent,
  VerifySummary,
} from './reports/verify-report.ts';

export const VERIFY_LEVELS = [
  'manifest',
  'checksum',
  'decode',
  'restore',
] as const satisfies VerifyLevel[];

/** `target`: a job file, a job's checkpoint directory, or a directory that holds some. */
export async function listCheckpoints(
  target: string,
  options: {readonly environment: Environment; readonly maps?: readonly string[] | undefined},
): Promise<CheckpointList> {
  const reports = await import('./reports/list-report.ts');
  return reports.listCheckpoints(target, options);
}

export type {PruneReason, PruneReport, PruneRequest} from './reports/prune-report.ts';

/** `target`: as of `listCheckpoints`. CHECKPOINT_DAMAGED, and nothing is deleted, while a `_metadata` cannot be read. */
export async function pruneCheckpoints(
  target: string,
  request: PruneRequest,
): Promise<PruneReport> {
  const {pruneCheckpoints: prune} = await import('./reports/prune-report.ts');
  return prune(target, request);
}

export type {CopyReport} from './reports/copy-report.ts';

/** The copy exists whole, or not at all. REFUSED when something is at `to`. */
export async function copyCheckpoint(
  ref: string,
  to: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const {copyReport} = await import('./reports/copy-report.ts');
  return copyReport(ref, to, options);
}

export type {CheckpointDetails, InspectReport};

/** One checkpoint, without opening its state files; `job`: a job file, and would it go on from there. Never writes. */
export async function inspectCheckpoint(
  ref: string,
  options: {
    readonly environment: Environment;
    readonly job: string | null;
    readonly describePositions: boolean;
  },
): Promise<InspectReport> {
  const {inspectReport} = await import('./reports/inspect-report.ts');
  return inspectReport(ref, options);
}

/** Which error the findings of an inspection make together, as `verifyCheckpoints` has it; null: they are hints, or none. */
export async function findingsError(
  findings: CheckpointDetails['findings'],
): Promise<ErrorCode | null> {
  const reports = await import('./reports/inspect-report.ts');
  return reports.findingsError(findings);
}

/**
 * Reads everything that `refs` name (a job's file or directory: all its checkpoints) and reports all
 * damage, not the first. Never writes.
 */
export async function verifyCheckpoints(
  refs: readonly string[],
  options: VerifyRequest,
): Promise<VerifySummary> {
  const reports = await import('./reports/verify-report.ts');
  return reports.verifyCheckpoints(refs, options);
}

export type {
  FlinkCheckpointDetails,
  FlinkCopied,
  FlinkInspectOptions,
} from './reports/flink-reports.ts';

/** What is in a checkpoint of Apache Flink; null: another program wrote it. `directory`: as `resolveCheckpoint` gives it. */
export async function inspectFlinkCheckpoint(
  directory: string,
  options: FlinkInspectOptions,
): Promise<FlinkCheckpointDetails | null> {
  const reports = await import('./reports/flink-reports.ts');
  return reports.inspectFlink(directory, options);
}

/**
 * Copies a checkpoint of Apache Flink to `target`, where it needs nothing of the original and may be moved; null: another
 * program wrote it, and nothing was done.
 */
export async function copyFlinkCheckpoint(
  directory: string,
  target: string,
  options: {
    readonly maps: readonly string[];
    readonly abort?: AbortSignal | undefined;
    readonly onProgress?: CopyOptions['onProgress'];
    readonly onWarning?: ((text: string) => void) | undefined;
  },
): Promise<FlinkCopied | null> {
  const reports = await import('./reports/flink-reports.ts');
  return reports.copyFlink(directory, target, options);
}

export type {DiffReport} from './reports/diff-report.ts';

/** What is different in two checkpoints, by their REFs; of rows at most `rowsMax` are told. Never writes. */
export async function diffCheckpoints(
  from: string,
  to: string,
  options: {readonly environment: Environment; readonly rowsMax: number},
): Promise<DiffReport> {
  const {diffReport} = await import('./reports/diff-report.ts');
  return diffReport(from, to, options);
}

export type {StateRequest} from './reports/state-reports.ts';
export type {ScannedRows} from './inspection/state/scan-state.ts';

export type {ExportedCheckpoint, ExportRequest} from './reports/state-reports.ts';

export const EXPORT_FORMATS = [
  'ndjson',
  'csv',
  'parquet',
] as const satisfies ExportRequest['format'][];

/** Writes the state of a checkpoint to a directory that is made; REFUSED when it is there and not empty. */
export async function exportCheckpoint(
  ref: string,
  request: ExportRequest,
  options: {readonly environment: Environment},
): Promise<ExportedCheckpoint> {
  const reports = await import('./reports/state-reports.ts');
  return reports.exportCheckpoint(ref, request, options.environment);
}

/** Rows of the keyed states of a checkpoint, by a REF. */
export async function* scanState(
  ref: string,
  request: StateRequest,
  options: {readonly environment: Environment},
): AsyncGenerator<ScannedRows> {
  const reports = await import('./reports/state-reports.ts');
  yield* reports.scanState(ref, request, options.environment);
}

/** `keyText`: the key, as typed. */
export async function* getState(
  ref: string,
  request: Omit<StateRequest, 'limit' | 'key'> & {readonly keyText: string},
  options: {readonly environment: Environment},
): AsyncGenerator<ScannedRows> {
  const reports = await import('./reports/state-reports.ts');
  yield* reports.getState(ref, request, options.environment);
}
