// Bytes that nobody vouches for: whatever is changed in a `_metadata`, what comes out is what was read or where it is not what
// it should be, never anything else; nothing is built beyond the cursor's limits; and what was read can be looked at further.

import {expect, test} from 'vitest';

import {SeededRandom} from '#src/base/random.js';
import {ByteCursor, FLINK_LIMITS} from '#src/inspection/flink/byte-cursor.js';
import {contradictionsIn} from '#src/inspection/flink/check-structure.js';
import {decodeFlinkMetadata} from '#src/inspection/flink/decode-flink-metadata.js';
import {describeFlinkOperators} from '#src/inspection/flink/describe-flink-operators.js';
import type {FlinkMetadata} from '#src/inspection/flink/flink-metadata.js';
import {locateFile} from '#src/inspection/flink/locate-file.js';
import {fileUses, sizesOf} from '#src/inspection/flink/state-parts.js';
import {metadataFiles, readDirectories} from '../../flink-directories/support/directories.js';
import {FLINK_BYTES, pick} from '../../hostile/fuzz/flink-bytes.js';
import {whole} from '../../hostile/support/sample.js';

const ALL = metadataFiles(readDirectories());
const COUNT = whole ? 20_000 : 600;
const SEED = 20261127;
/** Everything that a command does with it before it opens a file. */
function lookAt(metadata: FlinkMetadata): void {
  contradictionsIn(metadata);
  const {state, checkpointed, persisted} = sizesOf(metadata);
  expect([state, checkpointed, persisted].every((size) => size >= 0)).toBe(true);
  JSON.stringify(describeFlinkOperators(metadata.operators, ['some uid']));
  const place = {directory: '/c/chk-1', checkpointId: metadata.checkpointId, maps: []};
  for (const {file} of fileUses(metadata)) {
    const location = locateFile(file, place);
    if (location.kind === 'here' && !location.path.startsWith('/c/')) {
      expect.unreachable(`${file.path} is looked for at ${location.path}`);
    }
  }
}

test(`${COUNT} mutations, seed ${SEED}: read, damaged or of another version, within the limits`, () => {
  const random = new SeededRandom(SEED);
  const kinds = {decoded: 0, damaged: 0, incompatible: 0};
  const names = Object.keys(FLINK_BYTES);
  for (let count = 0; count < COUNT; count += 1) {
    const file = pick(random, ALL);
    const name = pick(random, names);
    const bytes = FLINK_BYTES[name]!(Buffer.from(file.bytes), random, pick(random, ALL).bytes);
    const cursor = new ByteCursor(bytes);
    const result = decodeFlinkMetadata(cursor);
    kinds[result.kind] += 1;
    // Each entry takes up a byte at least: what is built is bounded by what was read.
    if (cursor.entries > 4 * bytes.length || cursor.offset > bytes.length) {
      expect.unreachable(`${count}, ${name}: ${cursor.entries} entries in ${bytes.length} bytes`);
    }
    if (result.kind === 'decoded') lookAt(result.metadata);
    if (result.kind === 'damaged') {
      if (result.offset > bytes.length) expect.unreachable(`${count}, ${name}: ${result.offset}`);
    }
  }
  // A changed name or number is not found: the format has nothing to find it with.
  expect(kinds.damaged).toBeGreaterThan(COUNT / 4);
  expect(kinds.decoded).toBeGreaterThan(COUNT / 10);
});

test('nothing is built beyond the limits', () => {
  const large = ALL.find(({name}) => name.includes('flink2.0-rocksdb-checkpoint'))!;
  const free = new ByteCursor(large.bytes);
  expect(decodeFlinkMetadata(free).kind).toBe('decoded');
  for (const entriesMax of [0, 1, 50, free.entries - 1]) {
    const cursor = new ByteCursor(large.bytes, {...FLINK_LIMITS, entriesMax});
    expect(decodeFlinkMetadata(cursor)).toMatchObject({
      kind: 'damaged',
      expected: `at most ${entriesMax} entries in all`,
    });
    expect(cursor.entries).toBeLessThanOrEqual(entriesMax);
  }
  const enough = new ByteCursor(large.bytes, {...FLINK_LIMITS, entriesMax: free.entries});
  expect(decodeFlinkMetadata(enough).kind).toBe('decoded');
});
