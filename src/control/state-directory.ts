// Where tidemark keeps what is no checkpoint: `TIDEMARK_HOME`, or `${XDG_STATE_HOME:-~/.local/state}/tidemark`.
// It is one user's: made with mode 0700, refused when another user owns it or may write to it. README.md has the
// layout.

import {constants} from 'node:fs';
import {lstatSync, mkdirSync, statSync, writeFileSync, unlinkSync, type Stats} from 'node:fs';
import {homedir} from 'node:os';
import {dirname, isAbsolute, join, resolve} from 'node:path';

import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {Random} from '../base/random.ts';

const OTHERS_MAY_WRITE = constants.S_IWGRP | constants.S_IWOTH;
const OTHERS_MAY_ANYTHING = constants.S_IRWXG | constants.S_IRWXO;
export const PRIVATE_MODE = constants.S_IRWXU;

type Environment = Readonly<Record<string, string | undefined>>;

export interface StatePaths {
  readonly root: string;
  /** One directory per job id. */
  readonly jobs: string;
  /** Detached runs that have not said yet which job they are. */
  readonly starting: string;
  /** The bearer token of `--listen`. */
  readonly token: string;
  /** For control sockets, when nothing better is there. */
  readonly sockets: string;
}

/** No look at the disk. */
export function statePathsOf(environment: Environment): StatePaths {
  const root = rootOf(environment);
  return {
    root,
    jobs: join(root, 'jobs'),
    starting: join(root, 'starting'),
    token: join(root, 'token'),
    sockets: join(root, 'sockets'),
  };
}

function rootOf(environment: Environment): string {
  const home = environment['TIDEMARK_HOME'];
  if (home !== undefined && home !== '') return resolve(home);
  const state = environment['XDG_STATE_HOME'];
  // The XDG specification has a relative path ignored.
  if (state !== undefined && isAbsolute(state)) return join(state, 'tidemark');
  const user = environment['HOME'];
  const base = user !== undefined && isAbsolute(user) ? user : homedir();
  return join(base, '.local', 'state', 'tidemark');
}

/** Makes what is missing, and proves that a file can be written. STORAGE_FAILED or REFUSED otherwise. */
export function openStateDirectory(paths: StatePaths, random: Random): void {
  try {
    mkdirSync(dirname(paths.root), {recursive: true});
    makePrivateDirectory(paths.root);
    requireOwn(paths.root, statSync(paths.root), OTHERS_MAY_WRITE);
    for (const path of [paths.jobs, paths.starting]) makePrivateDirectory(path);
    const probe = join(paths.root, `.probe-${random.hex(8)}`);
    writeFileSync(probe, 'probe\n', {flag: 'wx', mode: 0o600});
    unlinkSync(probe);
  } catch (error) {
    throw stateDirectoryError(paths.root, error);
  }
}

export function stateDirectoryError(path: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const code = systemErrorCode(error);
  if (code === null) throw error;
  return new EngineError('STORAGE_FAILED', `the state directory ${path} cannot be used: ${code}`, {
    file: path,
    hint: 'set TIDEMARK_HOME to a directory of yours with room in it',
    cause: error,
  });
}

/** Makes it with mode 0700; one that is there must be ours and nobody else's. A link is refused. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, {mode: PRIVATE_MODE});
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}

/** As `makePrivateDirectory`, for one in a place where others may make directories too. */
export function requirePrivateDirectory(path: string): void {
  makePrivateDirectory(path);
  requireOwn(path, lstatSync(path), OTHERS_MAY_ANYTHING);
}

function requireOwn(path: string, status: Stats, forbidden: number): void {
  const user = process.getuid?.();
  const what = !status.isDirectory()
    ? 'is no directory'
    : user !== undefined && status.uid !== user
      ? `belongs to another user (uid ${status.uid})`
      : (status.mode & forbidden) !== 0
        ? `may be used by others (mode ${(status.mode & 0o777).toString(8)})`
        : null;
  if (what === null) return;
  throw new EngineError('REFUSED', `${path} ${what}: it must be yours alone`, {
    file: path,
    hint: 'remove it or set its mode to 700, or set TIDEMARK_HOME to another directory',
  });
}
