/** A job directory below `root`, with so many checkpoints; its path. */
export function makeManyCheckpoints(root: string, count: number): string;
/** A checkpoint with so many files; its path. */
export function makeLargeCheckpoint(root: string, count: number): string;
/** A checkpoint with so many files of so many bytes; its path. */
export function makeHeavyCheckpoint(root: string, count: number, bytes: number): string;
