// stdout and stderr when their reader goes away, and the way out of the process.

import {ERROR_CODES, systemErrorCode} from '../../src/index.ts';

let stdoutClosed = false;
/** Nobody waits for stdout's reader any more. */
let hurried = false;
let wake: () => void = () => undefined;
let onStdoutClosed: () => void = () => {
  process.exit(process.exitCode ?? 0);
};

/** Once, at start: a closed pipe is no error of ours, a full disk under stdout is. */
export function guardStreams(): void {
  // First: oclif's own listener throws what is not EPIPE.
  process.stdout.prependListener('error', stdoutFailed);
  // Nobody is left to tell.
  process.stderr.on('error', () => undefined);
}

function stdoutFailed(error: unknown): void {
  if (stdoutClosed) return;
  stdoutClosed = true;
  wake();
  if (systemErrorCode(error) === 'EPIPE') {
    onStdoutClosed();
    return;
  }
  writeNote(`error: stdout cannot be written: ${String(error)}`);
  process.exit(ERROR_CODES.STORAGE_FAILED);
}

/** For commands whose work goes on when nobody reads: what to do instead of ending with status 0. */
export function whenStdoutCloses(action: () => void): void {
  onStdoutClosed = action;
}

/** A line on stdout: the result. */
export function writeResult(text: string): void {
  if (stdoutClosed) return;
  try {
    process.stdout.write(`${text}\n`);
  } catch (error) {
    // A file under stdout is written synchronously.
    stdoutFailed(error);
  }
}

/** Lines on stdout as they are, each with its line break. */
export function writeLines(lines: Uint8Array): void {
  if (stdoutClosed) return;
  try {
    process.stdout.write(lines);
  } catch (error) {
    stdoutFailed(error);
  }
}

/** Stdout's reader is behind: more would only be kept in memory. */
export function stdoutIsFull(): boolean {
  return process.stdout.writableNeedDrain && !stdoutClosed && !hurried;
}

/** Resolves when there is room again, the reader has left, or nobody waits any more. */
export async function stdoutHasRoom(): Promise<void> {
  await new Promise<void>((resolve) => {
    wake = resolve;
    process.stdout.once('drain', resolve);
  });
  // Woken by something else, it would stay.
  process.stdout.removeListener('drain', wake);
}

/** From now on what is written is kept in memory, however slow the reader is. */
export function stopWaitingForReader(): void {
  hurried = true;
  wake();
}

/** What stdout's reader has not taken yet is given up. */
export function giveStdoutUp(): void {
  stdoutClosed = true;
  wake();
}

/** A line on stderr: everything else. */
export function writeNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function stdoutTaken(): Promise<void> {
  if (stdoutClosed) return;
  const givenUp = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await Promise.race([flushed(process.stdout), givenUp]);
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.write('', () => {
      resolve();
    });
  });
}

/** Resolves when what was written has left the process. */
export async function flushStreams(): Promise<void> {
  await Promise.all([stdoutTaken(), flushed(process.stderr)]);
}
