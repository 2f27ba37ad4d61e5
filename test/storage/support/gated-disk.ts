// A disk on which chosen calls wait until they are let through: two things happen at once, in the order that a test says.

import type {FileSystem} from '#src/storage/file-system.js';
import {MemoryFileSystem} from './memory-file-system.js';

interface Gate {
  /** Behind the gate. */
  readonly disk: MemoryFileSystem;
  /** The first call that waits. */
  readonly reached: Promise<void>;
  open(): void;
}

/** Calls that `waits` names wait until the gate is open. */
export function gatedDisk(
  waits: (call: {readonly name: string; readonly path: string}) => boolean,
): {
  disk: FileSystem;
  gate: Gate;
} {
  const disk = new MemoryFileSystem();
  let reach = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  const gated = new Proxy<FileSystem>(disk, {
    get(_, name: Exclude<keyof FileSystem, 'statuses' | 'realPath'>) {
      if (!(name in disk)) return undefined;
      const call = disk[name].bind(disk) as (...values: unknown[]) => Promise<unknown>;
      return async (...values: [string, ...unknown[]]) => {
        if (waits({name, path: values[0]})) {
          reach();
          await opened;
        }
        return call(...values);
      };
    },
  });
  return {disk: gated, gate: {disk, reached, open: () => open()}};
}

/** Whatever can go on in memory has gone on. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 300; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
