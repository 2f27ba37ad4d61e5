// `checkpoint copy`: which checkpoint, where to, and what came of it.

import {resolve} from 'node:path';

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {systemRandom} from '../base/random.ts';
import {requireReadable} from '../inspection/inspect-checkpoint.ts';
import type {Environment} from '../runtime/run-types.ts';
import {copyCheckpoint as copy} from '../storage/copy-checkpoint.ts';
import {deriveCheckpointState} from '../storage/derive-checkpoint-state.ts';
import {ERROR_OF_FINDING} from '../storage/finding.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {resolveCheckpoint} from './resolve-report.ts';

/** Paths are absolute. */
export interface CopyReport {
  readonly id: number;
  readonly from: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** It needs nothing outside its directory. */
  readonly selfContained: boolean;
}

export interface CopyOptions {
  readonly environment: Environment;
  readonly selfContained: boolean;
  /** Ends the copy, of which nothing is left; rejects with its reason. */
  readonly abort?: AbortSignal | undefined;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
}

/** `to`: as typed. CHECKPOINT_DAMAGED when one byte of it is not what it was; REFUSED when something is at `to`, or no file is in place of one. */
export async function copyReport(
  ref: string,
  to: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const from = await resolveCheckpoint(ref, {environment: options.environment});
  const path = resolve(to);
  const state = await deriveCheckpointState(files, from);
  const {metadata, metadataSha256} = requireReadable(state, from);
  if (state.kind === 'damaged') {
    const [first] = state.findings;
    const code = ERROR_OF_FINDING[first?.code ?? 'metadata-damaged'];
    throw new EngineError(code, first?.message ?? `${from} is damaged`, {
      file: first?.path ?? from,
      hint: `Nothing was copied. See all that is wrong: tidemark checkpoint verify ${shellWord(from)}`,
    });
  }
  const {own, shared} = distinctFilesOf(metadata);
  const bytesTotal = lengthOf(own) + lengthOf(shared);
  let bytesDone = 0;
  const copied = await copy(files, {
    source: from,
    metadata,
    metadataSha256,
    target: path,
    selfContained: options.selfContained,
    random: systemRandom.hex(6),
    processes: systemProcessTable,
    abort: options.abort,
    onRead(bytes) {
      bytesDone += bytes;
      options.onProgress?.(bytesDone, bytesTotal);
    },
  });
  const selfContained = options.selfContained || shared.length === 0;
  return {id: metadata.checkpointId, from, path, ...copied, selfContained};
}
