// A key as RocksDB stores it: the user's key, then 8 bytes little-endian: the kind of the entry, and 7 bytes sequence number. They are
// ordered by the user's key; of one key the newer comes first.

export const KEY_SUFFIX_BYTES = 8;

/** A view. */
export function userKeyOf(key: Uint8Array): Uint8Array {
  return key.subarray(0, Math.max(0, key.length - KEY_SUFFIX_BYTES));
}
