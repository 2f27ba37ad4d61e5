// A state file is checked in chunks, so that damage is found before a reader sees it and is reported
// with its place: a CRC-32 of each 1 MiB, and one SHA-256 of the whole file.

export const CHUNK_BYTES = 1024 * 1024;

/** What a file was when it was written; goes into its handle. */
export interface StateFileSummary {
  /** Bytes. */
  readonly length: number;
  /** Lower-case hexadecimal digits. */
  readonly sha256: string;
  /** CRC-32 of each CHUNK_BYTES, in order; the last chunk may be shorter. */
  readonly chunkCrcs: readonly number[];
}
