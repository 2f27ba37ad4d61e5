// What a copy of a Flink checkpoint or savepoint consists of: all its state in one directory, each piece a file beside a new
// `_metadata` that refers to it by its name. So the copy needs nothing of the job's other checkpoints, and can be moved;
// it is of the same format version. A segment of a merged file becomes a file of its own.

import {EngineError} from '../../base/errors.ts';
import {shellWord} from '../../base/shell-word.ts';
import {METADATA_FILE, baseName, parentOf} from '../../storage/paths.ts';
import {ByteCursor} from './byte-cursor.ts';
import {errorsOf} from './check-flink-directory.ts';
import {decodeFlinkMetadata} from './decode-flink-metadata.ts';
import type {FlinkFile} from './flink-metadata.ts';
import {openFlinkDirectory} from './inspect-flink-directory.ts';
import {locateFile} from './locate-file.ts';
import type {FlinkDirectory, FlinkDirectoryOptions} from './read-flink-directory.ts';
import {rewriteReferences} from './rewrite-references.ts';
import {fileUses, hasReusedFiles, sizesOf, type FileUse} from './state-parts.ts';

export interface FlinkCopyPiece {
  /** Absolute path of the file that it is, or is a part of. */
  readonly source: string;
  /** Nothing above it is judged: a copy opens no link below it. */
  readonly root: string;
  /** Bytes from the file's start. */
  readonly start: number;
  readonly length: number;
  /** In the copy, beside `_metadata`. */
  readonly name: string;
}

export interface FlinkCopyPlan {
  readonly checkpointId: number;
  /** Absolute. */
  readonly source: string;
  /** The whole `_metadata` of the copy. */
  readonly metadata: Uint8Array;
  readonly pieces: readonly FlinkCopyPiece[];
  /** Of all of it. */
  readonly bytes: number;
  /** References that were absolute paths and are names in the copy. */
  readonly relocated: number;
  /** State whose files a later checkpoint may refer to. */
  readonly isIncremental: boolean;
}

const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * CHECKPOINT_DAMAGED when something of it is missing or has another length, INCOMPLETE when something lies where it was not
 * looked for, REFUSED when a name leads out; and what reading it throws.
 */
export async function planFlinkCopy(options: FlinkDirectoryOptions): Promise<FlinkCopyPlan> {
  const {directory, maps} = options;
  const read = await openFlinkDirectory(options);
  refuseDamaged(directory, read);
  const {metadata, bytes} = read;
  const place = {directory, checkpointId: metadata.checkpointId, maps};
  const sizes = new Map(
    read.files.flatMap(({location, found}) =>
      location.kind === 'here' && found.kind === 'file' ? [[location.path, found.size]] : [],
    ),
  );
  const pieces = new Map<string, FlinkCopyPiece>();
  const names = new FreeNames();
  const pieceOf = (file: FlinkFile): FlinkCopyPiece => {
    const location = locateFile(file, place);
    const size = location.kind === 'here' ? sizes.get(location.path) : undefined;
    if (location.kind !== 'here' || size === undefined) throw vanished(directory, file.path);
    const start = file.kind === 'segment' ? file.start : 0;
    const length = file.kind === 'segment' ? file.size : size;
    const key = `${start} ${length} ${location.path}`;
    const known = pieces.get(key);
    if (known !== undefined) return known;
    const name = names.take(location.path);
    const piece = {source: location.path, root: location.root, start, length, name};
    pieces.set(key, piece);
    return piece;
  };
  const rewritten = rewriteReferences(bytes, metadata, (file) => {
    const {name, length} = pieceOf(file);
    return {name, size: length};
  });
  requireSame(read, rewritten, pieceOf);
  const all = [...pieces.values()];
  return {
    checkpointId: metadata.checkpointId,
    source: directory,
    metadata: rewritten,
    pieces: all,
    bytes: rewritten.length + all.reduce((sum, {length}) => sum + length, 0),
    relocated: fileUses(metadata).filter(({file}) => file.kind !== 'relative').length,
    isIncremental: hasReusedFiles(metadata),
  };
}

/** Names that nothing else in the copy has, whatever the case. */
class FreeNames {
  readonly #taken = new Set<string>([METADATA_FILE]);
  /** By stem: the number to try next, so that a hundred thousand segments of a file do not each ask for all before. */
  readonly #next = new Map<string, number>();

  /** The file's own name, if it is free. */
  take(path: string): string {
    const own = baseName(path);
    const stem = PLAIN_NAME.test(own) ? own : 'state';
    const key = stem.toLowerCase();
    let count = this.#next.get(key) ?? 1;
    let name = count === 1 ? stem : `${stem}-${count}`;
    while (this.#taken.has(name.toLowerCase())) {
      count += 1;
      name = `${stem}-${count}`;
    }
    this.#next.set(key, count + 1);
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

function refuseDamaged(directory: string, read: FlinkDirectory): void {
  const errors = errorsOf(directory, read);
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length === 1 ? '' : `, and ${errors.length - 1} more`;
  const codes = new Set(errors.map(({code}) => code));
  const isRefused = codes.has('name-refused') || codes.has('kind-refused');
  const isElsewhere = codes.size === 1 && codes.has('file-elsewhere');
  throw new EngineError(
    isRefused ? 'REFUSED' : isElsewhere ? 'INCOMPLETE' : 'CHECKPOINT_DAMAGED',
    `${directory} cannot be copied whole: ${first.message}${more}`,
    {
      file: first.path,
      hint: `see all that is wrong: tidemark checkpoint verify ${shellWord(directory)} --level manifest`,
    },
  );
}

function vanished(directory: string, path: string): EngineError {
  return new EngineError('NOT_FOUND', `${path} of ${directory} is not there any more`, {
    file: directory,
    hint: `Run \`tidemark checkpoint list ${shellWord(parentOf(directory))}\` to see what there is.`,
  });
}

/** Reads back what was written before it counts. */
function requireSame(
  {metadata}: FlinkDirectory,
  rewritten: Uint8Array,
  pieceOf: (file: FlinkFile) => FlinkCopyPiece,
): void {
  const decoded = decodeFlinkMetadata(new ByteCursor(rewritten));
  const sizes = JSON.stringify(sizesOf(metadata));
  const uses = fileUses(metadata);
  // A file of unknown size is counted with none, and its copy with that of the file.
  const isKnown = uses.every(({file}) => file.size >= 0);
  const isSame =
    decoded.kind === 'decoded' &&
    (!isKnown || JSON.stringify(sizesOf(decoded.metadata)) === sizes) &&
    areCopies(fileUses(decoded.metadata), uses, pieceOf);
  if (isSame) return;
  throw new EngineError('UNEXPECTED', 'the _metadata of the copy is not that of the original', {
    hint: 'Nothing was written. Report it with the _metadata file.',
    facts: {decoded: decoded.kind, sizes},
  });
}

/** Each reference to the piece that the one in its place stands for. */
function areCopies(
  copies: readonly FileUse[],
  originals: readonly FileUse[],
  pieceOf: (file: FlinkFile) => FlinkCopyPiece,
): boolean {
  return (
    copies.length === originals.length &&
    copies.every(({file}, index) => {
      const {name, length} = pieceOf(originals[index]!.file);
      return file.kind === 'relative' && file.path === name && file.size === length;
    })
  );
}
