// A directory as a user writes it: a path, or the same behind `file:`.

import {resolve} from 'node:path';

export type LocalPath =
  | {readonly kind: 'ok'; readonly path: string}
  | {readonly kind: 'invalid'; readonly message: string; readonly suggestion: string};

/** `base`: absolute; a relative path starts there. The message goes on after what the text is for. */
export function parseLocalPath(text: string, base: string, example: string): LocalPath {
  const invalid = (message: string, suggestion: string): LocalPath => ({
    kind: 'invalid',
    message,
    suggestion,
  });
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase() ?? null;
  if (scheme === 's3' || scheme === 's3a' || scheme === 's3n') {
    return invalid('is on S3, which is not built yet', `write ${example}`);
  }
  if (scheme !== null && scheme !== 'file') {
    return invalid(`has an unknown scheme ${JSON.stringify(scheme)}`, `write ${example}`);
  }
  let path = scheme === null ? text : text.slice('file:'.length);
  if (path.startsWith('//')) {
    if (path[2] !== '/') {
      return invalid('names a host', 'write file:///absolute/path or file:./relative/path');
    }
    path = path.slice(2);
  }
  if (path === '') return invalid('is empty', `write ${example}`);
  return {kind: 'ok', path: resolve(base, path)};
}
