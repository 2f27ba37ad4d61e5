// What a file sink hands over with a checkpoint: its prepared parts, as they stand in `_metadata`.

import {isAbsolute, normalize} from 'node:path';
import {EngineError} from '../../base/errors.ts';
import type {JsonValue} from '../../base/json.ts';
import type {InlineState, StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import {
  parsePartName,
  parseTemporaryName,
  type PartName,
  type TemporaryName,
} from './part-names.ts';

/** Version of the value below. */
const COMMITTABLES_VERSION = 1;

/** A file that is whole and synced under its temporary name. */
export interface PreparedPart {
  /** Names without directory. */
  readonly temporary: string;
  readonly final: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hexadecimal digits. */
  readonly sha256: string;
}

export interface Committables {
  /** Absolute; the sink's target directory when the parts were prepared. */
  readonly directory: string;
  readonly parts: readonly PreparedPart[];
}

export function committablesState(committables: Committables): InlineState {
  const value: JsonValue = {
    directory: committables.directory,
    parts: committables.parts.map(({temporary, final, size, sha256}) => ({
      temporary,
      final,
      size,
      sha256,
    })),
  };
  return {
    location: 'inline',
    name: 'parts',
    kind: 'committables',
    codecVersion: COMMITTABLES_VERSION,
    value,
  };
}

/** Who must have made the names in a stored value. */
export interface PartOwner {
  readonly job: string;
  readonly sink: string;
}

/**
 * Reads committables back. The checkpoint's checksums were verified, but nothing is linked or unlinked
 * that is not named as a part of this job's sink: CHECKPOINT_DAMAGED.
 */
export function readCommittables(state: StateHandle, owner: PartOwner): Committables {
  if (state.location !== 'inline' || state.kind !== 'committables') {
    throw damaged(owner, `state ${state.name} holds no committables`);
  }
  if (state.codecVersion !== COMMITTABLES_VERSION) {
    const message = `${owner.sink}: committables of version ${state.codecVersion}, this release reads ${COMMITTABLES_VERSION}`;
    throw new EngineError('INCOMPATIBLE', message);
  }
  const value = state.value as {readonly directory?: JsonValue; readonly parts?: JsonValue} | null;
  const directory = value?.directory;
  const parts = value?.parts;
  if (typeof directory !== 'string' || !isAbsolute(directory) || directory.includes('\0')) {
    throw damaged(owner, 'the target directory is no absolute path');
  }
  if (!Array.isArray(parts)) throw damaged(owner, 'there is no list of parts');
  return {
    directory: normalize(directory),
    parts: parts.map((part) => readPart(part as JsonValue, owner)),
  };
}

function readPart(value: JsonValue, owner: PartOwner): PreparedPart {
  const part = value as Partial<Record<keyof PreparedPart, JsonValue>> | null;
  const {temporary, final, size, sha256} = part ?? {};
  if (typeof temporary !== 'string' || typeof final !== 'string') {
    throw damaged(owner, 'a part has no names');
  }
  const from = parseTemporaryName(temporary);
  const to = parsePartName(final);
  if (from === null || to === null || !belongTogether(from, to, owner)) {
    throw damaged(owner, `${temporary} and ${final} do not name a part of ${owner.sink}`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw damaged(owner, `part ${final} has no size`);
  }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw damaged(owner, `part ${final} has no SHA-256`);
  }
  return {temporary, final, size, sha256};
}

function belongTogether(from: TemporaryName, to: PartName, owner: PartOwner): boolean {
  return (
    from.job === owner.job &&
    to.job === owner.job &&
    from.sink === owner.sink &&
    to.sink === owner.sink &&
    from.lineage === to.lineage &&
    from.generation === to.generation &&
    from.subtask === to.subtask &&
    from.counter === to.counter &&
    from.extension === to.extension
  );
}

function damaged(owner: PartOwner, what: string): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `what sink ${owner.sink} prepared: ${what}`, {
    hint: 'Run `checkpoint verify` on it; another checkpoint may be whole.',
  });
}
