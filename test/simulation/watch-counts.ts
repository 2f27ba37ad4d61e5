// What a watcher has seen.

export interface WatchCounts {
  checkpoints: number;
  unaligned: number;
  deltas: number;
  /** Snapshots that were written while a later one of the thread had been triggered. */
  overlapping: number;
  inFlight: number;
  restoredInFlight: number;
  restoredDeltas: number;
  failedCheckpoints: number;
  starts: number;
  restores: number;
  restarts: number;
  commits: number;
  verified: number;
  deleted: number;
  withdrawn: number;
}

export function noCounts(): WatchCounts {
  return {
    checkpoints: 0,
    unaligned: 0,
    deltas: 0,
    overlapping: 0,
    inFlight: 0,
    restoredInFlight: 0,
    restoredDeltas: 0,
    failedCheckpoints: 0,
    starts: 0,
    restores: 0,
    restarts: 0,
    commits: 0,
    verified: 0,
    deleted: 0,
    withdrawn: 0,
  };
}
