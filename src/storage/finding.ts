// What a check reports: data, collected or streamed, never thrown.

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
  | 'file-missing'
  | 'file-truncated'
  | 'file-extended'
  | 'file-too-long'
  | 'file-unreadable'
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
