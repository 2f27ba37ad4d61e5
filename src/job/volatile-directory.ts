// Which directories do not outlive the machine: file systems in memory, and those that are emptied when it
// starts. What is there is fine for a trial, and no place for state that cannot be lost.

export interface Mount {
  readonly directory: string;
  /** `ext4`, `tmpfs`, … */
  readonly type: string;
}

const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'ramfs', 'devtmpfs']);
const EMPTIED = ['/tmp', '/run', '/var/run', '/dev/shm', '/private/tmp'];

export interface VolatilePlace {
  /** All below it goes together. */
  readonly root: string;
  readonly reason: string;
}

/** Null: nothing says that it is volatile. `path` is absolute. */
export function volatilePlace(path: string, mounts: readonly Mount[]): VolatilePlace | null {
  const mount = mounts
    .filter(({directory}) => isBelow(path, directory))
    // Of two on one directory the later one is seen.
    .reduce<Mount | null>(
      (best, each) =>
        best === null || each.directory.length >= best.directory.length ? each : best,
      null,
    );
  if (mount !== null && IN_MEMORY.has(mount.type)) {
    const reason = `is in memory (${mount.type} on ${mount.directory}) and gone when the machine restarts`;
    return {root: mount.directory, reason};
  }
  const root = EMPTIED.find((directory) => isBelow(path, directory));
  return root === undefined
    ? null
    : {root, reason: `is below ${root}, which is emptied when the machine restarts, or before`};
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
