// Checks one checkpoint's directory and reports everything that is wrong with it; never stops at the
// first, never writes. `manifest`: `_metadata`, SHA256SUMS, names, kinds and sizes. `checksum`: also each byte
// of each state file, chunk by chunk, so that damage has a place.
//
// The directory may be a live one: a checkpoint that its owner deletes meanwhile is `gone`, not damaged.

import {crc32, sha256} from '../base/checksum.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {
  deriveCheckpointState,
  errorAt,
  statusOrNull,
  wrongKind,
  type CheckpointState,
} from './derive-checkpoint-state.ts';
import {closeQuietly, unlessMissing} from './durable-file.ts';
import type {FileHandle, FileSystem} from './file-system.ts';
import type {Finding} from './finding.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {CHECKSUMS_FILE, isClaimName, METADATA_FILE, stateFileAt} from './paths.ts';
import {CHUNK_BYTES} from './state-chunks.ts';
import {hexCrc} from './state-file-reader.ts';

export type CheckLevel = 'manifest' | 'checksum';

export interface CheckOptions {
  readonly files: FileSystem;
  /** Absolute. */
  readonly directory: string;
  readonly level: CheckLevel;
  readonly onFinding: (finding: Finding) => void;
  /** Bytes read since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface CheckResult {
  readonly state: CheckpointState;
  /** Null: `_metadata` could not be read. */
  readonly metadata: CheckpointMetadata | null;
  /** State files and bytes of them that were looked at. */
  readonly files: number;
  readonly bytes: number;
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
  #bytes = 0;
  #gone = false;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#directory = options.directory;
  }

  async run(): Promise<CheckResult> {
    const status = await statusOrNull(this.#files, this.#directory);
    if (status !== null && status.kind !== 'directory') {
      const finding = wrongKind(this.#directory);
      this.#report(finding);
      return this.#result({kind: 'damaged', findings: [finding], readable: null}, null, 0);
    }
    const state = await deriveCheckpointState(this.#files, this.#directory);
    for (const finding of findingsOf(state, this.#directory)) this.#report(finding);
    const metadata = metadataOf(state);
    if (metadata === null) return this.#result(state, null, 0);
    const {own, shared} = distinctFilesOf(metadata);
    const stateFiles = [...own, ...shared];
    if (this.#options.level === 'checksum') {
      const damagedKinds = new Set(
        (state.kind === 'damaged' ? state.findings : [])
          .filter(({code}) => code === 'file-missing' || code === 'kind-refused')
          .map(({path}) => path),
      );
      for (const file of stateFiles) {
        const path = stateFileAt(this.#directory, file.path);
        // Nothing below a refused directory is opened: it may lead anywhere.
        if (
          [...damagedKinds].some((refused) => path === refused || path.startsWith(`${refused}/`))
        ) {
          continue;
        }
        if (!this.#gone) await this.#checkFile(path, file);
      }
    }
    if (!this.#gone) await unlessMissing(async () => this.#reportExtras(own));
    if ((await statusOrNull(this.#files, this.#directory)) === null) this.#gone = true;
    return this.#result(this.#gone ? {kind: 'gone'} : state, metadata, stateFiles.length);
  }

  async #checkFile(path: string, file: FileState): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await this.#files.openForRead(path);
    } catch (error) {
      await this.#reportUnreadable(path, 0, error);
      return;
    }
    try {
      await this.#checkBytes(handle, path, file);
    } finally {
      await closeQuietly(handle);
    }
  }

  /** Each whole chunk that is there; a missing or surplus end was reported with the size. */
  async #checkBytes(handle: FileHandle, path: string, file: FileState): Promise<void> {
    const digest = sha256();
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, file.length));
    let damagedChunks = 0;
    for (const [index, crc] of file.chunkCrcs.entries()) {
      const offset = index * CHUNK_BYTES;
      const wanted = Math.min(CHUNK_BYTES, file.length - offset);
      let count: number;
      try {
        count = await handle.read(buffer, 0, wanted, offset);
      } catch (error) {
        await this.#reportUnreadable(path, offset, error);
        return;
      }
      this.#bytes += count;
      this.#options.onProgress?.(count);
      if (count < wanted) return;
      const bytes = buffer.subarray(0, count);
      digest.update(bytes);
      const found = crc32(bytes);
      if (found === crc) continue;
      damagedChunks += 1;
      this.#report({
        ...errorAt(
          'chunk-damaged',
          path,
          `${path} is damaged between byte ${offset} and ${offset + count}`,
        ),
        offset,
        expected: hexCrc(crc),
        found: hexCrc(found),
      });
    }
    const found = digest.digest('hex');
    if (damagedChunks > 0 || found === file.sha256) return;
    this.#report({
      ...errorAt('digest-differs', path, `${path} has another SHA-256 than _metadata says`),
      offset: 0,
      expected: file.sha256,
      found,
    });
  }

  async #reportUnreadable(path: string, offset: number, error: unknown): Promise<void> {
    const code = systemErrorCode(error);
    if (code === null) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      if ((await statusOrNull(this.#files, this.#directory)) === null) this.#gone = true;
      else this.#report(errorAt('file-missing', path, `${path} is missing`));
    } else if (code === 'ELOOP' || code === 'EINVAL' || code === 'EISDIR') {
      this.#report(wrongKind(path));
    } else {
      const message = `${path} cannot be read at byte ${offset}: ${String(error)}`;
      this.#report({...errorAt('file-unreadable', path, message), offset});
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
      if ((await statusOrNull(this.#files, absolute))?.kind !== 'directory') continue;
      for (const {name, kind} of await this.#files.list(absolute)) {
        const path = directory === '' ? name : `${directory}/${name}`;
        if (named.has(path) || parents.has(path)) continue;
        // Whose it is says nothing of what is in it.
        if (directory === '' && kind === 'file' && isClaimName(name)) continue;
        this.#reportExtra(path, kind);
      }
    }
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

  #result(state: CheckpointState, metadata: CheckpointMetadata | null, files: number): CheckResult {
    return {
      state,
      metadata,
      files,
      bytes: this.#bytes,
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
      return [
        {
          ...errorAt('deleted-meanwhile', directory, `${directory} is not there (any more)`),
          severity: 'hint',
        },
      ];
  }
}
