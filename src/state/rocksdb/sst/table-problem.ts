// What is wrong with an SST file whose bytes are those that were written: damaged before they were, or of another version.

import {EngineError} from '../../../base/errors.ts';
import {damageHint} from '../../../storage/state-file-reader.ts';

/** Makes the error of one file. `offset`: in the file. */
export interface TableProblem {
  damaged(offset: number, what: string): EngineError;
  unknown(what: string): EngineError;
}

/** `path`: of the file in the checkpoint, absolute. */
export function tableProblem(path: string): TableProblem {
  return {
    damaged: (offset, what) =>
      new EngineError(
        'CHECKPOINT_DAMAGED',
        `${path} was damaged before the checkpoint was written: at byte ${offset} ${what}`,
        {file: path, facts: {offset}, hint: `${damageHint(path)} --level decode`},
      ),
    unknown: (what) =>
      new EngineError(
        'INCOMPATIBLE',
        `${path} has ${what}: it is of another version of RocksDB than this tidemark reads`,
        {
          file: path,
          hint: 'Use the tidemark that wrote the checkpoint (`checkpoint list` names it).',
        },
      ),
  };
}
