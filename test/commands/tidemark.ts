// Vocabulary of the command tests: the built command line as a child process, in a pipe or in a terminal.

import {fileURLToPath} from 'node:url';
import {execa} from 'execa';
import type {ErrorReport} from '#commands/_shared/error-report.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export type Variables = Readonly<Record<string, string>>;

export interface Ending {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing of the caller's environment that changes how a command speaks. */
export function environment(extra: Variables): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined &&
      !/^(TIDEMARK_(?!HOME$)|NO_COLOR$|FORCE_COLOR$|COLORTERM$|CI$|TERM$|NODE_ENV$)/.test(name),
  ) as [string, string][];
  return {...Object.fromEntries(kept), TERM: 'xterm-256color', ...extra};
}

export async function tidemark(args: readonly string[], extra: Variables = {}): Promise<Ending> {
  return node([BIN, ...args], extra);
}

export async function node(args: readonly string[], extra: Variables = {}): Promise<Ending> {
  const result = await execa(process.execPath, args, {
    env: environment(extra),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    cwd: ROOT,
  });
  return {status: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr};
}

/** `script` may use "$NODE" and "$BIN". */
export async function shell(script: string, extra: Variables = {}): Promise<Ending> {
  const result = await execa('bash', ['-c', script], {
    env: {...environment(extra), NODE: process.execPath, BIN},
    extendEnv: false,
    reject: false,
    cwd: ROOT,
  });
  return {status: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr};
}

/** What a failure prints with --json: one object, or the line before the summary of JSON Lines. */
export function errorOf({stdout}: Ending): ErrorReport {
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as {error?: ErrorReport});
  const {error} = lines.at(-2) ?? lines.at(-1) ?? {};
  if (error === undefined) throw new Error(`no error in ${stdout}`);
  return error;
}
