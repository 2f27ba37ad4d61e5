// Verifies checkpoints one after another and streams what it finds. Never writes to them, never stops at the first unless it is
// told to, and never says that what it did not read is right.

import type {Clock} from '../base/clock.ts';
import {EngineError, type ErrorCode} from '../base/errors.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import {checkCheckpoint, deletedMeanwhile, type CheckResult} from '../storage/check-checkpoint.ts';
import type {CheckFile} from '../storage/check-file.ts';
import {errorAt, readMetadata, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {ERROR_OF_FINDING, errorCodeOf, type Finding} from '../storage/finding.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {notRead} from '../storage/not-read.ts';
import {openToAll, openToAllMessage} from '../storage/open-to-all.ts';
import {checkFlinkDirectory} from './flink/check-flink-directory.ts';
import {isUnfinishedOfFlink, unfinished} from './flink/unfinished-checkpoint.ts';
import type {PathMap} from './flink/locate-file.ts';
import {isFlinkDirectory} from './flink/read-flink-directory.ts';
import {sampleFiles, type Sample, type SampledFile} from './sample-files.ts';
import type {RestorePlace} from './open-database.ts';
import {bytesToRead, verifyRows} from './verify-rows.ts';

/** Each looks at what those before it look at, too. */
export type VerifyDepth = 'manifest' | 'checksum' | 'decode' | 'restore';

export interface VerifyOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  /** Absolute paths of checkpoints: what `resolveReference` gives. */
  readonly directories: readonly string[];
  /** Of those, what was found in a listing: one that goes meanwhile leaves nothing to be read. None by default. */
  readonly listed?: ReadonlySet<string> | undefined;
  readonly level: VerifyDepth;
  /** Where files of a checkpoint of Flink are looked for that have moved. */
  readonly maps?: readonly PathMap[] | undefined;
  /** Files to be read; all by default. */
  readonly sample?: {readonly of: Sample; readonly seed: number} | undefined;
  /** The first error ends it. */
  readonly failFast?: boolean | undefined;
  /** Directories that every user may write are errors; else hints. */
  readonly strict?: boolean | undefined;
  /** Where files are read, when not in this thread; and how many at once. */
  readonly checkFile?: CheckFile | undefined;
  readonly filesAtOnce?: number | undefined;
  /** For the level restore. */
  readonly place?: RestorePlace | undefined;
  /** Told once, at the start: what was found up to the moment of the call, for whoever is interrupted. */
  readonly onBegin?: ((soFar: () => VerifySummary) => void) | undefined;
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
  readonly level: VerifyDepth;
  readonly checkpoints: number;
  readonly files: number;
  readonly bytes: number;
  /** That were read at the levels decode and restore. */
  readonly rows: number;
  /** State files whose bytes the level asks for, and that were not read; states that were not decoded. */
  readonly skipped: number;
  readonly errors: number;
  readonly hints: number;
  readonly verdict: 'ok' | 'damaged' | 'incomplete';
  readonly duration_ms: number;
}

export interface Verification {
  readonly summary: VerifySummary;
  /** What the exit status says; null: nothing wrong was found. */
  readonly errorCode: ErrorCode | null;
  /** Directories of which something was skipped. */
  readonly incomplete: ReadonlySet<string>;
}

/**
 * NOT_FOUND when a directory that was not `listed` is not there at the start. One that goes meanwhile is a hint; it was skipped
 * when it was not listed. One that cannot be read is a finding, and skipped: the others are looked at.
 */
export async function verifyCheckpoints(options: VerifyOptions): Promise<Verification> {
  const begin = options.clock.monotonicMillis();
  const run = new VerifyRun(options, await planReading(options), begin);
  options.onBegin?.(() => run.soFar());
  for (const directory of options.directories) await run.verify(directory);
  return run.result();
}

/** What is to be read. Of each file no more than its name, and that only where some are chosen: there may be millions. */
interface ReadingPlan {
  /** By directory: how many files `_metadata` names; none of what cannot be read: its findings come later. */
  readonly fileCounts: ReadonlyMap<string, number>;
  /** Ids of those that are read; null: all. */
  readonly chosen: ReadonlySet<string> | null;
  readonly bytesTotal: number;
}

class VerifyRun {
  readonly #options: VerifyOptions;
  readonly #beginMillis: number;
  readonly #plan: ReadingPlan;
  readonly #codes = new Set<Finding['code']>();
  readonly #open = new Set<string>();
  #hints = 0;
  #errors = 0;
  /** Looked at, or being looked at. */
  #checkpoints = 0;
  #fileCount = 0;
  /** Of files that were compared with their checksums. */
  #bytes = 0;
  #bytesDone = 0;
  #rows = 0;
  #skipped = 0;
  readonly #incomplete = new Set<string>();

  constructor(options: VerifyOptions, plan: ReadingPlan, beginMillis: number) {
    this.#options = options;
    this.#beginMillis = beginMillis;
    this.#plan = plan;
  }

  async verify(directory: string): Promise<void> {
    if (this.#isStopped()) {
      this.#skip(directory, Math.max(1, this.#fileCountOf(directory)));
      return;
    }
    this.#checkpoints += 1;
    try {
      await this.#verify(directory);
    } catch (error) {
      const finding = notRead(directory, error);
      if (finding === null) throw error;
      if ((await statusOrNull(this.#options.files, directory).catch(() => true)) === null) {
        this.#report(deletedMeanwhile(directory), directory);
        this.#countAsGone(directory);
        return;
      }
      this.#report(finding, directory);
      this.#skip(directory, Math.max(1, this.#fileCountOf(directory)));
    }
  }

  #fileCountOf(directory: string): number {
    return this.#plan.fileCounts.get(directory) ?? 0;
  }

  async #verify(directory: string): Promise<void> {
    const {files} = this.#options;
    await this.#lookForOpenDirectories(directory);
    if (await isFlinkDirectory(files, directory)) await this.#verifyFlink(directory);
    else if (await isUnfinishedOfFlink(files, directory)) {
      this.#report(unfinished(directory), directory);
      this.#countAsGone(directory);
    } else await this.#verifyOwn(directory);
  }

  async #verifyOwn(directory: string): Promise<void> {
    const {files, level, checkFile, filesAtOnce} = this.#options;
    const named = this.#fileCountOf(directory);
    const result = await checkCheckpoint({
      ...{files, directory, filesAtOnce},
      level: level === 'manifest' ? 'manifest' : 'checksum',
      onFinding: (finding) => this.#report(finding, directory),
      onProgress: (bytes) => {
        this.#bytes += bytes;
        this.#progressed(bytes);
      },
      isChosen: (path) => this.#plan.chosen?.has(fileId(directory, path)) ?? true,
      checkFile,
      isStopped: () => this.#isStopped(),
    });
    this.#fileCount += result.files;
    if (result.state.kind === 'gone') {
      this.#countAsGone(directory, named);
      return;
    }
    if (result.state.kind === 'not-read') {
      this.#skip(directory, Math.max(1, named - result.read));
      return;
    }
    if (level === 'manifest') return;
    this.#skip(directory, named - result.read);
    if (level === 'checksum' || result.metadata === null) return;
    const {state} = result;
    if (state.kind === 'damaged' && state.findings.some(({code}) => code === 'chain-broken')) {
      // It was reported; which files belong together nobody knows.
      this.#skip(directory, 1);
      return;
    }
    await this.#verifyRows(directory, level, {...result, metadata: result.metadata});
  }

  /** Each is told of once. */
  async #lookForOpenDirectories(directory: string): Promise<void> {
    const {files, strict = false} = this.#options;
    for (const path of await openToAll(files, directory)) {
      if (this.#open.has(path)) continue;
      this.#open.add(path);
      const finding = errorAt('open-to-all', path, openToAllMessage(path));
      this.#report(strict ? finding : {...finding, severity: 'hint'}, directory);
    }
  }

  /** Its format has no checksum, and nothing that a deeper level could compare. */
  async #verifyFlink(directory: string): Promise<void> {
    const {files, level, maps = []} = this.#options;
    const result = await checkFlinkDirectory({
      ...{files, directory, maps},
      onFinding: (finding) => this.#report(finding, directory),
    });
    this.#fileCount += result.files;
    if (result.state.kind === 'gone') this.#countAsGone(directory);
    else if (level === 'decode' || level === 'restore') {
      this.#skip(directory, Math.max(1, result.files));
    }
  }

  async #verifyRows(
    directory: string,
    level: 'decode' | 'restore',
    {metadata, sound}: CheckResult & {readonly metadata: NonNullable<CheckResult['metadata']>},
  ): Promise<void> {
    const {files, place = nowhere} = this.#options;
    const {rows, skipped, isGone} = await verifyRows({
      ...{files, directory, metadata, level, sound, place},
      onFinding: (finding) => this.#report(finding, directory),
      onRead: (bytes) => this.#progressed(bytes),
      isStopped: () => this.#isStopped(),
    });
    this.#rows += rows;
    if (isGone) this.#skipUnlessListed(directory, skipped);
    else this.#skip(directory, skipped);
  }

  #progressed(bytes: number): void {
    this.#bytesDone += bytes;
    const {bytesTotal} = this.#plan;
    this.#options.onProgress?.({bytes_done: this.#bytesDone, bytes_total: bytesTotal});
  }

  #skip(directory: string, count: number): void {
    if (count === 0) return;
    this.#skipped += count;
    this.#incomplete.add(directory);
  }

  #countAsGone(directory: string, files = 1): void {
    this.#checkpoints -= 1;
    this.#skipUnlessListed(directory, files);
  }

  /** What a listing found and is no longer there, or not yet, nobody asked for. */
  #skipUnlessListed(directory: string, count = 1): void {
    if (this.#options.listed?.has(directory) === true) return;
    this.#skip(directory, Math.max(1, count));
  }

  result(): Verification {
    const [codes, skipped] = [this.#codes, this.#skipped];
    return {
      summary: this.#summary(verdictOf(codes, skipped)),
      errorCode: errorCodeOf(codes) ?? (skipped > 0 ? 'INCOMPLETE' : null),
      incomplete: this.#incomplete,
    };
  }

  /** What is not at its end is never ok. */
  soFar(): VerifySummary {
    const verdict = verdictOf(this.#codes, this.#skipped);
    return this.#summary(verdict === 'ok' ? 'incomplete' : verdict);
  }

  #summary(verdict: VerifySummary['verdict']): VerifySummary {
    return {
      level: this.#options.level,
      checkpoints: this.#checkpoints,
      files: this.#fileCount,
      bytes: this.#bytes,
      rows: this.#rows,
      skipped: this.#skipped,
      errors: this.#errors,
      hints: this.#hints,
      verdict,
      duration_ms: Math.round(this.#options.clock.monotonicMillis() - this.#beginMillis),
    };
  }

  #isStopped(): boolean {
    return this.#options.failFast === true && this.#codes.size > 0;
  }

  #report(finding: Finding, directory: string): void {
    if (finding.severity === 'error') {
      this.#codes.add(finding.code);
      this.#errors += 1;
    } else this.#hints += 1;
    this.#options.onFinding(finding, directory);
  }
}

const nowhere: RestorePlace = {
  openStore: async () => Promise.reject(noPlace()),
  makeDirectory: async () => Promise.reject(noPlace()),
};

function noPlace(): EngineError {
  return new EngineError('USAGE', 'there is no directory to try a restore in');
}

function fileId(directory: string, path: string): string {
  return `${directory}/${path}`;
}

async function planReading(options: VerifyOptions): Promise<ReadingPlan> {
  const {files, directories, listed, level, sample} = options;
  const fileCounts = new Map<string, number>();
  const all: (SampledFile & {readonly toRead: number})[] = [];
  let bytesTotal = 0;
  for (const directory of directories) {
    if (listed?.has(directory) !== true) await requireThere(files, directory);
    if (level === 'manifest') continue;
    const states = await filesNamedIn(files, directory);
    fileCounts.set(directory, states.length);
    bytesTotal += lengthOf(states) + bytesToRead(states, level);
    if (sample === undefined) continue;
    for (const state of states) {
      const toRead = state.length + bytesToRead([state], level);
      all.push({id: fileId(directory, state.path), bytes: state.length, toRead});
    }
  }
  if (sample === undefined) return {fileCounts, chosen: null, bytesTotal};
  const chosen = sampleFiles(all, sample.of, sample.seed);
  const read = all.filter(({id}) => chosen.has(id));
  return {fileCounts, chosen, bytesTotal: read.reduce((sum, {toRead}) => sum + toRead, 0)};
}

async function filesNamedIn(files: FileSystem, directory: string): Promise<readonly FileState[]> {
  const read = await readMetadata(files, directory).catch((error: unknown) => {
    if (notRead(directory, error) === null) throw error;
    return null;
  });
  if (read?.kind !== 'read') return [];
  const {own, shared} = distinctFilesOf(read.metadata);
  return [...own, ...shared];
}

async function requireThere(files: FileSystem, directory: string): Promise<void> {
  const status = await statusOrNull(files, directory).catch((error: unknown) => {
    if (notRead(directory, error) === null) throw error;
  });
  if (status === null) throw notThere(directory);
}

function notThere(directory: string): EngineError {
  return new EngineError('NOT_FOUND', `no checkpoint at ${directory}`, {
    file: directory,
    hint: 'Run `tidemark checkpoint list DIR` to see what there is.',
  });
}

function verdictOf(codes: ReadonlySet<Finding['code']>, skipped: number): VerifySummary['verdict'] {
  if (codes.size === 0) return skipped === 0 ? 'ok' : 'incomplete';
  return [...codes].every((code) => ERROR_OF_FINDING[code] === 'INCOMPLETE')
    ? 'incomplete'
    : 'damaged';
}
