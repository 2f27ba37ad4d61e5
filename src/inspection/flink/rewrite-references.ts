// `_metadata` of Flink with other references to files, and every other byte as it was. Each reference becomes one of tag 6: a
// name beside `_metadata`, which is right wherever the directory lies. Operator state in merged files becomes what it is
// without merging: tag 4, or none where it was empty, because tag 17 names the directories of the merged files.

import {assert} from '../../base/assert.ts';
import type {Extent, FlinkFile, FlinkMetadata} from './flink-metadata.ts';
import {fileUses} from './state-parts.ts';

/** Where the bytes of a reference lie in the copy. */
export interface NewReference {
  /** Beside `_metadata`; ASCII. */
  readonly name: string;
  readonly size: number;
}

interface Splice {
  readonly at: Extent;
  readonly bytes: Uint8Array;
}

const RELATIVE_TAG = 6;
const OPERATOR_TAG = Uint8Array.of(4);
const NOTHING = new Uint8Array(0);
/** Of the flag in front of a handle. */
const NO_HANDLE = new Uint8Array(4);

/** `bytes`: those that `metadata` was read from. */
export function rewriteReferences(
  bytes: Uint8Array,
  metadata: FlinkMetadata,
  referenceOf: (file: FlinkFile) => NewReference,
): Uint8Array {
  const splices: Splice[] = fileUses(metadata).map(({file}) => ({
    at: file.at,
    bytes: encodeRelative(referenceOf(file)),
  }));
  for (const {merged, stream} of operatorStates(metadata)) {
    if (merged === null) continue;
    if (stream.kind === 'empty-segment') splices.push({at: merged.whole, bytes: NO_HANDLE});
    else {
      splices.push({at: merged.tag, bytes: OPERATOR_TAG}, {at: merged.directories, bytes: NOTHING});
    }
  }
  splices.sort((left, right) => left.at.start - right.at.start);
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const {at, bytes: replacement} of splices) {
    assert(at.start >= end, `references overlap at byte ${at.start}`);
    parts.push(bytes.subarray(end, at.start), replacement);
    end = at.end;
  }
  parts.push(bytes.subarray(end));
  return Buffer.concat(parts);
}

function operatorStates({
  operators,
}: FlinkMetadata): readonly NonNullable<
  FlinkMetadata['operators'][number]['subtasks'][number]['managedOperator']
>[] {
  return operators.flatMap(({subtasks}) =>
    subtasks
      .flatMap(({managedOperator, rawOperator}) => [managedOperator, rawOperator])
      .filter((state) => state !== null),
  );
}

/** u8 tag, text name, i64 size. */
function encodeRelative({name, size}: NewReference): Uint8Array {
  const text = Buffer.from(name, 'latin1');
  const encoded = Buffer.alloc(1 + 2 + text.length + 8);
  encoded.writeUInt8(RELATIVE_TAG, 0);
  encoded.writeUInt16BE(text.length, 1);
  text.copy(encoded, 3);
  encoded.writeBigInt64BE(BigInt(size), 3 + text.length);
  return encoded;
}
