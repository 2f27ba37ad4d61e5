// Compression of a piece of memory. zstd exists only where Node has it: nothing else is asked for the version.

import * as zlib from 'node:zlib';

import {must} from './assert.ts';

export type Codec = 'gzip' | 'brotli' | 'zstd';

type OneShot = (bytes: Uint8Array, options?: object) => Uint8Array;

/** Absent before Node 22.15. */
const zstd = zlib as unknown as {
  readonly zstdCompressSync?: OneShot;
  readonly zstdDecompressSync?: OneShot;
};

export const HAS_ZSTD = typeof zstd.zstdCompressSync === 'function';

/** Fast rather than small: state is written again soon. Errors of zlib are ours: any bytes can be compressed. */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'gzip':
      return zlib.gzipSync(bytes, {level: 1});
    case 'brotli':
      return zlib.brotliCompressSync(bytes, {
        params: {
          [zlib.constants.BROTLI_PARAM_QUALITY]: 1,
          [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      });
    case 'zstd':
      return must(zstd.zstdCompressSync, 'zstd in this Node')(bytes);
  }
}

/**
 * What `bytes` were, if that is exactly `length` bytes; else what is wrong, as a sentence without a stop. At most `length`
 * bytes are made, whatever `bytes` would expand to.
 */
export function decompress(codec: Codec, bytes: Uint8Array, length: number): Uint8Array | string {
  let found: Uint8Array;
  try {
    found = inflate(codec, bytes, {maxOutputLength: length});
  } catch (error) {
    const {code} = error as {code?: unknown};
    if (code === 'ERR_BUFFER_TOO_LARGE') return `they expand to more than ${length} bytes`;
    if (typeof code !== 'string' || !/^(Z_|ERR_|ERR__)/.test(code)) throw error;
    return `they are no ${codec} data (${code})`;
  }
  return found.length === length ? found : `they expand to ${found.length} bytes, not ${length}`;
}

function inflate(codec: Codec, bytes: Uint8Array, options: {maxOutputLength: number}): Uint8Array {
  switch (codec) {
    case 'gzip':
      return zlib.gunzipSync(bytes, options);
    case 'brotli':
      return zlib.brotliDecompressSync(bytes, options);
    case 'zstd':
      return must(zstd.zstdDecompressSync, 'zstd in this Node')(bytes, options);
  }
}
