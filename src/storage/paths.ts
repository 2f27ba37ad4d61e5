// The one module that makes and parses paths under a job's checkpoint directory:
//
//   <checkpoints.dir>/<job-name>/
//     FORMAT
//     owner/NNNNNNNNNN[.lineage|.beat|.published|.settled|.end]     owner/aside-NNNNNNNNNN-<run id>
//     work/NNNNNNNNNN/{pending/chk-N, deleted/…, record-K}
//     work/NNNNNNNNNN/pending/chk-N/.shared/<sha256>     what its publish links into shared/
//     chk-N/{_metadata, SHA256SUMS, <operator-uid>/<subtask>.<name>}
//     shared/<first 2 digits>/<sha256>   holds/chk-N[.<lineage>]
//
// and the names in a directory of savepoints:
//
//   savepoint-<first 6 digits of the job id>-<12 digits>                      a savepoint
//   .savepoint-<job id>-<generation>-<the same 12 digits>                     one that is being written
//   .claimed-<lineage>-<name>                                                 one that is being removed after a claim
//   .copying-…-<name>                                                         a copy that is being written
//
// and in a checkpoint or savepoint:
//
//   claimed-by, and .claimed-by-<lineage> until it is linked            claims.ts
//   held                                                                holds.ts; in savepoints
//   used-by-<lineage>, and .used-by-<lineage> until it is renamed       use-marks.ts
//
// Every number that is parsed here is a safe integer; every other name is `null`: left alone.

import {assert} from '../base/assert.ts';
import {isJobName, isOperatorUid} from '../base/ids.ts';

export const METADATA_FILE = '_metadata';
export const CHECKSUMS_FILE = 'SHA256SUMS';
/** In what was claimed: by which job directory and lineage. */
export const CLAIM_FILE = 'claimed-by';
/** In an attempt; no operator uid begins with a dot. */
const TO_SHARE_DIRECTORY = '.shared';
const USE_PREFIX = 'used-by-';
const SHARED_DIRECTORY = 'shared';

export const GENERATION_MAX = 9_999_999_999;
const GENERATION_DIGITS = 10;
export const STATE_NAME_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;

const LINEAGE_PATTERN = /^[0-9a-f]{16}$/;

export const OWNER_MARKS = ['lineage', 'beat', 'published', 'settled', 'claimed', 'end'] as const;
export type OwnerMark = (typeof OWNER_MARKS)[number];

/** A checkpoint that retention and prune skip. */
export interface Hold {
  readonly checkpointId: number;
  /** The lineage that was restored from it without a claim; null: `checkpoint hold`. */
  readonly lineage: string | null;
}

/** `<checkpoints.dir>/<job-name>`. */
export function jobDirectoryOf(checkpointsDirectory: string, jobName: string): string {
  assert(isJobName(jobName), `job name ${jobName}`);
  return join(checkpointsDirectory, jobName);
}

/** Paths below one job directory. */
export class JobPaths {
  readonly root: string;
  readonly format: string;
  readonly ownerDirectory: string;
  readonly workDirectory: string;
  readonly sharedDirectory: string;
  readonly holdsDirectory: string;

  constructor(root: string) {
    assert(root.startsWith('/'), `absolute job directory: ${root}`);
    this.root = root;
    this.format = join(root, 'FORMAT');
    this.ownerDirectory = join(root, 'owner');
    this.workDirectory = join(root, 'work');
    this.sharedDirectory = join(root, SHARED_DIRECTORY);
    this.holdsDirectory = join(root, 'holds');
  }

  formatAside(runId: string): string {
    return join(this.root, `FORMAT-${runId}`);
  }

  owner(generation: number): string {
    return join(this.ownerDirectory, generationName(generation));
  }

  ownerAside(generation: number, runId: string): string {
    return join(this.ownerDirectory, `aside-${generationName(generation)}-${runId}`);
  }

  ownerMark(generation: number, mark: OwnerMark): string {
    return `${this.owner(generation)}.${mark}`;
  }

  work(generation: number): string {
    return join(this.workDirectory, generationName(generation));
  }

  pending(generation: number): string {
    return join(this.work(generation), 'pending');
  }

  deleted(generation: number): string {
    return join(this.work(generation), 'deleted');
  }

  /** Where a record of this generation is written before it is linked into `owner/`. */
  workRecord(generation: number, count: number): string {
    return join(this.work(generation), `record-${count}`);
  }

  attempt(generation: number, checkpointId: number): string {
    return join(this.pending(generation), checkpointName(checkpointId));
  }

  checkpoint(checkpointId: number): string {
    return join(this.root, checkpointName(checkpointId));
  }

  hold(hold: Hold): string {
    return join(this.holdsDirectory, holdName(hold));
  }

  /** `shared/ab`, for the file of that content. */
  sharedSubdirectory(sha256: string): string {
    return join(this.sharedDirectory, sha256.slice(0, 2));
  }

  sharedFile(sha256: string): string {
    return join(this.sharedSubdirectory(sha256), sha256);
  }
}

export function join(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

/** The directory that holds `path`; `/` is its own. */
export function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function generationName(generation: number): string {
  assert(
    Number.isSafeInteger(generation) && generation >= 1 && generation <= GENERATION_MAX,
    `generation ${generation}`,
  );
  return String(generation).padStart(GENERATION_DIGITS, '0');
}

/** A name in `work/`. */
export function parseGenerationName(name: string): number | null {
  if (!/^\d{10}$/.test(name)) return null;
  const generation = Number(name);
  return generation >= 1 ? generation : null;
}

/** A name in `owner/`. */
export function parseOwnerName(
  name: string,
):
  | {readonly kind: 'record'; readonly generation: number}
  | {readonly kind: 'mark'; readonly generation: number; readonly mark: OwnerMark}
  | {readonly kind: 'aside'; readonly generation: number}
  | null {
  const aside = /^aside-(\d{10})-[0-9a-f]{1,64}$/.exec(name);
  const generation = parseGenerationName(
    aside === null ? name.slice(0, GENERATION_DIGITS) : (aside[1] ?? ''),
  );
  if (generation === null) return null;
  if (aside !== null) return {kind: 'aside', generation};
  const suffix = name.slice(GENERATION_DIGITS);
  if (suffix === '') return {kind: 'record', generation};
  const mark = OWNER_MARKS.find((candidate) => suffix === `.${candidate}`);
  return mark === undefined ? null : {kind: 'mark', generation, mark};
}

export function checkpointName(checkpointId: number): string {
  assert(Number.isSafeInteger(checkpointId) && checkpointId >= 1, `checkpoint id ${checkpointId}`);
  return `chk-${checkpointId}`;
}

/** The id in `chk-N`, exactly as it is written. */
export function parseCheckpointName(name: string): number | null {
  const match = /^chk-([1-9]\d{0,15})$/.exec(name);
  if (match === null) return null;
  const id = Number(match[1]);
  return Number.isSafeInteger(id) ? id : null;
}

/** A name in `holds/`. */
export function holdName({checkpointId, lineage}: Hold): string {
  const name = checkpointName(checkpointId);
  if (lineage === null) return name;
  assert(LINEAGE_PATTERN.test(lineage), `lineage ${lineage}`);
  return `${name}.${lineage}`;
}

export function parseHoldName(name: string): Hold | null {
  const dot = name.indexOf('.');
  const checkpointId = parseCheckpointName(dot < 0 ? name : name.slice(0, dot));
  if (checkpointId === null) return null;
  if (dot < 0) return {checkpointId, lineage: null};
  const lineage = name.slice(dot + 1);
  return LINEAGE_PATTERN.test(lineage) ? {checkpointId, lineage} : null;
}

/** Beside `claimed-by`, until it is linked. */
export function claimAsideName(lineage: string): string {
  assert(LINEAGE_PATTERN.test(lineage), `lineage ${lineage}`);
  return `.${CLAIM_FILE}-${lineage}`;
}

/** In a savepoint that nobody is to delete. */
export const HOLD_FILE = 'held';

/** In a checkpoint that a lineage of elsewhere was restored from without a claim. */
export function useName(lineage: string): string {
  assert(LINEAGE_PATTERN.test(lineage), `lineage ${lineage}`);
  return `${USE_PREFIX}${lineage}`;
}

/** Until it is renamed. */
export function useAsideName(lineage: string): string {
  return `.${useName(lineage)}`;
}

/** The lineage in the name of a use mark. */
export function parseUseName(name: string): string | null {
  const lineage = name.startsWith(USE_PREFIX) ? name.slice(USE_PREFIX.length) : '';
  return LINEAGE_PATTERN.test(lineage) ? lineage : null;
}

/** In a checkpoint, and no part of it: whose it is, and who needs it. */
export function isMarkName(name: string): boolean {
  if (name === CLAIM_FILE || name === HOLD_FILE || parseUseName(name) !== null) return true;
  return /^\.(claimed|used)-by-[0-9a-f]{16}$/.test(name);
}

/** Where a directory that `lineage` claimed lies from the rename that takes it away. */
export function removedClaimName(lineage: string, name: string): string {
  assert(LINEAGE_PATTERN.test(lineage), `lineage ${lineage}`);
  return `.claimed-${lineage}-${name}`;
}

/** `<uid>/<subtask>.<name>`: the path of a state file inside its checkpoint. */
export function stateFilePath(uid: string, subtask: number, name: string): string {
  assert(isOperatorUid(uid), `operator uid ${uid}`);
  assert(Number.isSafeInteger(subtask) && subtask >= 0, `subtask ${subtask}`);
  assert(STATE_NAME_PATTERN.test(name), `state name ${name}`);
  return `${uid}/${subtask}.${name}`;
}

/** The path of a shared file as a handle has it: relative to any checkpoint of the job directory. */
export function sharedPath(sha256: string): string {
  assert(isSharedName(sha256), `digest ${sha256}`);
  return `../${SHARED_DIRECTORY}/${sha256.slice(0, 2)}/${sha256}`;
}

const SHARED_START = `../${SHARED_DIRECTORY}/`;
const SHARED_DIGEST_START = SHARED_START.length + 'ab/'.length;

/** The digest in the path of a shared file, which has exactly one form; null: it is none. */
export function parseSharedPath(path: string): string | null {
  if (!path.startsWith(SHARED_START)) return null;
  const sha256 = path.slice(SHARED_DIGEST_START);
  // `../shared/ab/`, of which only `ab/` is left to look at.
  const isBelow = path.startsWith('/', SHARED_DIGEST_START - 1);
  const isAbove = path.startsWith(sha256.slice(0, 2), SHARED_START.length);
  return isBelow && isAbove && isSharedName(sha256) ? sha256 : null;
}

/** A name in `shared/ab/`. */
export function isSharedName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** Absolute path of the state file that a handle of the checkpoint in `directory` names. */
export function stateFileAt(directory: string, path: string): string {
  const isShared = parseSharedPath(path) !== null;
  return isShared ? join(parentOf(directory), path.slice('../'.length)) : join(directory, path);
}

/** What `checkpoint verify` takes for the file of a state: its checkpoint, or of one in `shared/` the directory of those that need it. */
export function verifiableAbove(stateFile: string): string {
  const above = parentOf(parentOf(stateFile));
  return baseName(above) === SHARED_DIRECTORY ? parentOf(above) : above;
}

/** Where an attempt keeps the files that its publish links into `shared/`; their names are their digests. */
export function toShareDirectory(attemptDirectory: string): string {
  return join(attemptDirectory, TO_SHARE_DIRECTORY);
}

/** `random`: 12 hexadecimal digits. */
export function savepointName(jobId: string, random: string): string {
  assert(/^[0-9a-f]{32}$/.test(jobId) && /^[0-9a-f]{12}$/.test(random), `${jobId} ${random}`);
  return `savepoint-${jobId.slice(0, 6)}-${random}`;
}

/** The random part of a savepoint's name; null: it is none. */
export function parseSavepointName(name: string): string | null {
  return /^savepoint-[0-9a-f]{6}-([0-9a-f]{12})$/.exec(name)?.[1] ?? null;
}

/** Where a savepoint lies from the rename that disposes of it. */
export function disposedName(random: string, name: string): string {
  return `.deleted-${random}-${name}`;
}

export function isDisposedName(name: string): boolean {
  return /^\.deleted-[0-9a-f]{1,64}-savepoint-[0-9a-f]{6}-[0-9a-f]{12}$/.test(name);
}

/** Beside the copy of a checkpoint, until it is renamed: `.copying-<12 digits>-<pid>-<start>-<12 digits>-<name>`. */
export interface CopyingName {
  /** 12 hexadecimal digits: of the machine, since it was started, and of the pids on it; null: not known. */
  readonly machine: string | null;
  readonly pid: number;
  /** Of the process, as the kernel tells it. */
  readonly startTime: string | null;
  /** Of the copy. */
  readonly name: string;
}

export function copyingName({machine, pid, startTime, name}: CopyingName, random: string): string {
  return `.copying-${machine ?? UNKNOWN}-${pid}-${startTime ?? UNKNOWN}-${random}-${name}`;
}

export function parseCopyingName(text: string): CopyingName | null {
  const match = /^\.copying-([0-9a-f]{12}|x)-(\d{1,10})-(\d{1,20}|x)-[0-9a-f]{12}-(.+)$/s.exec(
    text,
  );
  if (match === null) return null;
  const [, machine = '', pid = '', startTime = '', name = ''] = match;
  return {machine: known(machine), pid: Number(pid), startTime: known(startTime), name};
}

const UNKNOWN = 'x';

function known(text: string): string | null {
  return text === UNKNOWN ? null : text;
}

/** Of a disposed one. */
export function savepointNameOf(disposed: string): string {
  assert(isDisposedName(disposed), `disposed name ${disposed}`);
  return disposed.slice(disposed.lastIndexOf('savepoint-'));
}

/** Beside the savepoint, until it is renamed. */
export function unfinishedSavepointName(jobId: string, generation: number, random: string): string {
  return `.savepoint-${jobId}-${generationName(generation)}-${random}`;
}

export function parseUnfinishedSavepoint(
  name: string,
): {readonly jobId: string; readonly generation: number} | null {
  const match = /^\.savepoint-([0-9a-f]{32})-(\d{10})-[0-9a-f]{12}$/.exec(name);
  const generation = parseGenerationName(match?.[2] ?? '');
  return match === null || generation === null ? null : {jobId: match[1] ?? '', generation};
}
