// Promise: a chain of state files that is not whole, or whose files are others than their handles say, is refused with the
// name of what is missing or misplaced, and nothing of it is used.
import {describe, expect, it} from 'vitest';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {manyKeys, restored, Running, type Taken} from './support/incremental.ts';

describe('a chain that is not whole is refused', () => {
  async function chain(): Promise<{running: Running; taken: Taken}> {
    const running = new Running({deltasMax: 10});
    await running.update(manyKeys, 'first');
    let taken = await running.snapshot();
    for (let round = 0; round < 3; round += 1) {
      running.complete(taken);
      await running.update([['a', BigInt(round)]], `round ${round}`);
      taken = await running.snapshot();
    }
    running.complete(taken);
    expect(taken.states).toHaveLength(4);
    return {running, taken};
  }

  it.each([
    ['without its base', (s: FileState[]) => s.slice(1), 0],
    ['without a delta', (s: FileState[]) => [s[0]!, s[1]!, s[3]!], 2],
    ['without its last delta', (s: FileState[]) => s.slice(0, 3), 2],
    ['out of order', (s: FileState[]) => [s[0]!, s[2]!, s[1]!, s[3]!], 2],
    ['backwards', (s: FileState[]) => s.toReversed(), 3],
    ['with a delta twice', (s: FileState[]) => [s[0]!, s[1]!, s[1]!, s[2]!], 1],
    ['with a loop', (s: FileState[]) => [s[0]!, s[1]!, following(s[2]!, s[2]!), s[3]!], 2],
  ] as const)('%s', async (_, change, named) => {
    const {running, taken} = await chain();
    const {path} = taken.states[named]!;
    await expect(
      restored(running.files, [change([...taken.states])], taken.id),
    ).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED', message: expect.stringContaining(path)});
  });

  it('with another file under a handle', async () => {
    const {running, taken} = await chain();
    const place = (index: number): string => {
      const {sha256} = taken.states[index]!;
      return `/shared/${sha256.slice(0, 2)}/${sha256}`;
    };
    running.files.content.set(place(2), running.files.content.get(place(1))!);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(
      /it is delta 1 after [0-9a-f]{64}, not delta 2/,
    );
    running.files.content.set(place(0), running.files.content.get(place(1))!);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(
      /it is delta 1 after [0-9a-f]{64}, not a whole table/,
    );
  });

  it('with a file that is gone', async () => {
    const {running, taken} = await chain();
    const {sha256} = taken.states[1]!;
    running.files.content.delete(`/shared/${sha256.slice(0, 2)}/${sha256}`);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(sha256);
  });
});

/** The handle as if it followed another one. */
function following(state: FileState, previous: FileState): FileState {
  const {chain, ...rest} = state.description as {chain: object};
  return {...state, description: {...rest, chain: {...chain, previous: previous.sha256}}};
}
