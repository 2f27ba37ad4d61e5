// The validator of every name that comes from a metadata file. What passes is a relative path of plain
// parts: it cannot leave the checkpoint's directory, means the same on every operating system, and has
// one Unicode form, because only ASCII is let through.

export const PATH_PARTS_MAX = 4;
export const PATH_CHARACTERS_MAX = 512;
export const PATH_PART_CHARACTERS_MAX = 128;

const PLAIN_PART = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const RESERVED_ON_WINDOWS = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** Why `path` must not be used as the name of a file in a checkpoint; null: it may. */
export function reasonToRefuseName(path: string): string | null {
  if (path === '') return 'the name is empty';
  if (path.length > PATH_CHARACTERS_MAX) return `longer than ${PATH_CHARACTERS_MAX} characters`;
  if (path.includes('\0')) return 'it has a NUL character';
  if (path.includes('\\')) return 'it has a backslash';
  if (path.startsWith('/')) return 'it is absolute';
  if (/^[A-Za-z]:/.test(path)) return 'it begins with a drive letter';
  const parts = path.split('/');
  if (parts.length > PATH_PARTS_MAX) return `more than ${PATH_PARTS_MAX} parts`;
  for (const part of parts) {
    const reason = reasonToRefusePart(part);
    if (reason !== null) return reason;
  }
  return null;
}

function reasonToRefusePart(part: string): string | null {
  if (part === '') return 'a part of it is empty';
  if (part === '.' || part === '..') return `it has a part '${part}'`;
  if (part.length > PATH_PART_CHARACTERS_MAX) {
    return `a part is longer than ${PATH_PART_CHARACTERS_MAX} characters`;
  }
  if (RESERVED_ON_WINDOWS.test(part)) return `'${part}' is a reserved name`;
  if (/^[.-]/.test(part)) return `'${part}' begins with a dot or a dash`;
  if (!PLAIN_PART.test(part)) return `'${part}' has other characters than letters, digits, . _ -`;
  return part.endsWith('.') ? `'${part}' ends with a dot` : null;
}

/** Two of `paths` that a file system without case would take for one; null: none. */
export function findCaseClash(paths: readonly string[]): readonly [string, string] | null {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const folded = path.toLowerCase();
    const earlier = seen.get(folded);
    if (earlier !== undefined) return [earlier, path];
    seen.set(folded, path);
  }
  return null;
}
