// Rows as bytes by key, below a table's cache: RocksDB in a thread of its own (mailbox-store.ts), a sorted map in
// tests. Every call works on a batch and returns when it is done; what it was given may be used again then.
//
// One per operator and subtask. All calls come from the task's thread.

import type {PackedList} from './packed-list.ts';

/** A named part of a store with keys of its own: RocksDB's column family. */
export type FamilyName = string;

/** Puts and deletes that become visible together. */
export class WriteBatch {
  readonly items: PackedList;
  /** Per operation: the index of its family, and whether it is a put. */
  readonly families: number[] = [];
  readonly puts: boolean[] = [];

  /** `items` is this batch's own: per operation the key, and for a put the value behind it. */
  constructor(items: PackedList) {
    this.items = items;
  }

  get operationCount(): number {
    return this.families.length;
  }

  clear(): void {
    this.items.clear();
    this.families.length = 0;
    this.puts.length = 0;
  }

  /** The caller has added key and value to `items`. */
  noteDone(family: number, isPut: boolean): void {
    this.families.push(family);
    this.puts.push(isPut);
  }

  put(family: number, key: Uint8Array, value: Uint8Array): void {
    this.items.add(key);
    this.items.add(value);
    this.noteDone(family, true);
  }

  delete(family: number, key: Uint8Array): void {
    this.items.add(key);
    this.noteDone(family, false);
  }
}

/** Values of `getMany`, and entries of `scan`. Overwritten by the next call that fills it. */
export interface FoundValues {
  /** Per key: 1 when it is there. May be longer. */
  readonly found: Uint8Array;
  /** Per key: its value; empty when it is not there. */
  readonly values: PackedList;
}

export interface ScanRange {
  readonly family: number;
  /** Keys are ≥ it, or > it when `isAfter`. */
  readonly from: Uint8Array;
  readonly isAfter: boolean;
  /** Keys are < it; null: no bound. */
  readonly to: Uint8Array | null;
  /** Entries at most. */
  readonly limit: number;
}

export interface RowStore {
  /** Opens further families, empty ones when they do not exist. The index of one is its place among all that were opened. */
  openFamilies(names: readonly FamilyName[]): void;
  getMany(family: number, keys: PackedList): FoundValues;
  write(batch: WriteBatch): void;
  /** Ascending by key, bytewise. Fewer than `limit` entries only at the end of the range. */
  scan(range: ScanRange): {readonly keys: PackedList; readonly values: PackedList};
  /**
   * Everything written before the call, as files in `directory` (which must not exist); the names. Reads go on
   * meanwhile; a write waits until the files are fixed, which is before the promise resolves.
   */
  checkpoint(directory: string): Promise<readonly string[]>;
  /** Ends it without making anything durable: a live store outlives no deployment. */
  close(): Promise<void>;
}

/** RocksDB's settings that the binding can make. */
export interface StoreOptions {
  readonly writeBufferSize: number;
  readonly writeBufferCount: number;
  readonly backgroundThreads: number;
  /** -1: no limit. */
  readonly openFiles: number;
  readonly blockSize: number;
  /** 0: no bloom filter. */
  readonly bloomBitsPerKey: number;
}

export interface OpenStoreRequest {
  /** Absolute; exists; empty, or what `checkpoint` made. */
  readonly directory: string;
  /** All that are in it; none: it is made. */
  readonly families: readonly FamilyName[];
  readonly options: StoreOptions;
  /** What it is, for errors: `the state of by-user`. */
  readonly what: string;
}

/** STORAGE_FAILED when it cannot be opened, USAGE when the binding is not installed. */
export type OpenStore = (request: OpenStoreRequest) => Promise<RowStore>;
