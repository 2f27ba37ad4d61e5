// Rows as bytes by key, below a table's cache: RocksDB in a thread of its own (mailbox-store.ts), a sorted map in
// tests. Every call works on a batch.
//
// Writes are handed over and done later, in their order: each has a ticket, and `written` is that of the newest that is done
// with all before it. Reads return when they are done: `getMany` sees at least what is written, `scan` all that was handed
// over. So a row whose write is not done must still be in memory. Tickets grow.
//
// One per operator and subtask. All calls come from the task's thread.

import type {PackedList} from './packed-list.ts';
import type {WriteBatch} from './write-batch.ts';
import type {FrozenTable} from '../snapshot-request.ts';
import type {TableSpec} from '../state-backend.ts';

/** A named part of a store with keys of its own: RocksDB's column family. */
export type FamilyName = string;

/** Families of a table: indexes of its store. */
export interface TableFamilies {
  readonly rows: number;
  /** By namespace. */
  readonly index: number;
  /** Keys of changed rows. */
  readonly changed: number;
}

/**
 * The dirty rows of a table at one moment, which the store encodes itself while the table goes on: plain data and shared
 * memory, so that it crosses threads. The memory stays as it is until the write is done.
 */
export interface FrozenRows {
  readonly spec: TableSpec;
  readonly families: TableFamilies;
  readonly table: FrozenTable;
  /** Of each row, as row-flags.ts says, at the freeze. */
  readonly flags: Uint8Array;
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
  /** Takes what is in `batch`, which is empty then, and returns the ticket. Sleeps only when very many are not done yet. */
  write(batch: WriteBatch): number;
  writeFrozen(rows: FrozenRows): number;
  readonly written: number;
  /** Sleeps until the write of `ticket` is done. */
  settle(ticket: number): void;
  /** Ascending by key, bytewise. Fewer than `limit` entries only at the end of the range. */
  scan(range: ScanRange): {readonly keys: PackedList; readonly values: PackedList};
  /**
   * Everything handed over before the call, and nothing after it, as files in `directory` (which must not exist); the names.
   * Reads go on meanwhile; later writes are done when the files are fixed, which is before the promise resolves.
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
