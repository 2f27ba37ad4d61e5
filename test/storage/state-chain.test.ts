// Promise: `verify`, `list` and whoever chooses a checkpoint to restore see a chain of state files that is not whole, and
// name the file that is missing; a published checkpoint with a whole chain is complete.
import {describe, expect, it} from 'vitest';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {sharedPath} from '#src/storage/paths.js';
import {beginFresh, start} from './support/fixture.ts';
import {MemoryFileSystem} from './support/memory-file-system.ts';
import {bring, sharingMetadata} from './support/shared-states.ts';

const CONTENTS = ['all rows', 'first delta', 'second delta'];

/** A published checkpoint whose table has the files of `choose`, out of a chain of three. */
async function publishChain(
  choose: (chain: readonly FileState[]) => readonly FileState[],
): Promise<{disk: MemoryFileSystem; path: string; chain: readonly FileState[]}> {
  const disk = new MemoryFileSystem();
  const owner: Ownership = await start(disk);
  await beginFresh(owner);
  const attempt = await owner.beginAttempt(2);
  const files: FileState[] = [];
  for (const [place, content] of CONTENTS.entries()) {
    files.push(await bring(disk, attempt, content, place));
  }
  const chain = files.map((file, sequence): FileState => {
    const previous = files[sequence - 1]?.sha256 ?? null;
    const description = {chain: {sequence, previous, files: files.length}};
    return {...file, name: 'part', description};
  });
  const {path} = await attempt.publish(sharingMetadata(owner, 2, choose(chain)));
  return {disk, path, chain};
}

async function findings(disk: MemoryFileSystem, directory: string): Promise<string[]> {
  const found: string[] = [];
  const onFinding = ({code, path}: {code: string; path: string}): number =>
    found.push(`${code} ${path}`);
  await checkCheckpoint({files: disk, directory, level: 'checksum', onFinding});
  return found;
}

describe('a chain of state files', () => {
  it('that is whole is complete', async () => {
    const {disk, path} = await publishChain((chain) => chain);
    expect(await findings(disk, path)).toEqual([]);
    expect((await deriveCheckpointState(disk, path)).kind).toBe('complete');
  });

  it.each([
    ['without its base', [1, 2], 0],
    ['without a delta between two', [0, 2], 1],
    ['without its last delta', [0, 1], 1],
    ['out of order', [0, 2, 1], 2],
    ['with a file twice', [0, 1, 1, 2], 1],
  ] as const)('%s is damaged, and the file is named', async (_, kept, named) => {
    const {disk, path, chain} = await publishChain((all) => kept.map((index) => all[index]!));
    const job = path.slice(0, path.lastIndexOf('/'));
    const name = sharedPath(chain[named]!.sha256).slice('../'.length);
    expect(await findings(disk, path)).toEqual([`chain-broken ${job}/${name}`]);
    const state = await deriveCheckpointState(disk, path);
    expect(state).toMatchObject({kind: 'damaged'});
    const readable = state.kind === 'damaged' ? state.readable! : null;
    const {metadata, metadataSha256} = readable!;
    const checkpoint = {state: 'complete' as const, id: 2, path, metadata, metadataSha256};
    const verified = await verifyCheckpoint(disk, checkpoint);
    expect(verified).toMatchObject({kind: 'damaged'});
    expect(JSON.stringify(verified)).toContain(name);
  });

  it('one of whose files is gone is damaged, and the file is named', async () => {
    const {disk, path, chain} = await publishChain((all) => all);
    const job = path.slice(0, path.lastIndexOf('/'));
    const file = `${job}/${sharedPath(chain[1]!.sha256).slice('../'.length)}`;
    await disk.unlink(file);
    expect(await findings(disk, path)).toEqual([`file-absent ${file}`]);
  });
});
