// Promise: what dead deployments of a job left in the directories for live databases goes at its next start, whatever operators and
// subtasks they had; what the deployment itself has there, and what is another's, stays.
import {expect, test} from 'vitest';
import {LocalDirectory} from '#src/state/rocksdb/local-directory.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';

test('of an earlier deployment everything goes, also of operators and subtasks that are no more', async () => {
  const files = new MemoryFileSystem();
  for (const path of ['/a', '/b', '/a/notes', '/a/tidemark-0000000000000000-0000000001-op.0']) {
    await files.makeDirectory(path);
  }
  const directories = ['/a', '/b'];
  const make = async (generation: number, uid: string, subtask: number): Promise<LocalDirectory> =>
    LocalDirectory.make({jobDirectory: '/job', generation, uid, subtask, directories}, files);
  const names = async (): Promise<string[]> => {
    const entries = await Promise.all(directories.map(async (path) => files.list(path)));
    return entries
      .flat()
      .map(({name}) => name.replace(/^tidemark-[1-9a-f][0-9a-f]*-0+/, ''))
      .sort();
  };
  // `op` has four subtasks, and `gone` is a step that is removed; then the process dies.
  for (const subtask of [0, 1, 2, 3]) await (await make(9, 'op', subtask)).child('db');
  await make(9, 'gone', 1);
  const others = ['notes', 'tidemark-0000000000000000-0000000001-op.0'];
  const nine = ['9-gone.1', '9-op.0', '9-op.1', '9-op.2', '9-op.3'];
  expect(await names()).toEqual([...nine, ...others]);
  // One subtask is enough, whichever of the directories is its own.
  const made = [await make(10, 'op', 0)];
  expect(await names()).toEqual(['10-op.0', ...others]);
  made.push(...(await Promise.all([make(10, 'op', 1), make(10, 'op', 12)])));
  expect(await names()).toEqual(['10-op.0', '10-op.1', '10-op.12', ...others]);
  for (const directory of made) await directory.remove();
  expect(await names()).toEqual(others);
});
