// Every reader over one changed checkpoint, and what may come of it.

import {EngineError} from '#src/base/errors.js';
import type {CheckpointMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import type {RestorePlace} from '#src/inspection/open-database.js';
import {readStates} from '#src/inspection/state/read-states.js';
import {verifyCheckpoints, type VerifyDepth} from '#src/inspection/verify-checkpoint.js';
import {storedFacets} from '#src/recovery/compatibility.js';
import {planRestore} from '#src/recovery/plan-restore.js';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import {inFlightEdges} from '#src/state/in-flight.js';
import type {Finding} from '#src/storage/finding.js';
import {rowTexts} from '../../inspection/support/state-text.ts';
import {FakeTime} from '../../storage/support/fixture.ts';
import {FuzzDisk, type Tree} from './fuzz-disk.ts';

export interface Judged {
  /** The directory that `checkpoint list` is asked for. */
  readonly home: string;
  /** Of the checkpoint. */
  readonly directory: string;
  /** Before anything was changed. */
  readonly metadata: CheckpointMetadata;
  readonly rows: string;
}

/** `found`: at the level checksum; `refused`: deeper; `same`, `other`: verified, and its rows. */
export type Outcome = 'found' | 'refused' | 'not read' | 'same' | 'other';

/** Of one table: more than the kept checkpoints have bytes. */
const ROWS_MAX = 50_000;

/** What of an error is no answer: a disk in memory never fails by itself. */
const NO_ANSWER: ReadonlySet<string> = new Set(['UNEXPECTED', 'STORAGE_FAILED']);

/**
 * Throws what no reader may do. `level`: that verify is asked for, of bytes that somebody summed again always a deep one;
 * `lists`: list and manifest, else inspect and plan.
 */
export async function judge(
  tree: Tree,
  {home, directory, metadata, rows}: Judged,
  {
    sealed,
    level,
    lists,
  }: {
    readonly sealed: boolean;
    readonly level: 'checksum' | 'decode' | 'restore';
    readonly lists: boolean;
  },
): Promise<Outcome> {
  const disk = new FuzzDisk(tree);
  const own = [directory, `${home}/shared`, '/scratch'];
  const deep = await verified(disk, level, own, directory);
  // Deeper levels begin with all that checksum does.
  const {isSummed} = deep;
  if (lists) {
    await answered(disk, 'list', [home], async () => listCheckpointDirectory(disk, home));
    const quick = await verified(disk, 'manifest', own, directory);
    if (!quick.isOk && isSummed) throw new Error(`manifest sees what ${level} does not`);
  } else {
    const inspected = await answered(disk, 'inspect', [home], async () =>
      inspectCheckpoint(disk, directory),
    );
    if (typeof inspected !== 'string') {
      await answered(disk, 'plan', [], async () => {
        planOf(inspected.metadata, metadata);
        return Promise.resolve();
      });
    }
  }
  const restored = await answered(disk, 'restore', own, async () => restorable(disk, directory));
  if (restored === true && !isSummed) throw new Error('restored, and verify finds damage');
  const read = await answered(disk, 'readStates', own, async () => rowsOf(disk, directory));
  if (disk.violations.length > 0) throw new Error(disk.violations.join('; '));
  if (!isSummed) return 'found';
  if (!sealed) throw new Error(`what has other bytes is verified (${deep.text})`);
  if (!deep.isOk) return deep.isRefused ? 'refused' : 'not read';
  if (typeof read === 'string') throw new Error(`${level} is ok, and the rows are ${read}`);
  return read.text === rows ? 'same' : 'other';
}

interface Verified {
  readonly isOk: boolean;
  /** The level checksum found nothing. */
  readonly isSummed: boolean;
  readonly isRefused: boolean;
  readonly text: string;
}

async function verified(
  disk: FuzzDisk,
  level: VerifyDepth,
  allowed: readonly string[],
  directory: string,
): Promise<Verified> {
  const findings: Finding[] = [];
  const verification = await answered(disk, `verify ${level}`, allowed, async () =>
    verifyCheckpoints({
      ...{files: disk, clock: new FakeTime(), directories: [directory], level},
      place: placeOn(disk),
      onFinding: (finding) => findings.push(finding),
    }),
  );
  if (typeof verification === 'string') {
    return {isOk: false, isSummed: false, isRefused: true, text: verification};
  }
  const {errorCode, summary} = verification;
  const {errors, skipped, verdict} = summary;
  const isOk = errorCode === null;
  if (isOk !== (verdict === 'ok')) throw new Error(`${verdict} with ${String(errorCode)}`);
  if (isOk !== (errors === 0 && skipped === 0)) throw new Error(`ok with ${errors} errors`);
  const isUnread = findings.every(
    ({code, severity}) => severity === 'hint' || code === 'not-checked',
  );
  const isSummed = findings.every(
    (finding) => finding.severity === 'hint' || isOfRows(finding, `${directory}/_metadata`),
  );
  return {isOk, isSummed, isRefused: !isUnread, text: findings.map(({code}) => code).join()};
}

/** What only the levels below checksum find; also the version of a state file. */
function isOfRows({code, path}: Finding, metadataPath: string): boolean {
  if (code === 'metadata-incompatible') return path !== metadataPath;
  return code === 'rows-damaged' || code === 'rows-differ' || code === 'not-checked';
}

/** No database is opened: its files are put together, and that is all. */
export function placeOn(disk: FuzzDisk): RestorePlace {
  let made = 0;
  return {
    openStore: async () => Promise.reject(new EngineError('USAGE', 'no database is opened here')),
    async makeDirectory() {
      made += 1;
      const path = `/scratch/${made}`;
      await disk.makeDirectory(path);
      return path;
    },
  };
}

/** As text when it is refused with a code. */
export async function answered<T>(
  disk: FuzzDisk,
  what: string,
  allowed: readonly string[],
  read: () => Promise<T>,
): Promise<T | string> {
  disk.allow(allowed);
  try {
    return await read();
  } catch (error) {
    if (error instanceof EngineError && !NO_ANSWER.has(error.code)) return error.code;
    throw new Error(`${what}: ${String(error)}`, {cause: error});
  }
}

/** What a restore asks: what the directory is, then every byte of it. */
async function restorable(disk: FuzzDisk, directory: string): Promise<boolean> {
  const facts = await readCheckpoint(disk, directory);
  if (facts?.state !== 'complete') return false;
  return (await verifyCheckpoint(disk, facts)).kind === 'verified';
}

/** The changed checkpoint into the job that wrote the one before the change. */
function planOf(changed: CheckpointMetadata, before: CheckpointMetadata): void {
  const plan = planRestore({
    metadata: changed,
    operators: before.operators.map((operator) => ({
      ...{uid: operator.uid, type: operator.type, stateful: true},
      compatibility: storedFacets(operator),
    })),
    maxParallelism: before.operators[0]!.maxParallelism,
    allowNonRestoredState: false,
    edges: inFlightEdges(before),
  });
  JSON.stringify(plan);
}

export async function rowsOf(disk: FuzzDisk, directory: string): Promise<{readonly text: string}> {
  const texts: string[] = [];
  for await (const rows of readStates({files: disk, directory})) {
    const {operator, state} = rows.table;
    for (const text of rowTexts(rows)) texts.push(`${operator}.${state} ${text}`);
    if (texts.length > ROWS_MAX) throw new Error(`more than ${ROWS_MAX} rows`);
  }
  return {text: texts.sort().join('\n')};
}
