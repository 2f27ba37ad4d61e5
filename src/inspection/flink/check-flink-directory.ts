// Checks a directory that Flink wrote: that `_metadata` can be read to its last byte and does not contradict itself, and that
// each file that it refers to is there with the recorded length. Everything that is wrong is reported, nothing is written.
// Not checked, because the format has nothing to check it with: the bytes of the files.

import {
  deletedMeanwhile,
  type CheckOptions,
  type CheckResult,
} from '../../storage/check-checkpoint.ts';
import {errorAt, wrongKind} from '../../storage/derive-checkpoint-state.ts';
import {unlessMissing} from '../../storage/durable-file.ts';
import type {Finding} from '../../storage/finding.ts';
import {baseName, METADATA_FILE, parseCheckpointName} from '../../storage/paths.ts';
import {contradictionsIn} from './check-structure.ts';
import type {PathMap} from './locate-file.ts';
import {
  readFlinkDirectory,
  type FlinkDirectory,
  type FlinkFileFacts,
  type FlinkReading,
} from './read-flink-directory.ts';

export type FlinkCheckOptions = Omit<CheckOptions, 'level' | 'onProgress'> & {
  readonly maps: readonly PathMap[];
};

/** As `checkCheckpoint`, for a directory with a `_metadata` of Flink. */
export async function checkFlinkDirectory(options: FlinkCheckOptions): Promise<CheckResult> {
  const reading = await readFlinkDirectory(options);
  const findings = await findingsOf(options, reading);
  const isGone = reading.kind === 'gone';
  const shown = isGone ? [deletedMeanwhile(options.directory)] : findings;
  for (const finding of shown) options.onFinding(finding);
  const errors = shown.filter(({severity}) => severity === 'error').length;
  return {
    state: isGone ? {kind: 'gone'} : {kind: 'foreign', program: 'flink'},
    metadata: null,
    files: reading.kind === 'read' ? reading.files.length : 0,
    bytes: 0,
    read: 0,
    sound: new Set(),
    errors,
    hints: shown.length - errors,
  };
}

async function findingsOf(
  options: FlinkCheckOptions,
  reading: FlinkReading,
): Promise<readonly Finding[]> {
  switch (reading.kind) {
    case 'gone':
      return [];
    case 'damaged':
    case 'incompatible':
      return [reading.finding];
    case 'read':
      return [
        ...errorsOf(options.directory, reading),
        ...hintsOf(options.directory, reading),
        ...(await extrasOf(options, reading)),
      ];
  }
}

/** What is wrong with it: none, and all that a restore needs is there. */
export function errorsOf(directory: string, read: FlinkDirectory): readonly Finding[] {
  const path = `${directory}/${METADATA_FILE}`;
  const {metadata} = read;
  const named = parseCheckpointName(baseName(directory));
  const id: Finding[] =
    named === null || named === metadata.checkpointId
      ? []
      : [
          {
            ...errorAt(
              'id-differs',
              path,
              `${directory} holds checkpoint ${metadata.checkpointId}`,
            ),
            expected: String(named),
            found: String(metadata.checkpointId),
          },
        ];
  return [
    ...id,
    ...contradictionsIn(metadata).map((sentence) =>
      errorAt('metadata-damaged', path, `${path} contradicts itself: ${sentence}`),
    ),
    ...read.files.flatMap((file) => errorsOfFile(path, file)),
  ];
}

function errorsOfFile(metadataPath: string, file: FlinkFileFacts): readonly Finding[] {
  const {written, location, lengths} = file;
  if (location.kind === 'refused') {
    const message = `${metadataPath} is refused: the file name ${JSON.stringify(written)}: ${location.reason}`;
    return [errorAt('name-refused', metadataPath, message)];
  }
  if (location.kind === 'elsewhere') {
    const message = `${written} was not looked for, because ${location.reason}: copy it, if need be, and name its place with --map FROM=TO`;
    return [errorAt('file-elsewhere', metadataPath, message)];
  }
  const {path} = location;
  if (lengths.length > 1) {
    const message = `${metadataPath} contradicts itself: ${path} has ${lengths.join(' and ')} bytes`;
    return [errorAt('metadata-damaged', metadataPath, message)];
  }
  const [length] = lengths;
  if (length !== undefined && file.segmentsEnd !== null && file.segmentsEnd > length) {
    const message = `${metadataPath} contradicts itself: ${path} has ${length} bytes, and a segment of it ends at ${file.segmentsEnd}`;
    return [errorAt('metadata-damaged', metadataPath, message)];
  }
  switch (file.found.kind) {
    case 'file':
      return wrongLength(path, file, file.found.size);
    case 'missing': {
      const moved = location.how === 'moved' ? `, where ${written} was looked for` : '';
      return [errorAt('file-absent', path, `${path} is missing${moved}`)];
    }
    case 'wrong':
      return [wrongKind(file.found.path)];
    case 'unknown':
      return [];
  }
}

function wrongLength(
  path: string,
  {lengths, segmentsEnd}: FlinkFileFacts,
  size: number,
): readonly Finding[] {
  const needed = lengths[0] ?? segmentsEnd;
  if (needed === null || size === needed || (lengths.length === 0 && size > needed)) return [];
  const code = size < needed ? 'file-truncated' : 'file-extended';
  const least = lengths.length === 0 ? 'at least ' : '';
  const message = `${path} has ${size} bytes, _metadata says ${least}${needed}`;
  return [
    {
      ...errorAt(code, path, message),
      offset: Math.min(size, needed),
      expected: `${least}${needed} bytes`,
      found: `${size} bytes`,
    },
  ];
}

const NO_CHECKSUMS =
  "Flink's format has no checksum: structure, names and lengths were checked; a changed byte in a state file, or in a number or a name, is not found";

/** What everyone should know who reads `ok`. */
export function hintsOf(directory: string, {files}: FlinkDirectory): readonly Finding[] {
  const path = `${directory}/${METADATA_FILE}`;
  const hints = [hint('no-checksums', path, NO_CHECKSUMS)];
  const moved = files.filter(({location}) => location.kind === 'here' && location.how === 'moved');
  const [first] = moved;
  if (first?.location.kind === 'here') {
    const count = moved.length === 1 ? '1 absolute path' : `${moved.length} absolute paths`;
    const example = first.location.path.slice(first.location.root.length + 1);
    const message =
      `${count} in ${path} would lead to where Flink wrote it; looked for relative to it instead, ` +
      `${example} in ${first.location.root} for one; Flink itself does not find them here`;
    hints.push(hint('paths-moved', path, message));
  }
  return hints;
}

async function extrasOf(
  {files, directory}: FlinkCheckOptions,
  read: FlinkDirectory,
): Promise<readonly Finding[]> {
  const named = new Set(
    read.files.flatMap(({location}) => (location.kind === 'here' ? [location.path] : [])),
  );
  const findings: Finding[] = [];
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(directory)) {
      const path = `${directory}/${name}`;
      if (name === METADATA_FILE || named.has(path) || kind === 'directory') continue;
      const message = `${path} is not named in _metadata; nothing reads it`;
      findings.push(kind === 'file' ? hint('extra-file', path, message) : wrongKind(path));
    }
  });
  return findings;
}

export function hint(code: Finding['code'], path: string, message: string): Finding {
  return {...errorAt(code, path, message), severity: 'hint'};
}
