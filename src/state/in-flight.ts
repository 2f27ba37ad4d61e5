// In-flight data: what an unaligned checkpoint overtook, as it stands in the state file of a task.
//
//   <head uid>/<subtask>.in-flight   sections one after another; a section is its messages one after another:
//                                    u32 length (little-endian), then the bytes of the raw message
//                                    (channels/: the same bytes as in the ring)
//
// The state handle's description lists the sections: {edge, from, to, side, offset, length, messages}.
// `side` says who stored it: `input`, the receiver, what it had received and not processed, or was still to
// come out of the ring; `output`, the sender, what had found no room in the ring yet. The data of a channel
// is its input section, then its output section: a message that was cut into fragments may begin in the one
// and end in the other.

import {assert} from '../base/assert.ts';
import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import type {
  CheckpointMetadata,
  FileState,
  SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import type {Schema} from '../records/schema.ts';
import {dataTypeText} from '../records/data-type.ts';
import {makeStateDirectory, StateFile} from './state-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {FieldError, Fields} from '../storage/json-fields.ts';
import {checkpointFiles} from '../storage/open-below.ts';
import {join, stateFilePath} from '../storage/paths.ts';
import {damageHint, readStateFile} from '../storage/state-file-reader.ts';
import {storageFailed} from '../storage/storage-error.ts';

export const IN_FLIGHT_STATE = 'in-flight';
/** Version of the layout above and of the raw messages. */
export const IN_FLIGHT_VERSION = 1;

const SECTIONS_MAX = 1_000_000;

/** What one side stored of one channel. */
export interface InFlightMessages {
  readonly edge: string;
  readonly from: number;
  readonly to: number;
  readonly side: 'input' | 'output';
  readonly messages: readonly Uint8Array[];
}

/** Everything that was in flight on one channel, in order. */
export interface InFlightChannel {
  readonly edge: string;
  readonly from: number;
  readonly to: number;
  readonly schema: JsonValue;
  readonly messages: readonly Uint8Array[];
}

export interface InFlightTarget {
  readonly files: FileSystem;
  /** The attempt's directory, absolute. */
  readonly directory: string;
  readonly uid: string;
  readonly subtask: number;
  /** `schemaJson` of what an edge carries. */
  readonly schemaOf: (edge: string) => JsonValue;
}

/** Makes it durable; null: there is nothing. The file's entry in its directory is not synced. */
export async function writeInFlight(
  all: readonly InFlightMessages[],
  target: InFlightTarget,
): Promise<FileState | null> {
  const sections = all.filter(({messages}) => messages.length > 0);
  if (sections.length === 0) return null;
  const {files, directory, uid, subtask} = target;
  const path = stateFilePath(uid, subtask, IN_FLIGHT_STATE);
  const absolute = join(directory, path);
  try {
    await makeStateDirectory(files, join(directory, uid));
    const file = new StateFile(await files.createNew(absolute));
    try {
      const description = await appendSections(file, sections, target.schemaOf);
      const written = await file.finish();
      return {
        location: 'file',
        name: IN_FLIGHT_STATE,
        kind: 'channel',
        codecVersion: IN_FLIGHT_VERSION,
        keyGroups: null,
        path,
        ...written,
        description: {sections: description},
      };
    } catch (error) {
      await file.abandon();
      throw error;
    }
  } catch (error) {
    throw storageFailed(`writing the in-flight data of ${uid} to`, absolute, error);
  }
}

async function appendSections(
  file: StateFile,
  sections: readonly InFlightMessages[],
  schemaOf: (edge: string) => JsonValue,
): Promise<JsonValue[]> {
  const description: JsonValue[] = [];
  let offset = 0;
  for (const {edge, from, to, side, messages} of sections) {
    const bytes = frame(messages);
    await file.append(bytes);
    const {length} = bytes;
    const schema = schemaOf(edge);
    description.push({edge, from, to, side, schema, offset, length, messages: messages.length});
    offset += length;
  }
  return description;
}

function frame(messages: readonly Uint8Array[]): Uint8Array {
  const total = messages.reduce((sum, message) => sum + 4 + message.length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const message of messages) {
    view.setUint32(offset, message.length, true);
    bytes.set(message, offset + 4);
    offset += 4 + message.length;
  }
  return bytes;
}

/** Columns and types, in order: what raw messages of a stream are read with. Compared as JSON text. */
export function schemaJson(schema: Schema): JsonValue {
  return schema.fields.map(({name, type}) => [name, dataTypeText(type)]);
}

/** The in-flight data of the edges that `wants` names, by channel. Every byte is checked again as it is read. */
export async function readInFlight(
  files: FileSystem,
  restored: {readonly directory: string; readonly metadata: CheckpointMetadata},
  wants: (edge: string) => boolean,
): Promise<readonly InFlightChannel[]> {
  const opener = checkpointFiles(files, restored.directory);
  const channels = new Map<string, {input: Uint8Array[]; output: Uint8Array[]; first: Section}>();
  for (const state of inFlightStatesOf(restored.metadata)) {
    const sections = sectionsOf(state).filter(({edge}) => wants(edge));
    if (sections.length === 0) continue;
    const bytes = await readStateFile(opener, join(restored.directory, state.path), state);
    for (const section of sections) {
      const key = `${section.edge}:${section.from}-${section.to}`;
      const channel = channels.get(key) ?? {input: [], output: [], first: section};
      channels.set(key, channel);
      for (const message of unframe(bytes, section, state.path))
        channel[section.side].push(message);
    }
  }
  return [...channels.values()].map(({first: {edge, from, to, schema}, input, output}) => ({
    edge,
    from,
    to,
    schema,
    messages: [...input, ...output],
  }));
}

/** Edges of a checkpoint that have in-flight data, with the schema of what they carry. */
export function inFlightEdges(metadata: CheckpointMetadata): ReadonlyMap<string, JsonValue> {
  return new Map(
    inFlightStatesOf(metadata)
      .flatMap((state) => sectionsOf(state))
      .map(({edge, schema}) => [edge, schema]),
  );
}

function inFlightStatesOf({operators}: CheckpointMetadata): FileState[] {
  return operators.flatMap(({subtasks}) => subtasks.flatMap(inFlightOf));
}

function inFlightOf({states}: SubtaskMetadata): FileState[] {
  return states.flatMap((state) =>
    state.location === 'file' && state.kind === 'channel' ? [state] : [],
  );
}

interface Section {
  readonly edge: string;
  readonly from: number;
  readonly to: number;
  readonly side: 'input' | 'output';
  readonly schema: JsonValue;
  readonly offset: number;
  readonly length: number;
}

/** CHECKPOINT_DAMAGED when the handle does not say them. */
function sectionsOf(state: FileState): readonly Section[] {
  try {
    return parseSections(state);
  } catch (error) {
    if (error instanceof FieldError) throw damaged(state.path, 0, error.message);
    throw error;
  }
}

function parseSections(state: FileState): readonly Section[] {
  const value = state.description;
  const fields = new Fields(value, `description of ${state.path}`);
  return fields.objects('sections', SECTIONS_MAX, (section) => ({
    edge: section.text('edge'),
    from: section.count('from'),
    to: section.count('to'),
    side: section.oneOf('side', ['input', 'output']),
    schema: section.value('schema'),
    offset: section.count('offset'),
    length: section.count('length'),
  }));
}

function unframe(bytes: Uint8Array, {offset, length}: Section, path: string): Uint8Array[] {
  const end = offset + length;
  if (end > bytes.length) throw damaged(path, offset, `a section of ${length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  let at = offset;
  while (at < end) {
    const size = at + 4 <= end ? view.getUint32(at, true) : -1;
    if (size < 0 || at + 4 + size > end) throw damaged(path, at, 'a message that is cut off');
    // Copied: columns are views of its bytes and must be aligned.
    messages.push(bytes.slice(at + 4, at + 4 + size));
    at += 4 + size;
  }
  assert(at === end, `${path}: a section ends at ${at}, not ${end}`);
  return messages;
}

function damaged(path: string, offset: number, found: string): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `${path} is damaged at byte ${offset}: ${found}`, {
    file: path,
    hint: damageHint(path),
    facts: {path, offset, found},
  });
}
