// The deeper levels of a verification, of a checkpoint whose files were compared with their checksums.
//
//   decode    every row of every state is read: lengths, order where the form has one, key groups, types, counts, and that
//             no key is there twice; and every message in flight
//   restore   also, each state is restored as a job at the same parallelism would, into a state backend; a snapshot of it is
//             taken in a scratch directory and read again: the rows must be the same. Needs the memory of a subtask.
//
// A table is looked at when all its files were read and are what was written; what is left out is counted.

import {EngineError} from '../base/errors.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {
  CheckpointMetadata,
  FileState,
  SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import {readInFlight} from '../state/in-flight.ts';
import {isCanonical} from '../state/canonical/canonical-format.ts';
import {rowLayout} from '../state/hashmap/row-layout.ts';
import {RowChecker} from '../state/rows/check-rows.ts';
import {KEYS_AT_ONCE, RepeatedKeys} from '../state/rows/repeated-keys.ts';
import {slicesOf} from '../state/slices.ts';
import {plainLengthOf} from '../state/snapshot-format.ts';
import {deletedMeanwhile} from '../storage/check-checkpoint.ts';
import {errorAt, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {Finding, FindingCode} from '../storage/finding.ts';
import {stateFileAt} from '../storage/paths.ts';
import {isKeyedFile} from '../storage/state-chain.ts';
import {restoredDigests} from './restore-state.ts';
import type {RestorePlace} from './open-database.ts';
import {TableReader, type StateRows} from './state/read-states.ts';
import {RowDigest, RowTexts} from './state/row-digest.ts';
import {filesOf, stateTables, type StateTable} from './state/state-tables.ts';
import {bytesByTable, TableProgress} from './state/table-progress.ts';

export interface VerifyRowsOptions {
  readonly files: FileSystem;
  /** Of the checkpoint, absolute. */
  readonly directory: string;
  readonly metadata: CheckpointMetadata;
  readonly level: 'decode' | 'restore';
  /** Paths in `metadata` of files that are what was written. */
  readonly sound: ReadonlySet<string>;
  readonly place: RestorePlace;
  /** Of a table, keys whose hashes are in memory at once. */
  readonly keysAtOnce?: number | undefined;
  readonly onFinding: (finding: Finding) => void;
  /** Asked before each table: the rest is left out. */
  readonly isStopped: () => boolean;
  /** Bytes of `bytesToRead` whose rows were read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/** Rows that were read, and states that were left out. */
export interface VerifiedRows {
  readonly rows: number;
  readonly skipped: number;
  /** It was deleted meanwhile, which is reported once; the rest of it was left out. */
  readonly isGone: boolean;
}

/** What is told of as read when all of it is: the files of tables, at the level restore once more. */
export function bytesToRead(states: readonly FileState[], level: string): number {
  const times = level === 'restore' ? 2 : level === 'decode' ? 1 : 0;
  return times * states.filter(isKeyedFile).reduce((sum, {length}) => sum + length, 0);
}

export async function verifyRows(given: VerifyRowsOptions): Promise<VerifiedRows> {
  let [rows, skipped, isGone] = [0, 0, false];
  const options: VerifyRowsOptions = {
    ...given,
    isStopped: () => isGone || given.isStopped(),
    onFinding(finding) {
      if (isGone) return;
      isGone = finding.code === 'deleted-meanwhile';
      given.onFinding(finding);
    },
  };
  const {metadata, directory, level, isStopped} = options;
  const texts = new RowTexts();
  await reporting(options, directory, async () => {
    const tables = stateTables(metadata, directory);
    const bytes = bytesByTable(tables);
    const digests = new Map<string, RowDigest | null>();
    for (const table of tables) {
      const name = `${table.operator}.${table.state}`;
      const isRead = !isStopped() && filesOf(table).every(({path}) => options.sound.has(path));
      const digest = isRead
        ? await decodeTable(table, bytes.get(table) ?? 0, texts, options)
        : null;
      if (!isRead) skipped += 1;
      rows += digest?.rowCount ?? 0;
      const before = digests.get(name);
      digests.set(name, joined(before, digest));
    }
    if (level === 'restore') await compareRestored(options, texts, digests, bytes);
  });
  for (const subtask of metadata.operators.flatMap(({subtasks}) => subtasks)) {
    if (!(await readMessages(subtask, options))) skipped += 1;
  }
  return {rows, skipped, isGone};
}

/** Null: damage was reported, or it could not be read. */
async function decodeTable(
  table: StateTable,
  bytes: number,
  texts: RowTexts,
  options: VerifyRowsOptions,
): Promise<RowDigest | null> {
  const {files, directory, onFinding, onRead = () => undefined} = options;
  const digest = new RowDigest(texts);
  const progress = new TableProgress(table, bytes, onRead);
  const reader = new TableReader(table, {files, directory});
  for (const part of partsOf(table, options)) {
    if (!(await decodePart(reader, part, {digest, progress}, options))) return null;
  }
  if (!(await reporting(options, directory, async () => reader.checkRest()))) return null;
  progress.end();
  const [counted, rowCount] = [countOf(table), digest.rowCount];
  if (counted === null || counted === rowCount) return digest;
  const path = stateFileAt(directory, filesOf(table)[0]!.path);
  onFinding({
    ...errorAt('rows-damaged', path, `${path} has ${rowCount} rows, and _metadata says ${counted}`),
    expected: `${counted} rows`,
    found: `${rowCount} rows`,
  });
  return null;
}

/** Key groups whose rows are looked at together. */
interface TablePart {
  readonly range: KeyGroupRange;
  /** About how many rows it has at most. Null: each key once is what its form says: they are in their order. */
  readonly rowCountMax: number | null;
}

/** A key is in one key group: that it is there once is known when those beside it are. */
function partsOf(
  {source, shape, keyGroups}: StateTable,
  {keysAtOnce = KEYS_AT_ONCE}: VerifyRowsOptions,
): readonly TablePart[] {
  if (source.kind === 'database' || source.chain.some(isCanonical)) {
    return [{range: keyGroups, rowCountMax: null}];
  }
  const bytes = source.chain.reduce((sum, file) => sum + plainLengthOf(file), 0);
  const rows = bytes / (rowLayout(shape.spec).rowInts * 4);
  const groups = keyGroups.end - keyGroups.start + 1;
  const size = Math.max(1, Math.floor((groups * keysAtOnce) / rows));
  return slicesOf(keyGroups, Math.ceil(groups / size)).map((range) => ({
    range,
    rowCountMax: Math.ceil((rows * (range.end - range.start + 1)) / groups),
  }));
}

/** False: damage was reported, or it could not be read. */
async function decodePart(
  reader: TableReader,
  {range, rowCountMax}: TablePart,
  {digest, progress}: {readonly digest: RowDigest; readonly progress: TableProgress},
  options: VerifyRowsOptions,
): Promise<boolean> {
  const {directory, onFinding, level, keysAtOnce} = options;
  const {shape} = reader.table;
  const checker = new RowChecker(shape);
  const keys = rowCountMax === null ? null : new RepeatedKeys(shape, rowCountMax, keysAtOnce);
  const before = digest.rowCount;
  let wrongRows = 0;
  const isRead = await reporting(options, directory, async () => {
    for await (const rows of reader.rows(range)) {
      const wrong = checker.firstWrong(rows);
      if (wrong !== null) {
        wrongRows += 1;
        onFinding({...rowsDamaged(rows, wrong.message), ...factsOf(rows, wrong)});
        return;
      }
      keys?.note(rows);
      if (level === 'restore') digest.add(rows);
      else digest.rowCount += rows.rowCount;
      progress.add(rows);
    }
  });
  // Behind a wrong row nothing was read: of the keys and their number nobody knows.
  if (!isRead || wrongRows > 0) return false;
  const rowCount = digest.rowCount - before;
  return keys === null || isEachKeyOnce(reader, {range, rowCount}, keys, options);
}

/** After a first pass over `range`, of which `keys` were noted. False: one is there twice, which was reported, or nobody knows. */
async function isEachKeyOnce(
  reader: TableReader,
  {range, rowCount}: {readonly range: KeyGroupRange; readonly rowCount: number},
  noted: RepeatedKeys,
  options: VerifyRowsOptions,
): Promise<boolean> {
  const {directory, onFinding, keysAtOnce} = options;
  const {operator, state, shape} = reader.table;
  // Some key groups have more rows than others: now their number is known.
  const keys = noted.overfull ? new RepeatedKeys(shape, rowCount, keysAtOnce) : noted;
  let repeats = 0;
  const isRead = await reporting(options, directory, async () => {
    for (let pass = keys === noted ? 1 : 0; pass < keys.passes; pass += 1) {
      if (pass > 0) keys.nextPass();
      for await (const rows of reader.rows(range)) keys.note(rows);
    }
    if (!keys.suspicious) return;
    for await (const rows of reader.rows(range)) {
      const wrong = keys.confirm(rows);
      if (wrong === null) continue;
      repeats += 1;
      onFinding({...rowsDamaged(rows, wrong.message), ...factsOf(rows, wrong)});
      return;
    }
  });
  if (!isRead || repeats > 0) return false;
  if (!keys.undecided) return true;
  const message = `${directory}: the keys of ${operator}.${state} have hashes that somebody chose: whether one is there twice is not known`;
  onFinding(errorAt('not-checked', directory, message));
  return false;
}

function rowsDamaged({table, path}: StateRows, message: string): Finding {
  const state = `${table.operator}.${table.state}`;
  return errorAt('rows-damaged', path, `${path}: state ${state}: ${message}`);
}

function factsOf(
  {offset}: StateRows,
  {expected, found}: {readonly expected: string; readonly found: string},
): Partial<Finding> {
  return {offset, expected, found};
}

/** Rows that a file with all of them says it has. */
function countOf({source}: StateTable): number | null {
  if (source.kind === 'database' || source.chain.length > 1) return null;
  const {rows} = (source.chain[0]?.description ?? {}) as {rows?: unknown};
  return typeof rows === 'number' ? rows : null;
}

/** Of one state in all its subtasks; null: not of all. */
function joined(before: RowDigest | null | undefined, digest: RowDigest | null): RowDigest | null {
  if (before === undefined) return digest;
  return before === null || digest === null ? null : before.with(digest);
}

async function compareRestored(
  options: VerifyRowsOptions,
  texts: RowTexts,
  digests: ReadonlyMap<string, RowDigest | null>,
  bytes: ReadonlyMap<StateTable, number>,
): Promise<void> {
  const {metadata, directory, onFinding, isStopped, onRead} = options;
  for (const operator of metadata.operators) {
    const own = [...digests].filter(([name]) => name.startsWith(`${operator.uid}.`));
    if (own.length === 0 || own.some(([, digest]) => digest === null) || isStopped()) continue;
    await reporting(options, directory, async () => {
      const restored = await restoredDigests(operator, texts, options);
      for (const [name, digest] of own) {
        const [expected, found] = [digest?.text() ?? '', restored.get(name)?.text() ?? 'nothing'];
        if (expected === found) continue;
        const message = `${directory}: a restore of the state ${name} has other rows than its files`;
        onFinding({...errorAt('rows-differ', directory, message), expected, found});
      }
      for (const [{operator: uid}, own] of bytes)
        if (uid === operator.uid) onRead?.(Math.floor(own));
    });
  }
}

/** False: a file of it was left out. */
async function readMessages(
  subtask: SubtaskMetadata,
  options: VerifyRowsOptions,
): Promise<boolean> {
  const {files, directory, metadata, sound, isStopped} = options;
  const states = subtask.states.filter(({kind}) => kind === 'channel');
  if (states.length === 0) return true;
  const isSound = states.every((state) => state.location !== 'file' || sound.has(state.path));
  if (!isSound || isStopped()) return false;
  const [operator] = metadata.operators;
  const alone = {...metadata, operators: [{...operator!, subtasks: [{...subtask, states}]}]};
  await reporting(options, directory, async () => {
    await readInFlight(files, {directory, metadata: alone}, () => true);
  });
  return true;
}

/** False: what went wrong was reported. */
async function reporting(
  {files, onFinding}: Pick<VerifyRowsOptions, 'files' | 'onFinding'>,
  directory: string,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    // Whatever is missing now says nothing of what it was.
    if ((await statusOrNull(files, directory)) === null) {
      onFinding(deletedMeanwhile(directory));
      return false;
    }
    if (!(error instanceof EngineError)) throw error;
    const code = CODES[error.code];
    if (code === undefined) throw error;
    const {file, facts} = error.details;
    const {offset, expected, found} = facts ?? {};
    onFinding({
      severity: code === 'deleted-meanwhile' ? 'hint' : 'error',
      code,
      path: file ?? directory,
      offset: typeof offset === 'number' ? offset : null,
      expected: typeof expected === 'string' ? expected : null,
      found: typeof found === 'string' ? found : null,
      message: error.message,
    });
    return false;
  }
}

/** What a failure to read says of the checkpoint; what is not here says nothing, and ends the verification. */
const CODES: Readonly<Partial<Record<EngineError['code'], FindingCode>>> = {
  CHECKPOINT_DAMAGED: 'rows-damaged',
  INCOMPATIBLE: 'metadata-incompatible',
  NOT_FOUND: 'deleted-meanwhile',
  // RocksDB is not installed, or the scratch directory is full: nobody knows.
  USAGE: 'not-checked',
  STORAGE_FAILED: 'not-checked',
};
