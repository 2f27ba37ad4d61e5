// A checkpoint that was renamed away to be deleted, by an owner that died before its second look for marks of use: whoever began
// from it until the rename is told of it nowhere else. The next owner looks again, before anybody lists what there is, and puts
// it back. What went since the look was begun to be removed is not whole any more, and stays where it is.

import type {ProcessIdentity} from '../base/process-identity.ts';
import {readMetadata} from './derive-checkpoint-state.ts';
import {unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {parseCheckpointName, parseGenerationName, stateFileAt, type JobPaths} from './paths.ts';
import {statusOrNull} from './status-or-null.ts';
import {useOf} from './use-marks.ts';

/** `generation`: whose `deleted/` has the work of the older ones. Durable when it resolves. */
export async function putBackUsed(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  self: () => Pick<ProcessIdentity, 'host' | 'pidNamespace'>,
): Promise<void> {
  let count = 0;
  for (const older of await namesIn(files, paths.deleted(generation))) {
    if (parseGenerationName(older) === null) continue;
    const aside = `${paths.deleted(generation)}/${older}/deleted`;
    for (const name of await namesIn(files, aside)) {
      const id = parseCheckpointName(name);
      const path = `${aside}/${name}`;
      if (id === null || (await useOf(files, path, self)) === null) continue;
      if (!(await isWhole(files, path))) continue;
      if ((await statusOrNull(files, paths.checkpoint(id))) !== null) continue;
      await files.rename(path, paths.checkpoint(id));
      count += 1;
    }
  }
  if (count > 0) await files.syncDirectory(paths.root);
}

/** Has it all that goes with it? What it shares goes only after the look that has not been. */
async function isWhole(files: FileSystem, path: string): Promise<boolean> {
  const read = await readMetadata(files, path);
  if (read.kind !== 'read') return false;
  for (const file of distinctFilesOf(read.metadata).own) {
    if ((await statusOrNull(files, stateFileAt(path, file.path)))?.size !== file.length) {
      return false;
    }
  }
  return true;
}

async function namesIn(files: FileSystem, directory: string): Promise<readonly string[]> {
  let names: readonly string[] = [];
  await unlessMissing(async () => {
    names = (await files.list(directory)).map(({name}) => name);
  });
  return names;
}
