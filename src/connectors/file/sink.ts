// Exactly-once files. Rows are encoded into blocks, blocks are written in the background into a temporary
// file; the barrier cuts: what came before it is flushed, synced, closed and recorded under its final
// name; the completed checkpoint links it there (commit-parts.ts). RELIABILITY part 3.
//
// An epoch is what one `prepare` cut off. Epochs stay pending until a checkpoint of their id or a later
// one is committed; an aborted checkpoint's epoch goes with the next. Its final names keep the id they
// were prepared for, so that preparing, committing and settling always mean the same files.

import {resolve} from 'node:path';
import {must} from '../../base/assert.ts';
import type {StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import {ByteBuffer} from '../../formats/byte-buffer.ts';
import type {RowEncoder} from '../../formats/row-encoder.ts';
import type {OptionValue, SinkSpec} from '../../job/job-spec.ts';
import type {SinkMetrics} from '../../metrics/job-metrics.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {ConnectorContext, SinkConnector, SinkWriter} from '../connector.ts';
import {storageError} from '../storage-error.ts';
import {commitParts} from './commit-parts.ts';
import {partEncoder} from './part-encoder.ts';
import {PartFile, type FinishedPart} from './part-file.ts';
import {
  PART_EXTENSIONS,
  parseTemporaryName,
  partFileName,
  temporaryFileName,
  type PartExtension,
} from './part-names.ts';
import {committablesState, type PreparedPart} from './prepared-part.ts';
import {fileSinkSpec} from './sink-spec.ts';
import {makeTargetDirectory} from './target-directory.ts';

/** A block is handed over once it has this many bytes. */
const BLOCK_BYTES = 262_144;
/** The task waits when this much is not written yet, until it is. */
const PENDING_BYTES_MAX = 4_194_304;
/** Blocks that are kept for reuse. */
const SPARE_BLOCKS_MAX = 16;

export const fileSink: SinkConnector = {
  spec: fileSinkSpec,
  create: (sink, context) => new FileSinkWriter(sink, context),
};

interface Epoch {
  readonly checkpointId: number;
  readonly parts: Promise<readonly PreparedPart[]>;
}

class FileSinkWriter implements SinkWriter {
  readonly #context: ConnectorContext;
  readonly #uid: string;
  readonly #directory: string;
  readonly #extension: PartExtension;
  /** Bytes after which a part is closed and another begun. */
  readonly #rollBytes: number;
  readonly #encoder: RowEncoder;
  readonly #metrics: SinkMetrics;
  readonly #spare: ByteBuffer[] = [];
  #parents: readonly string[] = [];
  #parentsSynced = false;
  #counter = 0;
  #block: ByteBuffer;
  /** The part that is written to; null: none has been begun since the last cut. */
  #part: PartFile | null = null;
  /** Parts that are full, of the epoch under way. */
  #full: Promise<FinishedPart>[] = [];
  /** Parts with bytes that may not be written yet, the one under way included. */
  readonly #unwritten = new Set<PartFile>();
  /** Pending, in the order of their ids. */
  #epochs: Epoch[] = [];
  #failure: Error | null = null;
  /** Commits run one after another. */
  #commits: Promise<void> = Promise.resolve();

  constructor(sink: SinkSpec, context: ConnectorContext) {
    const {options, uid} = sink;
    this.#context = context;
    this.#uid = uid;
    this.#directory = resolve(context.jobDirectory, options['path'] as string);
    this.#extension = PART_EXTENSIONS[options['format'] as keyof typeof PART_EXTENSIONS];
    this.#rollBytes = sizeOption(options['roll-size']);
    this.#encoder = partEncoder(sink);
    this.#metrics = context.metrics.sink(uid);
    this.#block = new ByteBuffer(BLOCK_BYTES);
  }

  async open(): Promise<void> {
    const {files, jobDirectory} = this.#context;
    this.#parents = await makeTargetDirectory(files, this.#uid, this.#directory, jobDirectory);
  }

  write(batch: RecordBatch): void {
    this.#refuseAfterFailure();
    if (batch.selectedCount === 0) return;
    if (this.#part === null) {
      this.#part = this.#newPart();
      this.#encoder.writeHeader(this.#block);
    }
    const before = this.#block.length;
    this.#encoder.encode(batch, this.#block);
    this.#metrics.recordsOut += batch.selectedCount;
    this.#metrics.bytesOut += this.#block.length - before;
    if (this.#block.length >= BLOCK_BYTES) this.#handOver(this.#part);
    if (this.#part.size + this.#block.length >= this.#rollBytes) this.#endPart();
  }

  flow(): Promise<void> | null {
    const failure = this.#failure ?? this.#part?.failure ?? null;
    if (failure !== null) return Promise.reject(failure);
    let pending = 0;
    for (const part of this.#unwritten) pending += part.pending;
    return pending < PENDING_BYTES_MAX ? null : this.#drain();
  }

  async prepare(checkpointId: number): Promise<readonly StateHandle[]> {
    this.#refuseAfterFailure();
    this.#endPart();
    const full = this.#full;
    this.#full = [];
    if (full.length > 0) {
      const parts = this.#finishEpoch(checkpointId, full);
      // Whoever awaits the epoch sees the failure; it must not count as unhandled until then.
      parts.catch((error: unknown) => this.#fail(error));
      this.#epochs.push({checkpointId, parts});
    }
    const pending = this.#epochs.filter((epoch) => epoch.checkpointId <= checkpointId);
    const parts = (await Promise.all(pending.map(async (epoch) => epoch.parts))).flat();
    return parts.length === 0 ? [] : [committablesState({directory: this.#directory, parts})];
  }

  async commit(checkpointId: number): Promise<void> {
    const work = this.#commits.then(async () => this.#commitUpTo(checkpointId));
    this.#commits = work.catch((error: unknown) => this.#fail(error));
    return work;
  }

  async abort(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#failure ??= new Error(`sink ${this.#uid} is closed`);
    await this.#commits;
    await Promise.allSettled(this.#epochs.map(async (epoch) => epoch.parts));
    await Promise.allSettled(this.#full);
    await this.#part?.abandon();
  }

  async #commitUpTo(checkpointId: number): Promise<void> {
    const due = this.#epochs.filter((epoch) => epoch.checkpointId <= checkpointId);
    const parts = (await Promise.all(due.map(async (epoch) => epoch.parts))).flat();
    const committables = {directory: this.#directory, parts};
    await commitParts(this.#context.files, this.#uid, committables, 'written');
    this.#epochs = this.#epochs.filter((epoch) => epoch.checkpointId > checkpointId);
  }

  async #finishEpoch(
    checkpointId: number,
    full: readonly Promise<FinishedPart>[],
  ): Promise<readonly PreparedPart[]> {
    const finished = await Promise.all(full);
    await this.#syncDirectories();
    return finished.map((part) => {
      const name = must(parseTemporaryName(part.temporary), 'our own temporary name');
      return {...part, final: partFileName({...name, checkpointId})};
    });
  }

  /** The entries of the parts, and once those of the directories above them. */
  async #syncDirectories(): Promise<void> {
    const {files} = this.#context;
    const directories = [this.#directory, ...(this.#parentsSynced ? [] : this.#parents)];
    for (const directory of directories) {
      try {
        await files.syncDirectory(directory);
      } catch (error) {
        throw storageError(this.#uid, 'sync the directory', directory, error);
      }
    }
    this.#parentsSynced = true;
  }

  #newPart(): PartFile {
    const {files} = this.#context;
    const part = new PartFile({
      files,
      sink: this.#uid,
      directory: this.#directory,
      newTemporaryName: () => this.#newTemporaryName(),
      recycle: (block) => {
        block.clear();
        if (this.#spare.length < SPARE_BLOCKS_MAX) this.#spare.push(block);
      },
    });
    this.#unwritten.add(part);
    return part;
  }

  #newTemporaryName(): string {
    const {jobName, lineage, generation, subtask} = this.#context;
    const counter = this.#counter;
    this.#counter += 1;
    return temporaryFileName({
      job: jobName,
      sink: this.#uid,
      lineage,
      generation,
      subtask,
      counter,
      extension: this.#extension,
    });
  }

  #handOver(part: PartFile): void {
    if (this.#block.length === 0) return;
    part.append(this.#block);
    this.#block = this.#spare.pop() ?? new ByteBuffer(BLOCK_BYTES);
  }

  #endPart(): void {
    const part = this.#part;
    if (part === null) return;
    this.#handOver(part);
    this.#part = null;
    const finished = part.finish();
    finished.then(
      () => this.#unwritten.delete(part),
      (error: unknown) => this.#fail(error),
    );
    this.#full.push(finished);
  }

  async #drain(): Promise<void> {
    for (const part of this.#unwritten) {
      await part.drained();
      if (part.failure !== null) throw part.failure;
    }
  }

  #refuseAfterFailure(): void {
    const failure = this.#failure ?? this.#part?.failure ?? null;
    if (failure !== null) throw failure;
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }
}

/** Bytes; absent: no limit. */
function sizeOption(value: OptionValue): number {
  return typeof value === 'number' ? value : Infinity;
}
