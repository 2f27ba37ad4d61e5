// A backend with incremental checkpoints (hashmap; incremental-rocksdb.ts has the other), what has to be in its table, and what becomes of its checkpoints.
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import {noDatabase} from './no-database.ts';
import {MemoryFiles} from './memory-files.ts';

export const MAX_PARALLELISM = 16;
export const ALL = {start: 0, end: MAX_PARALLELISM - 1};
export const SPEC: TableSpec = {
  name: 'rows',
  key: [
    {name: 'word', type: STRING},
    {name: 'number', type: BIGINT},
  ],
  keyGroupColumns: 1,
  values: [
    {name: 'count', kind: 'float64'},
    {name: 'last', kind: 'bytes'},
  ],
};
export type Key = readonly [string, bigint];
export type Model = ReadonlyMap<string, string>;
export type Codec = 'none' | 'gzip';

export interface Options {
  readonly deltasMax?: number;
  /** Default true. */
  readonly incremental?: boolean;
  readonly compression?: Codec;
  readonly states?: readonly (readonly FileState[])[];
  readonly keyGroups?: typeof ALL;
  readonly directory?: string;
  /** A snapshot's turn to be written has come. */
  readonly beforeWrite?: (checkpointId: number) => Promise<void>;
  /** A snapshot is written, and its backend does not know yet. */
  readonly afterWrite?: (checkpointId: number) => void;
}

export function make(files: MemoryFiles, options: Options = {}): HashmapBackend {
  const {deltasMax = 3, compression = 'none', states = [], keyGroups = ALL} = options;
  const {directory = '/chk-restored', afterWrite = () => undefined, incremental = true} = options;
  const {beforeWrite = async () => Promise.resolve()} = options;
  const writer = new InProcessWriter(files);
  return new HashmapBackend({
    uid: 'op',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: states.map((own, index) => ({index, states: own, watermark: null})),
    restoredDirectory: states.length === 0 ? null : directory,
    files,
    writer: {
      call: async (request) => {
        await beforeWrite(request.checkpointId);
        const state = await writer.call(request);
        afterWrite(request.checkpointId);
        return state;
      },
      close: async () => writer.close(),
    },
    openStored: noDatabase,
    compression,
    incremental: incremental ? {deltasMax} : null,
  });
}

/** A backend, its table, and what has to be in it. */
export class Running {
  readonly files = new MemoryFiles();
  readonly backend: StateBackend;
  readonly model = new Map<string, string>();
  #table: KeyedTable | null = null;
  #last = 0;

  constructor(
    options: Options = {},
    makeOne: (files: MemoryFiles, options: Options) => StateBackend = make,
  ) {
    this.backend = makeOne(this.files, options);
  }

  async table(): Promise<KeyedTable> {
    this.#table ??= await this.backend.openTable(SPEC);
    return this.#table;
  }

  async update(keys: readonly Key[], text: string): Promise<void> {
    const table = await this.table();
    const rows = resolve(table, keys);
    const bytes = new TextEncoder().encode(text);
    for (const [position, key] of keys.entries()) {
      table.writeBytes(rows[position]!, table.shape.slots[1]!, bytes, 0, bytes.length);
      this.model.set(keyText(key), text);
    }
  }

  async remove(keys: readonly Key[]): Promise<void> {
    const table = await this.table();
    const known = new Map(keys.map((key) => [keyText(key), key]));
    const present = [...known.values()].filter((key) => this.model.has(keyText(key)));
    table.deleteRows(resolve(table, present), 0, present.length);
    for (const key of present) this.model.delete(keyText(key));
  }

  async snapshot(full = false): Promise<Taken> {
    await this.table();
    return this.begin(full).taken;
  }

  /** Frozen when it returns; the table was opened before. */
  begin(full = false): {readonly id: number; readonly taken: Promise<Taken>} {
    this.#last += 1;
    const id = this.#last;
    const model = new Map(this.model);
    const writing = this.backend.snapshot({checkpointId: id, directory: `/chk-${id}`, full});
    return {id, taken: writing.then((states) => ({id, model, states}))};
  }

  /** What a publish and its notification do. */
  complete({id}: Taken): void {
    for (const [path, bytes] of this.files.content) {
      const shared = `/chk-${id}/.shared/`;
      if (!path.startsWith(shared)) continue;
      const name = path.slice(shared.length);
      this.files.content.set(`/shared/${name.slice(0, 2)}/${name}`, bytes);
    }
    this.backend.checkpointCompleted(id);
  }

  /** What an abort does: the attempt's directory goes. */
  abort({id}: Pick<Taken, 'id'>): void {
    for (const path of [...this.files.content.keys()]) {
      if (path.startsWith(`/chk-${id}/`)) this.files.content.delete(path);
    }
    this.backend.checkpointAborted(id);
  }
}

export interface Taken {
  readonly id: number;
  readonly model: Model;
  readonly states: readonly FileState[];
}

export const WORDS = [
  '',
  'a',
  'twelve bytes',
  'thirteen byte',
  'a word that is a good deal longer',
];
export const manyKeys: readonly Key[] = WORDS.flatMap((word) =>
  Array.from({length: 60}, (_, number): Key => [word, BigInt(number)]),
);

export async function restored(
  files: MemoryFiles,
  states: readonly (readonly FileState[])[],
  id: number,
  options: Options = {},
): Promise<[string, string][]> {
  const backend = make(files, {directory: `/chk-${id}`, ...options, states});
  const table = await backend.openTable(SPEC);
  const rows = Int32Array.from({length: table.rowCount}, (_, row) => row).filter((row) =>
    table.isLive(row),
  );
  const columns = SPEC.key.map((_, index) => table.readKey(index, rows, 0, rows.length));
  const last = table.shape.slots[1]!;
  return [...rows].map((row, at): [string, string] => {
    const [word, number] = SPEC.key.map((field, index) =>
      readValue(field.type, columns[index]!, at),
    );
    const start = table.bytesStart(row, last);
    const bytes = table.arena().slice(start, start + table.bytesLength(row, last));
    return [keyText([word as string, number as bigint]), new TextDecoder().decode(bytes)];
  });
}

export function resolve(table: KeyedTable, keys: readonly Key[]): Int32Array {
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const key of keys) builder.appendRow([...key]);
  const rows = new Int32Array(keys.length);
  table.resolve(builder.build().columns, null, 0, keys.length, rows);
  return rows;
}

export function keyText([word, number]: Key): string {
  return `${word}|${number}`;
}
