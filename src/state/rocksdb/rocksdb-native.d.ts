// What database.ts uses of the binding, which has no types of its own.
declare module 'rocksdb-native' {
  export interface ColumnFamily {
    readonly name: string;
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
    iterator(
      range: {gt?: Uint8Array; gte?: Uint8Array; lt?: Uint8Array; limit: number},
      options: {capacity: number},
    ): AsyncIterable<{key: Uint8Array; value: Uint8Array}>;
  }
  export interface RootSession {
    ready(): Promise<void>;
    session(options: {columnFamily: ColumnFamily}): Session;
    close(options: {force: boolean}): Promise<void>;
  }
  const binding: {
    new (path: string, options: Record<string, unknown>): RootSession;
    readonly ColumnFamily: new (name: string, options: Record<string, unknown>) => ColumnFamily;
    readonly BloomFilterPolicy: new (bitsPerKey: number) => object;
  };
  export default binding;
}
