// The rows of a canonical state file as columns, ascending by key group and key.

import {refuseOther} from './read-snapshot-rows.ts';
import type {RowColumns} from './row-block.ts';
import type {StateShape} from './state-shape.ts';
import {ValueColumns} from './value-columns.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {CanonicalRows} from '../canonical/canonical-rows.ts';
import {damaged} from '../snapshot-format.ts';

export async function* readCanonicalRows(
  files: Pick<FileSystem, 'openForRead'>,
  path: string,
  shape: StateShape,
  range: KeyGroupRange,
): AsyncGenerator<RowColumns> {
  const handle = await files.openForRead(path);
  try {
    const {size} = await handle.status();
    const rows = new CanonicalRows(handle, path, size);
    const schema = await rows.readSchema();
    refuseOther(schema, shape, path);
    const columns = new ValueColumns(shape.spec.values);
    for await (const block of rows.read(schema, range)) {
      const {rowCount, key, group, rowsAt} = block;
      columns.reset();
      for (const values of block.values) {
        if (columns.add(values)) continue;
        throw damaged(path, rowsAt, 'values of other kinds than the schema says');
      }
      const keyGroups = new Uint16Array(rowCount).fill(group);
      const values = columns.build();
      yield {rowCount, keyGroups, key, values, path, offset: rowsAt};
    }
  } finally {
    await handle.close();
  }
}
