// The example on the room's page is what the decoder reads.

import {readFileSync} from 'node:fs';

import {expect, test} from 'vitest';

import {ByteCursor} from '#src/inspection/flink/byte-cursor.js';
import {decodeFlinkMetadata} from '#src/inspection/flink/decode-flink-metadata.js';

test('the bytes of the example are read as the page says', () => {
  const page = readFileSync(
    new URL('../../../src/inspection/flink/README.md', import.meta.url),
    'utf8',
  );
  const [, block = ''] = /```text\n([^`]*)```/.exec(page) ?? [];
  const hex = block
    .split('\n')
    .map((line) => /^((?: *[0-9a-f]+)+)(?: {2}|$)/.exec(line)?.[1] ?? '');
  const bytes = Buffer.from(hex.join('').replaceAll(' ', ''), 'hex');
  const subtask = {
    index: 0,
    finished: false,
    managedOperator: null,
    rawOperator: null,
    managedKeyed: {
      kind: 'hashmap',
      keyGroups: {start: 0, end: 0},
      offsets: BigInt64Array.of(5n),
      stream: {kind: 'relative', path: 'a', size: 10, at: {start: 82, end: 94}},
    },
    rawKeyed: null,
    channels: [],
  };
  const operator = {
    name: null,
    uid: null,
    id: '00112233445566778899aabbccddeeff',
    parallelism: 1,
    maxParallelism: 128,
    coordinator: null,
    finished: false,
    subtasks: [subtask],
  };
  expect(decodeFlinkMetadata(new ByteCursor(bytes))).toEqual({
    kind: 'decoded',
    metadata: {
      version: 3,
      checkpointId: 7,
      masterStates: [],
      operators: [operator],
      properties: null,
    },
  });
});
