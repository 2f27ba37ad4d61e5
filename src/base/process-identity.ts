// Who a process is, so that another one can tell years later whether it still runs. A pid alone says
// nothing: it is reused, and every container has a pid 1. Reading /proc is storage's.

export interface ProcessIdentity {
  readonly host: string;
  /** Of the running kernel; null where the system has none. */
  readonly bootId: string | null;
  /** Two processes see the same pids only in the same namespace; null where the system has none. */
  readonly pidNamespace: string | null;
  readonly pid: number;
  /** In the kernel's own unit; compared, never computed with. Null where it cannot be read. */
  readonly startTime: string | null;
}

/** What looking for a pid found. */
export type ProcessSighting =
  | {readonly kind: 'running'; readonly startTime: string | null}
  | {readonly kind: 'gone'}
  /** Something has that pid, or may have: it cannot be looked at. */
  | {readonly kind: 'unknown'};

/** `unknown`: the pid says nothing here; ask the beat. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** Whether pids of `recorded` mean anything to `here`. */
export function sharesProcessTable(recorded: ProcessIdentity, here: ProcessIdentity): boolean {
  return (
    recorded.bootId !== null &&
    recorded.bootId === here.bootId &&
    recorded.pidNamespace !== null &&
    recorded.pidNamespace === here.pidNamespace
  );
}

/** Judges the process that wrote `recorded` by what `here` sees under its pid. */
export function judgeProcess(
  recorded: ProcessIdentity,
  here: ProcessIdentity,
  look: (pid: number) => ProcessSighting,
): Liveness {
  if (!sharesProcessTable(recorded, here)) return 'unknown';
  const sighting = look(recorded.pid);
  switch (sighting.kind) {
    case 'gone':
      return 'dead';
    case 'unknown':
      return 'unknown';
    case 'running':
      if (sighting.startTime === null || recorded.startTime === null) return 'unknown';
      return sighting.startTime === recorded.startTime ? 'alive' : 'dead';
  }
}
