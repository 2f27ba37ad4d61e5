// Flink deletes a checkpoint while it is read: `_metadata` first, then the files that it names. At whichever call that happens,
// nobody calls it damaged.

import {expect, test} from 'vitest';

import {copyFlinkDirectory} from '#src/inspection/flink/copy-flink-directory.js';
import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {listFlinkDirectory} from '#src/inspection/flink/list-flink-directory.js';
import {planFlinkCopy} from '#src/inspection/flink/plan-flink-copy.js';
import {processTable} from '../../storage/support/fixture.js';
import type {MemoryFileSystem} from '../../storage/support/memory-file-system.js';
import {CHECKPOINT, diskWith, INCREMENTAL, verify} from './support/flink-disk.js';

const at = {directory: CHECKPOINT, maps: []};

const READERS: Readonly<Record<string, (files: MemoryFileSystem) => Promise<unknown>>> = {
  list: async (files) => listFlinkDirectory({files, ...at}, 10),
  inspect: async (files) => inspectFlinkDirectory({files, ...at, uids: []}),
  verify: async (files) => verify(files, CHECKPOINT),
  copy: async (files) => {
    const plan = await planFlinkCopy({files, ...at});
    const random = '0123456789ab';
    await copyFlinkDirectory({
      files,
      plan,
      target: '/copies/one',
      random,
      processes: processTable(),
    });
  },
};

async function remove(disk: MemoryFileSystem): Promise<void> {
  await disk.unlink(`${CHECKPOINT}/_metadata`);
  for (const directory of [CHECKPOINT, `${INCREMENTAL}/shared`]) {
    for (const {name} of await disk.list(directory)) await disk.unlink(`${directory}/${name}`);
  }
}

test.each(Object.keys(READERS))('%s', async (reader) => {
  const endings = new Set<string>();
  for (let n = 1; ; n += 1) {
    const disk = await diskWith('v6/rocksdb-incremental');
    let [calls, removed] = [0, false];
    disk.options = {
      async pause() {
        calls += 1;
        if (calls !== n || removed) return;
        removed = true;
        await remove(disk);
      },
    };
    const ending: unknown = await READERS[reader]!(disk).catch((error: unknown) => error);
    if (!removed) break;
    endings.add(wordOf(ending));
    expect(wordOf(ending), `call ${n}`).not.toMatch(/damaged|DAMAGED|STORAGE_FAILED/);
  }
  expect(endings.size).toBeGreaterThan(0);
});

/** How it ended: the code of an error, or what it says of the checkpoint. */
function wordOf(ending: unknown): string {
  if (ending === undefined) return 'copied';
  if (ending instanceof Error) return (ending as Error & {code: string}).code;
  const {item, state, errorCode} = ending as Record<string, unknown>;
  if (item !== undefined) return (item as {state: string}).state;
  return typeof state === 'string' ? state : String(errorCode);
}
