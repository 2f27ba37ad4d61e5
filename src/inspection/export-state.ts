// `checkpoint export`: the keyed states of a checkpoint as files that other programs read, one for each state, and `schema.json`,
// which says what is in them. All of it is written and synced under another name and then renamed: DIR is there whole or not.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {ByteBuffer} from '../formats/byte-buffer.ts';
import {csvEncoder} from '../formats/csv-encoder.ts';
import {framedJsonEncoder} from '../formats/json-encoder.ts';
import {ParquetEncoder} from '../formats/parquet-encoder.ts';
import type {RowEncoder} from '../formats/row-encoder.ts';
import {dataTypeText} from '../records/data-type.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Field, Schema} from '../records/schema.ts';
import {statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {removeTree, unlessMissing} from '../storage/durable-file.ts';
import type {FileHandle} from '../storage/file-system.ts';
import {join, parentOf} from '../storage/paths.ts';
import {makeWithParents} from '../storage/savepoint-attempt.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {refuseWithin} from '../storage/require-free.ts';
import type {ProcessTable} from '../storage/process-table.ts';
import {syncAbove} from '../storage/sync-above.ts';
import {removeDeadCopies, unfinishedCopyAt} from '../storage/unfinished-copies.ts';
import type {StateShape} from '../state/rows/state-shape.ts';
import {openCheckpoint} from './state/open-checkpoint.ts';
import {readTable, type ReadTableOptions} from './state/read-states.ts';
import {chosenTables} from './state/scan-state.ts';
import {stateTables, type StateTable} from './state/state-tables.ts';
import {bytesByTable, TableProgress} from './state/table-progress.ts';

export type ExportFormat = 'ndjson' | 'csv' | 'parquet';

export interface ExportOptions extends Pick<ReadTableOptions, 'files' | 'directory'> {
  /** Absolute; not there, or empty. */
  readonly target: string;
  readonly format: ExportFormat;
  readonly operator?: string | undefined;
  readonly state?: string | undefined;
  /** For the name that it has until it is whole: 12 hexadecimal digits that nobody else has. */
  readonly random: string;
  /** Whose process is this, and which are dead? */
  readonly processes: ProcessTable;
  /** Ends it: what was written goes, and its reason is thrown. */
  readonly abort: AbortSignal;
  /** Of the files of all states that are exported, as their rows are written. */
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
}

export interface ExportedFile {
  /** In the target. */
  readonly name: string;
  readonly operator: string;
  readonly state: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface ExportReport {
  readonly files: readonly ExportedFile[];
  readonly rows: number;
  readonly bytes: number;
}

/** REFUSED when the target is there and not empty; errors of `readStates`. */
export async function exportState(options: ExportOptions): Promise<ExportReport> {
  const {files, directory, target, random, processes} = options;
  await refuseUnlessEmpty(options);
  const metadata = await openCheckpoint(files, directory);
  const tables = chosenTables(stateTables(metadata, directory), options);
  await refuseWithin(files, target);
  // As a copy that is under way, of which `prune --orphans` knows, too.
  const aside = unfinishedCopyAt(target, processes, random);
  const made = new Set<string>();
  await makeWithParents(files, parentOf(target), made);
  await removeDeadCopies(files, target, processes);
  try {
    await files.makeDirectory(aside);
    const byState = groupedByState(tables);
    const written: ExportedFile[] = [];
    const progressOf = progressOver(tables, options);
    for (const [name, own] of byState) {
      written.push(await exportTables(name, own, aside, {...options, progressOf}));
    }
    const schema = schemaFile(metadata, byState, written, options);
    await writeFile(options, join(aside, 'schema.json'), async (append) => append(schema));
    await files.syncDirectory(aside);
    options.abort.throwIfAborted();
    await files.rename(aside, target);
    if (made.size === 0) await files.syncDirectory(parentOf(target));
    else await syncAbove(files, parentOf(target), made);
    const sum = (of: (file: ExportedFile) => number): number =>
      written.reduce((total, file) => total + of(file), 0);
    return {files: written, rows: sum(({rows}) => rows), bytes: sum(({bytes}) => bytes)};
  } catch (error) {
    await unlessMissing(async () => removeTree(files, aside));
    if (options.abort.aborted) throw options.abort.reason;
    const code = systemErrorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw refused(target);
    throw code === null ? error : storageFailed('exporting to', target, error);
  }
}

type ProgressOf = (table: StateTable) => TableProgress;

function progressOver(tables: readonly StateTable[], {onProgress}: ExportOptions): ProgressOf {
  const bytes = bytesByTable(tables);
  const total = Math.floor([...bytes.values()].reduce((sum, own) => sum + own, 0));
  let done = 0;
  return (table) =>
    new TableProgress(table, bytes.get(table) ?? 0, (read) => {
      done += read;
      onProgress?.(done, total);
    });
}

/** By `<operator>.<state>`: the tables of its subtasks. */
function groupedByState(tables: readonly StateTable[]): ReadonlyMap<string, readonly StateTable[]> {
  const grouped = new Map<string, StateTable[]>();
  for (const table of tables) {
    const name = `${table.operator}.${table.state}`;
    grouped.set(name, [...(grouped.get(name) ?? []), table]);
  }
  return grouped;
}

async function refuseUnlessEmpty({files, target}: ExportOptions): Promise<void> {
  const status = await statusOrNull(files, target);
  if (status === null) return;
  if (status.kind === 'directory' && (await files.list(target)).length === 0) return;
  throw refused(target);
}

function refused(target: string): EngineError {
  return new EngineError('REFUSED', `${target} is there, and is no empty directory`, {
    file: target,
    hint: 'Name a directory that is not there yet: nothing is overwritten.',
  });
}

async function exportTables(
  name: string,
  tables: readonly StateTable[],
  aside: string,
  options: ExportOptions & {readonly progressOf: ProgressOf},
): Promise<ExportedFile> {
  const [{operator, state}] = tables as [StateTable];
  const schema = schemaOf(tables[0]!);
  const file = `${name}.${options.format}`;
  let rows = 0;
  async function* batches(): AsyncGenerator<RecordBatch> {
    for (const table of tables) {
      const progress = options.progressOf(table);
      for await (const read of readTable(table, options)) {
        const {rowCount, key, values} = read;
        rows += rowCount;
        progress.add(read);
        yield {
          ...{schema, rowCount, columns: [...key, ...values], selection: null},
          ...{selectedCount: rowCount, watermarks: null, origin: null},
        };
      }
      progress.end();
    }
  }
  const bytes = await writeFile(options, join(aside, file), async (append) =>
    writeRows(options.format, schema, batches(), append),
  );
  return {name: file, operator, state, rows, bytes};
}

type Append = (bytes: Uint8Array) => Promise<void>;

async function writeRows(
  format: ExportFormat,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  append: Append,
): Promise<void> {
  if (format === 'parquet') {
    const encoder = await ParquetEncoder.open(schema, append);
    for await (const batch of batches) await encoder.add(batch);
    await encoder.finish();
    return;
  }
  const encoder = format === 'csv' ? csvEncoder(schema) : flatJson(schema);
  const buffer = new ByteBuffer();
  encoder.writeHeader(buffer);
  await append(buffer.written());
  for await (const batch of batches) {
    buffer.clear();
    encoder.encode(batch, buffer);
    await append(buffer.written());
  }
}

/** One object for each row; integers beyond 2^53 are strings. */
function flatJson(schema: Schema): RowEncoder {
  return framedJsonEncoder(schema, {
    before: (index) => `${index === 0 ? '{' : ','}${JSON.stringify(schema.fields[index]?.name)}:`,
    rowEnd: '}',
  });
}

function schemaOf({shape}: StateTable): Schema {
  return {fields: exportedColumns(shape).map(({name, type}) => ({name, type}))};
}

export interface ExportedColumn {
  /** Unlike that of any other column of the file. */
  readonly name: string;
  /** In the state. */
  readonly stateName: string;
  readonly type: Field['type'];
  readonly role: 'key' | 'namespace' | 'value';
}

/** Key, namespace and values may have columns of one name; in a file each has its own: `n.count`, `n.count_2`. */
export function exportedColumns({
  key,
  namespace,
  values,
}: Pick<StateShape, 'key' | 'namespace' | 'values'>): readonly ExportedColumn[] {
  const all = [
    ...key.map((field) => ({field, role: 'key' as const})),
    ...namespace.map((field) => ({field, role: 'namespace' as const})),
    ...values.map((field) => ({field, role: 'value' as const})),
  ];
  // Names of the state first: a column that needs no other name keeps its own.
  const taken = new Set(all.map(({field}) => field.name));
  const given = new Set<string>();
  return all.map(({field: {name: stateName, type}, role}) => {
    let name = stateName;
    for (let count = 2; given.has(name); count += 1) {
      const next = `${stateName}_${count}`;
      if (!taken.has(next)) name = next;
    }
    given.add(name);
    return {name, stateName, type, role};
  });
}

/** The number of bytes; the file is synced. */
async function writeFile(
  {files, abort}: ExportOptions,
  path: string,
  write: (append: Append) => Promise<void>,
): Promise<number> {
  const handle: FileHandle = await files.createNew(path);
  let count = 0;
  try {
    await write(async (bytes) => {
      abort.throwIfAborted();
      await handle.append(bytes);
      count += bytes.length;
    });
    await handle.sync();
  } finally {
    await handle.close();
  }
  return count;
}

function schemaFile(
  {jobName, checkpointId, kind}: {jobName: string; checkpointId: number; kind: string},
  byState: ReadonlyMap<string, readonly StateTable[]>,
  written: readonly ExportedFile[],
  {directory, format}: ExportOptions,
): Uint8Array {
  const files = written.map(({name, operator, state, rows, bytes}) => {
    const {shape} = byState.get(`${operator}.${state}`)![0]!;
    const columns = exportedColumns(shape).map((column) => ({
      ...{name: column.name, type: dataTypeText(column.type), role: column.role},
      ...(column.name === column.stateName ? {} : {state_name: column.stateName}),
    }));
    return {name, operator, state, rows, bytes, columns};
  });
  const source = {path: directory, id: checkpointId, kind, job_name: jobName};
  return Buffer.from(`${JSON.stringify({format, source, files}, null, 2)}\n`);
}
