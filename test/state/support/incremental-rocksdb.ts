// The rocksdb backend with incremental checkpoints over a store in memory, for `Running`; and what is in its checkpoints.
import type {KeyGroupRange} from '#src/base/key-groups.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {readValue} from '#src/records/value.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {CopyRequest} from '#src/state/snapshot-request.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable} from '#src/state/state-backend.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {ALL, keyText, MAX_PARALLELISM, SPEC} from './incremental.ts';
import {memoryStores} from './memory-store.ts';
import {STORE_OPTIONS} from './store-options.ts';

export interface RocksdbOptions {
  readonly states?: readonly FileState[];
  readonly keyGroups?: KeyGroupRange;
  /** Of the restored checkpoint. */
  readonly directory?: string;
  /** A directory for live databases; exists. Null: of the generation below /job. */
  readonly local?: string;
  readonly compactAt?: number;
  readonly cacheBytes?: number;
  /** As of `StoreFaults`. */
  readonly asRocksdb?: boolean;
  /** The restored checkpoint is the lineage's own. */
  readonly ownsRestored?: boolean;
  /** Sees the name in the database of each file that is copied, before it is. */
  readonly onCopy?: (file: string, checkpointId: number) => void;
}

let generation = 0;

export function makeRocksdb(files: FileSystem, options: RocksdbOptions = {}): RocksdbBackend {
  const {states = [], keyGroups = ALL, directory = '/chk-restored', local = '/local'} = options;
  const {compactAt = 3, cacheBytes = 300, onCopy = () => undefined} = options;
  const {ownsRestored = false, asRocksdb = false} = options;
  const writer = new InProcessWriter(files);
  generation += 1;
  return new RocksdbBackend({
    uid: 'op',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: states.length === 0 ? [] : [{index: 0, states, watermark: null}],
    restoredDirectory: states.length === 0 ? null : directory,
    files,
    incremental: true,
    ownsRestored,
    writer: {
      call: async (request) => {
        onCopy(fileOf((request as CopyRequest).state), request.checkpointId);
        return writer.call(request);
      },
      close: async () => writer.close(),
    },
    openStore: memoryStores(files, {lookups: 0, compactAt, asRocksdb}),
    place: {jobDirectory: '/job', generation, uid: 'op', subtask: 0, directories: [local]},
    settings: {store: STORE_OPTIONS, cacheBytes, transferThreads: 2},
  });
}

export function fileOf({description}: Pick<FileState, 'description'>): string {
  return (description as {file: string}).file;
}

/** Key and text of every row, sorted. */
export function rowsOf(table: KeyedTable): [string, string][] {
  const found: [string, string][] = [];
  const last = table.shape.slots[1]!;
  table.visitRows((rows, count) => {
    const columns = SPEC.key.map((_, index) => table.readKey(index, rows, 0, count));
    for (let at = 0; at < count; at += 1) {
      const [word, number] = SPEC.key.map(({type}, index) => readValue(type, columns[index]!, at));
      const start = table.bytesStart(rows[at]!, last);
      const bytes = table.arena().slice(start, start + table.bytesLength(rows[at]!, last));
      found.push([keyText([word as string, number as bigint]), new TextDecoder().decode(bytes)]);
    }
  });
  return found.sort(byKey);
}

export function sorted(model: ReadonlyMap<string, string>): [string, string][] {
  return [...model].sort(byKey);
}

function byKey([left]: [string, string], [right]: [string, string]): number {
  return left < right ? -1 : 1;
}
