/** An invariant of ours is broken. Never caught below `runtime/`: the task or the process dies. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Fails with `message` when `condition` is false. Our mistake only; never for input or the disk. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which our own logic says is there. */
export function must<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionError(`missing: ${what}`);
  return value;
}

/** The end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
