/** For a backend that is restored from no RocksDB. */
export async function noDatabase(): Promise<never> {
  return Promise.reject(new Error('no database is restored here'));
}
