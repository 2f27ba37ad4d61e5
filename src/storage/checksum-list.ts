// SHA256SUMS: what `sha256sum -c SHA256SUMS` reads, run inside a checkpoint's directory.
//
//   <64 hexadecimal digits><two blanks><path>\n      one line per file, `_metadata` too, sorted by path; that of
//                                                    a shared file is ../shared/ab/<sha256>
//
// Its bytes follow from `_metadata` alone: each state file's digest stands there, and `_metadata` has one of
// its own. So it is never parsed: it is made again and compared, and a flipped bit anywhere shows.

import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {METADATA_FILE} from './paths.ts';

/** The bytes that SHA256SUMS must have beside a `_metadata` of this digest, which encodes `metadata`. */
export function encodeChecksums(metadata: CheckpointMetadata, metadataSha256: string): Uint8Array {
  const {own, shared} = distinctFilesOf(metadata);
  const lines = [...own, ...shared].map(({path, sha256}) => ({path, sha256}));
  lines.push({path: METADATA_FILE, sha256: metadataSha256});
  lines.sort((left, right) => (left.path < right.path ? -1 : 1));
  return Buffer.from(lines.map(({path, sha256}) => `${sha256}  ${path}\n`).join(''));
}
