// What a check reports: data, collected or streamed, never thrown; and which error it is for a reader whom it keeps from going on.

import type {ErrorCode} from '../base/errors.ts';

export type FindingCode =
  | 'metadata-missing'
  | 'metadata-damaged'
  | 'metadata-incompatible'
  | 'job-differs'
  | 'id-differs'
  | 'name-refused'
  | 'kind-refused'
  | 'checksums-missing'
  | 'checksums-differ'
  | 'file-absent'
  | 'file-truncated'
  | 'file-extended'
  | 'file-too-long'
  | 'file-not-read'
  | 'chunk-damaged'
  | 'digest-differs'
  | 'chain-broken'
  | 'rows-damaged'
  | 'rows-differ'
  | 'not-checked'
  | 'extra-file'
  | 'open-to-all'
  | 'foreign'
  | 'no-checksums'
  | 'paths-moved'
  | 'file-elsewhere'
  | 'deleted-meanwhile';

export interface Finding {
  /** `hint`: worth knowing, nothing is wrong with the checkpoint. */
  readonly severity: 'error' | 'hint';
  readonly code: FindingCode;
  /** Absolute. */
  readonly path: string;
  /** Bytes from the file's start; null: it concerns the file as a whole. */
  readonly offset: number | null;
  readonly expected: string | null;
  readonly found: string | null;
  readonly message: string;
}

export function errorAt(code: Finding['code'], path: string, message: string): Finding {
  return {severity: 'error', code, path, offset: null, expected: null, found: null, message};
}

export function wrongKind(path: string): Finding {
  return errorAt(
    'kind-refused',
    path,
    `${path} is a link, a pipe, a device or a directory: refused`,
  );
}

/** Damage outweighs what is refused, that what is of another version, that what could not be read. */
export function errorCodeOf(codes: ReadonlySet<FindingCode>): ErrorCode | null {
  const classes = new Set([...codes].map((code) => ERROR_OF_FINDING[code]));
  const order: readonly ErrorCode[] = [
    'CHECKPOINT_DAMAGED',
    'REFUSED',
    'INCOMPATIBLE',
    'INCOMPLETE',
  ];
  return order.find((code) => classes.has(code)) ?? null;
}

/** The error, and with it the exit status, that a finding makes. Hints are not asked about. */
export const ERROR_OF_FINDING: Readonly<Record<FindingCode, ErrorCode>> = {
  'name-refused': 'REFUSED',
  'kind-refused': 'REFUSED',
  'metadata-incompatible': 'INCOMPATIBLE',
  'job-differs': 'INCOMPATIBLE',
  foreign: 'INCOMPATIBLE',
  'file-not-read': 'INCOMPLETE',
  'file-elsewhere': 'INCOMPLETE',
  'no-checksums': 'INCOMPLETE',
  'paths-moved': 'INCOMPLETE',
  'metadata-missing': 'CHECKPOINT_DAMAGED',
  'metadata-damaged': 'CHECKPOINT_DAMAGED',
  'id-differs': 'CHECKPOINT_DAMAGED',
  'checksums-missing': 'CHECKPOINT_DAMAGED',
  'checksums-differ': 'CHECKPOINT_DAMAGED',
  'file-absent': 'CHECKPOINT_DAMAGED',
  'file-truncated': 'CHECKPOINT_DAMAGED',
  'file-extended': 'CHECKPOINT_DAMAGED',
  'file-too-long': 'CHECKPOINT_DAMAGED',
  'chunk-damaged': 'CHECKPOINT_DAMAGED',
  'digest-differs': 'CHECKPOINT_DAMAGED',
  'chain-broken': 'CHECKPOINT_DAMAGED',
  'rows-damaged': 'CHECKPOINT_DAMAGED',
  'rows-differ': 'CHECKPOINT_DAMAGED',
  'not-checked': 'INCOMPLETE',
  'extra-file': 'CHECKPOINT_DAMAGED',
  'open-to-all': 'REFUSED',
  'deleted-meanwhile': 'CHECKPOINT_DAMAGED',
};
