// Verifies checkpoints one after another and streams what it finds. Never writes, never stops at the first.

import type {Clock} from '../base/clock.ts';
import {EngineError, systemErrorCode, type ErrorCode} from '../base/errors.ts';
import {
  checkCheckpoint,
  type CheckLevel,
  type CheckOptions,
  type CheckResult,
} from '../storage/check-checkpoint.ts';
import {readMetadata, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {Finding} from '../storage/finding.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {checkFlinkDirectory} from './flink/check-flink-directory.ts';
import type {PathMap} from './flink/locate-file.ts';
import {isFlinkDirectory} from './flink/read-flink-directory.ts';

export interface VerifyOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  /** Absolute paths of checkpoints: what `resolveReference` gives. */
  readonly directories: readonly string[];
  readonly level: CheckLevel;
  /** Where files of a checkpoint of Flink are looked for that have moved. */
  readonly maps?: readonly PathMap[] | undefined;
  /** `directory`: of the checkpoint that it concerns, also when the file lies in `shared/`. */
  readonly onFinding: (finding: Finding, directory: string) => void;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
  readonly bytes_done: number;
  /** Of the checkpoints whose metadata was read so far. */
  readonly bytes_total: number;
}

/** As the last line of `checkpoint verify --json`. */
export interface VerifySummary {
  readonly level: CheckLevel;
  readonly checkpoints: number;
  readonly files: number;
  readonly bytes: number;
  readonly errors: number;
  readonly hints: number;
  readonly verdict: 'ok' | 'damaged' | 'incomplete';
  readonly duration_ms: number;
}

export interface Verification {
  readonly summary: VerifySummary;
  /** What the exit status says; null: nothing wrong was found. */
  readonly errorCode: ErrorCode | null;
}

/** NOT_FOUND when a directory is not there at the start; one that goes meanwhile is a hint. */
export async function verifyCheckpoints(options: VerifyOptions): Promise<Verification> {
  const begin = options.clock.monotonicMillis();
  const codes = new Set<Finding['code']>();
  const results: CheckResult[] = [];
  const bytesTotal = await bytesToRead(options);
  let bytesDone = 0;
  for (const directory of options.directories) {
    const result = await checkOne(options, directory, {
      onFinding(finding) {
        if (finding.severity === 'error') codes.add(finding.code);
        options.onFinding(finding, directory);
      },
      onProgress(bytes) {
        bytesDone += bytes;
        options.onProgress?.({bytes_done: bytesDone, bytes_total: bytesTotal});
      },
    }).catch((error: unknown) => {
      throw failureOf(directory, error);
    });
    results.push(result);
  }
  const sum = (of: (result: CheckResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    summary: {
      level: options.level,
      checkpoints: results.length,
      files: sum((result) => result.files),
      bytes: sum((result) => result.bytes),
      errors: sum((result) => result.errors),
      hints: sum((result) => result.hints),
      verdict: verdictOf(codes),
      duration_ms: Math.round(options.clock.monotonicMillis() - begin),
    },
    errorCode: errorCodeOf(codes),
  };
}

/** By who wrote it. What Flink wrote has nothing that a deeper level could compare. */
async function checkOne(
  {files, level, maps = []}: VerifyOptions,
  directory: string,
  report: Pick<CheckOptions, 'onFinding' | 'onProgress'>,
): Promise<CheckResult> {
  if (await isFlinkDirectory(files, directory)) {
    return checkFlinkDirectory({files, directory, maps, onFinding: report.onFinding});
  }
  return checkCheckpoint({files, directory, level, ...report});
}

/** Of all state files, by their metadata; 0 for what cannot be read: its findings come later. */
async function bytesToRead(options: VerifyOptions): Promise<number> {
  let bytes = 0;
  for (const directory of options.directories) {
    if ((await statusOrNull(options.files, directory)) === null) throw notThere(directory);
    if (options.level === 'manifest') continue;
    const read = await readMetadata(options.files, directory).catch((error: unknown) => {
      throw failureOf(directory, error);
    });
    if (read.kind !== 'read') continue;
    const {own, shared} = distinctFilesOf(read.metadata);
    bytes += lengthOf(own) + lengthOf(shared);
  }
  return bytes;
}

function failureOf(directory: string, error: unknown): unknown {
  return systemErrorCode(error) === null ? error : storageFailed('reading', directory, error);
}

function notThere(directory: string): EngineError {
  return new EngineError('NOT_FOUND', `no checkpoint at ${directory}`, {
    file: directory,
    hint: 'Run `tidemark checkpoint list DIR` to see what there is.',
  });
}

function verdictOf(codes: ReadonlySet<Finding['code']>): VerifySummary['verdict'] {
  if (codes.size === 0) return 'ok';
  return [...codes].every((code) => CLASSES[code] === 'INCOMPLETE') ? 'incomplete' : 'damaged';
}

/** Damage outweighs what is refused, that what is of another version, that what could not be read. */
function errorCodeOf(codes: ReadonlySet<Finding['code']>): ErrorCode | null {
  const classes = new Set([...codes].map((code) => CLASSES[code]));
  const order: readonly ErrorCode[] = [
    'CHECKPOINT_DAMAGED',
    'REFUSED',
    'INCOMPATIBLE',
    'INCOMPLETE',
  ];
  return order.find((code) => classes.has(code)) ?? null;
}

/** What an error of that code makes of the exit status. Hints are not asked about. */
const CLASSES: Readonly<Record<Finding['code'], ErrorCode>> = {
  'name-refused': 'REFUSED',
  'kind-refused': 'REFUSED',
  'metadata-incompatible': 'INCOMPATIBLE',
  'job-differs': 'INCOMPATIBLE',
  foreign: 'INCOMPATIBLE',
  'file-unreadable': 'INCOMPLETE',
  'file-elsewhere': 'INCOMPLETE',
  'no-checksums': 'INCOMPLETE',
  'paths-moved': 'INCOMPLETE',
  'metadata-missing': 'CHECKPOINT_DAMAGED',
  'metadata-damaged': 'CHECKPOINT_DAMAGED',
  'id-differs': 'CHECKPOINT_DAMAGED',
  'checksums-missing': 'CHECKPOINT_DAMAGED',
  'checksums-differ': 'CHECKPOINT_DAMAGED',
  'file-missing': 'CHECKPOINT_DAMAGED',
  'file-truncated': 'CHECKPOINT_DAMAGED',
  'file-extended': 'CHECKPOINT_DAMAGED',
  'file-too-long': 'CHECKPOINT_DAMAGED',
  'chunk-damaged': 'CHECKPOINT_DAMAGED',
  'digest-differs': 'CHECKPOINT_DAMAGED',
  'chain-broken': 'CHECKPOINT_DAMAGED',
  'extra-file': 'CHECKPOINT_DAMAGED',
  'deleted-meanwhile': 'CHECKPOINT_DAMAGED',
};
