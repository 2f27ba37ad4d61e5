import {createHash, hash, type Hash} from 'node:crypto';
import {crc32 as zlibCrc32} from 'node:zlib';

/** Lower-case hexadecimal SHA-256 of `bytes`. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

/** A running SHA-256. */
export function sha256(): Hash {
  return createHash('sha256');
}

/** CRC-32 (IEEE), unsigned, of `bytes` behind those whose CRC-32 is `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlibCrc32(bytes, before);
}
