/** As Node makes them, for what a file system is to refuse by itself. */
export function systemError(code: string, call: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), {code, syscall: call, path});
}

/** What it is about: not always the file that was asked for, when something above that is in the way. */
export function systemErrorPath(thrown: unknown, asked: string): string {
  const path: unknown = thrown instanceof Error ? (thrown as {path?: unknown}).path : undefined;
  return typeof path === 'string' ? path : asked;
}
