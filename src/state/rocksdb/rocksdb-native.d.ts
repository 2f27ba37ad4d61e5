// What database.ts uses of the binding, which has no types of its own.
declare module 'rocksdb-native' {
  export class ColumnFamily {
    constructor(name: string, options?: Record<string, unknown>);
  }
  export class BloomFilterPolicy {
    constructor(bitsPerKey: number);
  }
  export interface ReadBatch {
    get(key: Uint8Array): Promise<Uint8Array | null>;
    flush(): Promise<void>;
    destroy(): void;
  }
  export interface NativeWriteBatch {
    tryPut(key: Uint8Array, value: Uint8Array): void;
    tryDelete(key: Uint8Array): void;
    flush(): Promise<void>;
    destroy(): void;
  }
  export interface Session {
    read(options: {capacity: number}): ReadBatch;
    write(options: {capacity: number}): NativeWriteBatch;
    flush(): Promise<void>;
    close(): Promise<void>;
    iterator(
      range: {gt?: Uint8Array; gte?: Uint8Array; lt?: Uint8Array; limit: number},
      options: {capacity: number},
    ): AsyncIterable<{key: Uint8Array; value: Uint8Array}>;
  }
  export default class RocksDB {
    static ColumnFamily: typeof ColumnFamily;
    static BloomFilterPolicy: typeof BloomFilterPolicy;
    constructor(path: string, options: Record<string, unknown>);
    ready(): Promise<void>;
    session(options: {columnFamily: ColumnFamily}): Session;
    close(options: {force: boolean}): Promise<void>;
  }
}
