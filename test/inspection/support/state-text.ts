// Rows of a checkpoint as text, as test/formats tells them: key columns, then slots, each with its value.

import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {RestorePlace} from '#src/inspection/open-database.js';
import {readTable, type StateRows} from '#src/inspection/state/read-states.js';
import {stateTables} from '#src/inspection/state/state-tables.js';
import {readValue} from '#src/records/value.js';
import type {FileSystem} from '#src/storage/file-system.js';

export const nowhere: RestorePlace = {
  openStore: async () => Promise.reject(new Error('no restore is tried here')),
  makeDirectory: async () => Promise.reject(new Error('no restore is tried here')),
};

/** `word=a number=1 count=3 last=NULL` */
export function rowTexts(rows: StateRows): string[] {
  const {spec, values} = rows.table.shape;
  const fields = [...spec.key, ...values];
  const columns = [...rows.key, ...rows.values];
  return Array.from({length: rows.rowCount}, (_, row) =>
    fields
      .map(({name, type}, index) => {
        const value = readValue(type, columns[index]!, row);
        return `${name}=${value === null ? 'NULL' : String(value)}`;
      })
      .join(' '),
  );
}

export async function allTexts(rows: AsyncIterable<StateRows>): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of rows) texts.push(...rowTexts(batch));
  return texts;
}

/** The rows of the states that one subtask of `op` handed over. */
export async function textsOf(
  files: FileSystem,
  directory: string,
  states: readonly FileState[],
  {maxParallelism = 16}: {maxParallelism?: number} = {},
): Promise<string[]> {
  const subtasks = [{index: 0, states, watermark: null}];
  const operators = [{uid: 'op', type: 'aggregate', parallelism: 1, maxParallelism, subtasks}];
  const tables = stateTables({operators} as unknown as CheckpointMetadata, directory);
  const texts: string[] = [];
  for (const table of tables) {
    texts.push(...(await allTexts(readTable(table, {files, directory}))));
  }
  return texts;
}
