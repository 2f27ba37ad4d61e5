// The temporaries of a file sink: each has a name of its own, and is removed only when no checkpoint prepared it.

import {expect, test} from 'vitest';

import {readCommittables} from '#src/connectors/file/prepared-part.js';
import {removeTemporaries} from '#src/connectors/file/settle.js';
import {fileSink} from '#src/connectors/file/sink.js';
import type {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {LINEAGE, sinkSpec, testContext} from './support/context.ts';
import {batchOf, DIRECTORY, newDisk, TYPES} from './support/sink-suite.ts';

const OWNER = {job: 'my.job-1', sink: 'out'};

/** What a writer of this generation prepares for its first checkpoint. */
async function prepare(files: MemoryFileSystem, generation = 1): Promise<readonly string[]> {
  const spec = sinkSpec({path: 'out/deep', format: 'json'}, TYPES);
  const writer = fileSink.create(spec, testContext({files, generation, uid: 'out'}));
  await writer.open();
  writer.write(batchOf([1, 2]));
  const [state] = await writer.prepare(generation);
  await writer.close();
  return readCommittables(state!, OWNER).parts.map(({temporary}) => temporary);
}

test('removing what a lineage left behind spares what its checkpoint prepared, and is durable', async () => {
  const disk = await newDisk(true);
  const [name] = await prepare(disk);
  const before = disk.snapshot();
  const lineages = new Set([LINEAGE]);
  const request = {files: disk, directory: DIRECTORY, ...OWNER, lineages, generation: 1};
  expect(await removeTemporaries({...request, except: new Set([name!])})).toEqual([]);
  expect(disk.snapshot()).toEqual(before);
  expect(await removeTemporaries({...request, except: new Set()})).toEqual([name]);
  const after = disk.afterCrash(disk.log.length, () => 'lost');
  expect(after.namesIn(DIRECTORY)).not.toContain(name);
});

test('whoever was taken over leaves what its successor makes', async () => {
  const disk = await newDisk(false);
  const [first] = await prepare(disk, 1);
  const [second] = await prepare(disk, 2);
  const lineages = new Set([LINEAGE]);
  const request = {
    files: disk,
    directory: DIRECTORY,
    ...OWNER,
    lineages,
    except: new Set<string>(),
  };
  expect(await removeTemporaries({...request, generation: 1})).toEqual([first]);
  expect(disk.namesIn(DIRECTORY)).toContain(second);
  expect(await removeTemporaries({...request, generation: 2})).toEqual([second]);
});

test('B44 writers of two generations never share a name', async () => {
  const disk = await newDisk(false);
  const names = [...(await prepare(disk, 1)), ...(await prepare(disk, 2))];
  expect(new Set(names).size).toBe(2);
});
