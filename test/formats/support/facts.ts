// What a reader must find in a checkpoint: operators, positions, every row of every table, what was in flight, what was
// prepared. Read by the engine's own readers, from any file system.

import {rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import type {FileState, OperatorMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {KeyGroupRange} from '#src/base/key-groups.js';
import {readValue} from '#src/records/value.js';
import {STORE_OPTIONS} from '../../state/support/store-options.ts';
import {specOfSchema} from '#src/state/canonical/canonical-format.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {storeThreads} from '#src/runtime/store-thread.js';
import type {OpenedStored} from '#src/state/restore-rows.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';
import {openStoredAlone} from '#src/state/rocksdb/open-stored.js';
import type {StoredDatabase} from '#src/state/rocksdb/stored-database.js';
import {parseSchema} from '#src/state/snapshot-format.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable} from '#src/state/state-backend.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import type {FileSystem} from '#src/storage/file-system.js';

export interface OperatorFacts {
  readonly type: string;
  readonly parallelism: number;
  readonly watermarks: readonly unknown[];
  /** By subtask: inline states by name. */
  readonly inline: readonly unknown[];
  /** Table → row as text, sorted. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Edge → messages in flight. */
  readonly inFlight: Readonly<Record<string, number>>;
}

export interface CheckpointFacts {
  readonly format: string;
  readonly engine: string;
  readonly requiredFeatures: readonly string[];
  readonly kind: string;
  readonly operators: Readonly<Record<string, OperatorFacts>>;
}

export async function readFacts(
  files: FileSystem,
  directory: string,
  subtasks = 1,
): Promise<CheckpointFacts> {
  const state = await deriveCheckpointState(files, directory);
  if (state.kind !== 'complete') throw new Error(`${directory} is ${state.kind}`);
  const {metadata} = state;
  const operators: [string, OperatorFacts][] = [];
  for (const operator of metadata.operators) {
    operators.push([operator.uid, await operatorFacts(files, directory, operator, subtasks)]);
  }
  return {
    format: `${metadata.format.major}.${metadata.format.minor}`,
    engine: metadata.engine,
    requiredFeatures: metadata.requiredFeatures,
    kind: metadata.kind,
    operators: Object.fromEntries(operators),
  };
}

async function operatorFacts(
  files: FileSystem,
  directory: string,
  operator: OperatorMetadata,
  subtasks: number,
): Promise<OperatorFacts> {
  const states = operator.subtasks.flatMap((subtask) => subtask.states);
  const keyed = states.flatMap((state) =>
    state.location === 'file' && state.kind === 'keyed' ? state : [],
  );
  const tables: [string, readonly string[]][] = [];
  for (const [name, description] of schemasOf(keyed)) {
    const rows: string[] = [];
    for (const range of rangesOf(operator.maxParallelism, subtasks)) {
      rows.push(...(await readRows(files, directory, operator, description, range)));
    }
    tables.push([name, rows.sort()]);
  }
  return {
    type: operator.type,
    parallelism: operator.parallelism,
    watermarks: operator.subtasks.map(({watermark}) => watermark),
    inline: operator.subtasks.map((subtask) =>
      Object.fromEntries(
        subtask.states.flatMap((state) =>
          state.location === 'inline' ? [[state.name, state.value]] : [],
        ),
      ),
    ),
    tables: Object.fromEntries(tables),
    inFlight: inFlightOf(operator),
  };
}

/** Name and schema of each table; of a RocksDB database those that it says it has. */
function schemasOf(keyed: readonly FileState[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const {name, description} of keyed) {
    const {encoding, tables = []} = description as {
      readonly encoding?: unknown;
      readonly tables?: readonly {readonly table: string}[];
    };
    if (encoding === 'rocksdb') for (const schema of tables) found.set(schema.table, schema);
    else if (!found.has(name)) found.set(name, description);
  }
  return found;
}

let opened = 0;
const startStore = storeThreads(new URL(import.meta.resolve('#src/store-entry.js')));

/** A stored database, in a directory of this machine. */
async function openDatabase(
  stored: StoredDatabase,
  files: FileSystem,
  source: string,
): Promise<OpenedStored> {
  opened += 1;
  const directories = [join(tmpdir(), `tidemark-facts-${process.pid}-${opened}`)];
  const place = {jobDirectory: '/job', generation: 1, uid: 'facts', subtask: 0, directories};
  const {store, close} = await openStoredAlone(stored, place, {
    ...{files, source, uid: 'facts', threads: 1, store: STORE_OPTIONS},
    openStore: async (request) => MailboxStore.open(request, startStore),
  });
  return {
    store,
    close: async () => {
      await close();
      rmSync(directories[0]!, {recursive: true});
    },
  };
}

function rangesOf(maxParallelism: number, subtasks: number): KeyGroupRange[] {
  const size = Math.ceil(maxParallelism / subtasks);
  return Array.from({length: subtasks}, (_, index) => ({
    start: index * size,
    end: Math.min(maxParallelism, (index + 1) * size) - 1,
  }));
}

async function readRows(
  files: FileSystem,
  directory: string,
  {uid, maxParallelism, subtasks}: OperatorMetadata,
  description: unknown,
  keyGroups: KeyGroupRange,
): Promise<string[]> {
  const schema = parseSchema(Buffer.from(JSON.stringify(description)), directory);
  const spec = specOfSchema(schema, directory);
  const backend = new HashmapBackend({
    uid,
    subtask: 0,
    maxParallelism,
    keyGroups,
    restored: subtasks,
    restoredDirectory: directory,
    files,
    compression: 'none',
    incremental: null,
    openStored: async (stored) => openDatabase(stored, files, directory),
    writer: new InProcessWriter(files),
  });
  const table = await backend.openTable(spec);
  const rows = Array.from({length: table.rowCount}, (_, row) => rowText(table, row));
  await backend.close();
  return rows;
}

/** Keys, then every slot that is set or not zero. */
function rowText(table: KeyedTable, row: number): string {
  const key = table.spec.key.map((field, index) => {
    const value = readValue(field.type, table.readKey(index, Int32Array.of(row), 0, 1), 0);
    return `${field.name}=${String(value)}`;
  });
  const {ints, floats, wides} = table.memory();
  const {rowInts, rowWords, slots} = table.shape;
  const values = slots.map((slot) => {
    const flags = ints[row * rowInts + slot.flagInt]!;
    const isSet = (flags & slot.setMask) !== 0 ? '!' : '';
    if (slot.kind === 'flag') return `${slot.name}${isSet}`;
    const word = row * rowWords + slot.word;
    if (slot.kind === 'bytes') {
      const start = table.bytesStart(row, slot);
      const bytes = table.arena().subarray(start, start + table.bytesLength(row, slot));
      return `${slot.name}${isSet}${isSet === '' ? '' : Buffer.from(bytes).toString('utf8')}`;
    }
    const isWide = (flags & slot.wideMask) !== 0;
    return `${slot.name}${isSet}${isWide ? `${wides[word]!}n` : floats[word]!}`;
  });
  return [...key, ...values].join(' ');
}

interface Section {
  readonly edge: string;
  readonly messages: number;
}

function inFlightOf({subtasks}: OperatorMetadata): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of subtasks.flatMap((subtask) => subtask.states)) {
    if (state.kind !== 'channel') continue;
    const {sections} = state.description as unknown as {readonly sections: readonly Section[]};
    for (const {edge, messages} of sections) counts[edge] = (counts[edge] ?? 0) + messages;
  }
  return counts;
}
