/** One thing that `doctor` looked at. */
export interface Check {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly severity: 'ok' | 'warning' | 'error';
  readonly message: string;
  /** Absolute; null: the machine as a whole. */
  readonly path: string | null;
  /** What to do; null: nothing. */
  readonly suggestion: string | null;
}

export function ok(id: string, message: string, path: string | null = null): Check {
  return {id, severity: 'ok', message, path, suggestion: null};
}

export function warning(
  id: string,
  message: string,
  suggestion: string,
  path: string | null = null,
): Check {
  return {id, severity: 'warning', message, path, suggestion};
}

export function bad(
  id: string,
  message: string,
  suggestion: string,
  path: string | null = null,
): Check {
  return {id, severity: 'error', message, path, suggestion};
}
