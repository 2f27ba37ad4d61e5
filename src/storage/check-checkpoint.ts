// Checks one checkpoint's directory and reports everything that is wrong with it; never stops at the
// first, never writes. `manifest`: `_metadata`, SHA256SUMS, names, kinds and sizes. `checksum`: also each byte
// of each state file, chunk by chunk, so that damage has a place.
//
// The directory may be a live one: a checkpoint that its owner deletes meanwhile is `gone`, not damaged. What the world keeps
// from being read (no right, a bad disk) is a finding too.

import {systemErrorCode} from '../base/errors.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {
  deriveCheckpointState,
  errorAt,
  statusOrNull,
  wrongKind,
  type CheckpointState,
} from './derive-checkpoint-state.ts';
import {checkFile, type CheckFile, type FileCheckResult} from './check-file.ts';
import {unlessMissing} from './durable-file.ts';
import type {DirectoryEntry, FileSystem} from './file-system.ts';
import type {Finding} from './finding.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {notRead} from './not-read.ts';
import {CHECKSUMS_FILE, isMarkName, METADATA_FILE, parentOf, stateFileAt} from './paths.ts';

export type CheckLevel = 'manifest' | 'checksum';

export interface CheckOptions {
  readonly files: FileSystem;
  /** Absolute. */
  readonly directory: string;
  readonly level: CheckLevel;
  readonly onFinding: (finding: Finding) => void;
  /** Bytes read since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** Of a state file, by its path in `_metadata`: whether its bytes are read; all by default. */
  readonly isChosen?: ((path: string) => boolean) | undefined;
  /** How a file is read; in this thread by default. `filesAtOnce`: 1 by default. */
  readonly checkFile?: CheckFile | undefined;
  readonly filesAtOnce?: number | undefined;
  /** Asked before each file: the rest is left unread. */
  readonly isStopped?: (() => boolean) | undefined;
}

/** `not-read`: something that has to be read before its state can be told. */
export type CheckedState = CheckpointState | {readonly kind: 'not-read'};

export interface CheckResult {
  readonly state: CheckedState;
  /** Null: `_metadata` could not be read. */
  readonly metadata: CheckpointMetadata | null;
  /** State files that there are, and bytes of them that were read. */
  readonly files: number;
  readonly bytes: number;
  /** State files that were read. */
  readonly read: number;
  /** Paths in `_metadata` of those that were read, and whose bytes are what was written. */
  readonly sound: ReadonlySet<string>;
  readonly errors: number;
  readonly hints: number;
}

export async function checkCheckpoint(options: CheckOptions): Promise<CheckResult> {
  const check = new Check(options);
  return check.run();
}

class Check {
  readonly #options: CheckOptions;
  readonly #files: FileSystem;
  readonly #directory: string;
  #errors = 0;
  #hints = 0;
  #fileCount = 0;
  #bytes = 0;
  #gone = false;
  readonly #read = new Set<string>();
  readonly #unsound = new Set<string>();

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#directory = options.directory;
  }

  async run(): Promise<CheckResult> {
    try {
      return await this.#check();
    } catch (error) {
      await this.#reportNotRead(this.#directory, error);
      if (this.#gone) this.#report(deletedMeanwhile(this.#directory));
      return this.#result({kind: this.#gone ? 'gone' : 'not-read'}, null);
    }
  }

  async #check(): Promise<CheckResult> {
    const status = await statusOrNull(this.#files, this.#directory);
    if (status !== null && status.kind !== 'directory') {
      const finding = wrongKind(this.#directory);
      this.#report(finding);
      return this.#result({kind: 'damaged', findings: [finding], readable: null}, null);
    }
    const state = await deriveCheckpointState(this.#files, this.#directory);
    for (const finding of findingsOf(state, this.#directory)) this.#report(finding);
    const metadata = metadataOf(state);
    if (metadata === null) return this.#result(state, null);
    const {own, shared} = distinctFilesOf(metadata);
    const stateFiles = [...own, ...shared];
    this.#fileCount = stateFiles.length;
    if (this.#options.level === 'checksum') await this.#checkFiles(state, stateFiles);
    if (!this.#gone) await unlessMissing(async () => this.#reportExtras(own));
    if ((await statusOrNull(this.#files, this.#directory)) === null) this.#gone = true;
    if (this.#gone) this.#report(deletedMeanwhile(this.#directory));
    return this.#result(this.#gone ? {kind: 'gone'} : state, metadata);
  }

  async #checkFiles(state: CheckpointState, stateFiles: readonly FileState[]): Promise<void> {
    const {isChosen = () => true, filesAtOnce = 1, isStopped = () => false} = this.#options;
    const refused = (state.kind === 'damaged' ? state.findings : [])
      .filter(({code}) => code === 'file-absent' || code === 'kind-refused')
      .map(({path}) => path);
    const waiting = stateFiles.filter(({path}) => {
      const whole = stateFileAt(this.#directory, path);
      // Nothing below a refused directory is opened: it may lead anywhere.
      if (refused.some((bad) => whole === bad || whole.startsWith(`${bad}/`))) return false;
      return isChosen(path);
    });
    const all = waiting.length;
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        this.#read.add(file.path);
        await this.#checkFile(stateFileAt(this.#directory, file.path), file);
        if (this.#gone || isStopped()) return;
      }
    };
    const workers = Array.from({length: Math.min(filesAtOnce, all)}, work);
    for (const result of await Promise.allSettled(workers)) {
      if (result.status === 'rejected') throw result.reason as Error;
    }
  }

  async #checkFile(path: string, file: FileState): Promise<void> {
    const inThisThread: CheckFile = async (request, onRead) =>
      checkFile(this.#files, request, onRead);
    const check = this.#options.checkFile ?? inThisThread;
    const {length, sha256, chunkCrcs} = file;
    const expected = {length, sha256, chunkCrcs};
    const below = parentOf(this.#directory);
    const result = await check({path, below, expected}, this.#options.onProgress);
    this.#bytes += result.bytes;
    if (result.findings.length > 0 || result.bytes < length) this.#unsound.add(file.path);
    for (const finding of result.findings) this.#report(finding);
    if (result.unreadable !== null) {
      this.#unsound.add(file.path);
      await this.#reportUnreadable(path, result.unreadable);
    }
  }

  async #reportUnreadable(
    path: string,
    {offset, systemCode, reason, path: inTheWay}: NonNullable<FileCheckResult['unreadable']>,
  ): Promise<void> {
    if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR') {
      if ((await statusOrNull(this.#files, this.#directory)) === null) this.#gone = true;
      else this.#report(errorAt('file-absent', path, `${path} is missing`));
    } else if (systemCode === 'ELOOP' || systemCode === 'EINVAL' || systemCode === 'EISDIR') {
      this.#report(wrongKind(inTheWay));
    } else {
      const message = `${path} cannot be read at byte ${offset}: ${reason}`;
      this.#report({...errorAt('file-not-read', path, message), offset});
    }
  }

  /** Files that `_metadata` does not name. Not counted as damage: nothing reads them. */
  async #reportExtras(stateFiles: readonly FileState[]): Promise<void> {
    const named = new Set([METADATA_FILE, CHECKSUMS_FILE, ...stateFiles.map((file) => file.path)]);
    const parents = new Set(
      stateFiles.flatMap(({path}) => {
        const parts = path.split('/');
        return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
      }),
    );
    for (const directory of ['', ...parents]) {
      const absolute = directory === '' ? this.#directory : `${this.#directory}/${directory}`;
      for (const {name, kind} of await this.#entriesOf(absolute)) {
        const path = directory === '' ? name : `${directory}/${name}`;
        if (named.has(path) || parents.has(path)) continue;
        // Whose it is and who needs it say nothing of what is in it.
        const isMark = directory === '' && isMarkName(name);
        if (isMark && kind === 'file') continue;
        // A mark is a file; a claim that is none keeps a restore from beginning.
        this.#reportExtra(path, isMark ? 'other' : kind);
      }
    }
  }

  /** Nothing of what is no directory; of one that cannot be read neither, which is reported. */
  async #entriesOf(directory: string): Promise<readonly DirectoryEntry[]> {
    try {
      if ((await statusOrNull(this.#files, directory))?.kind !== 'directory') return [];
      return await this.#files.list(directory);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') throw error;
      await this.#reportNotRead(directory, error);
      return [];
    }
  }

  /** What went with the checkpoint is not reported. Rejects with what is about something else. */
  async #reportNotRead(path: string, error: unknown): Promise<void> {
    const finding = notRead(path, error);
    if (finding === null) throw error;
    const status = await statusOrNull(this.#files, this.#directory).catch(() => 'unknown');
    if (status === null) this.#gone = true;
    else this.#report(finding);
  }

  #reportExtra(relative: string, kind: string): void {
    const path = `${this.#directory}/${relative}`;
    if (kind === 'link' || kind === 'other') {
      this.#report(wrongKind(path));
      return;
    }
    const message = `${path} is not named in _metadata; nothing reads it`;
    this.#report({...errorAt('extra-file', path, message), severity: 'hint'});
  }

  #report(finding: Finding): void {
    if (finding.severity === 'error') this.#errors += 1;
    else this.#hints += 1;
    this.#options.onFinding(finding);
  }

  #result(state: CheckedState, metadata: CheckpointMetadata | null): CheckResult {
    return {
      state,
      metadata,
      files: this.#fileCount,
      bytes: this.#bytes,
      read: this.#read.size,
      sound: new Set([...this.#read].filter((path) => !this.#unsound.has(path))),
      errors: this.#errors,
      hints: this.#hints,
    };
  }
}

function metadataOf(state: CheckpointState): CheckpointMetadata | null {
  if (state.kind === 'complete') return state.metadata;
  return state.kind === 'damaged' ? (state.readable?.metadata ?? null) : null;
}

function findingsOf(state: CheckpointState, directory: string): readonly Finding[] {
  switch (state.kind) {
    case 'complete':
    case 'in-progress':
      return [];
    case 'incomplete':
    case 'damaged':
    case 'incompatible':
      return state.findings;
    case 'foreign':
      return [
        errorAt('foreign', directory, `${directory} was written by Apache Flink, not by tidemark`),
      ];
    case 'gone':
      return [deletedMeanwhile(directory)];
  }
}

/** No damage: whoever owns it may delete it at any time. */
export function deletedMeanwhile(directory: string): Finding {
  const message = `${directory} is not there (any more)`;
  return {...errorAt('deleted-meanwhile', directory, message), severity: 'hint'};
}
