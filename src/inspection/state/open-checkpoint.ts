// A checkpoint that is to be read, as far as `_metadata`, names and sizes tell; what keeps it from being read is an error.

import {EngineError} from '../../base/errors.ts';
import {shellWord} from '../../base/shell-word.ts';
import type {CheckpointMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import {deriveCheckpointState} from '../../storage/derive-checkpoint-state.ts';
import {goneMeanwhile} from '../../storage/gone-meanwhile.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {ERROR_OF_FINDING} from '../../storage/finding.ts';

/** CHECKPOINT_DAMAGED, REFUSED, INCOMPATIBLE or NOT_FOUND when it is no whole checkpoint of tidemark. `directory`: absolute. */
export async function openCheckpoint(
  files: FileSystem,
  directory: string,
): Promise<CheckpointMetadata> {
  const state = await deriveCheckpointState(files, directory);
  switch (state.kind) {
    case 'complete':
      return state.metadata;
    case 'gone':
      throw goneMeanwhile(directory);
    case 'in-progress':
      throw new EngineError('NOT_FOUND', `${directory} is not published yet`, {file: directory});
    case 'foreign':
      throw new EngineError(
        'INCOMPATIBLE',
        `${directory} was written by Apache Flink: its state is read by Flink's State Processor API`,
        {
          file: directory,
          hint: `look at what it says: tidemark checkpoint inspect ${shellWord(directory)}`,
        },
      );
    case 'incomplete':
    case 'damaged':
    case 'incompatible': {
      const [finding] = state.findings;
      const code = ERROR_OF_FINDING[finding?.code ?? 'metadata-damaged'];
      throw new EngineError(code, finding?.message ?? `${directory} is ${state.kind}`, {
        file: finding?.path ?? directory,
        hint: `see all that is wrong: tidemark checkpoint verify ${shellWord(directory)}`,
      });
    }
  }
}
