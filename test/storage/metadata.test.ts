// `_metadata` comes back as it was written, and bytes that nobody vouches for are never a crash: every
// limit is met before anything is built, every bit is covered, every name is checked.

import fc from 'fast-check';
import {describe, expect, it} from 'vitest';

import {sha256Hex} from '#src/base/checksum.js';
import type {JsonValue} from '#src/base/json.js';
import type {CheckpointMetadata, StateHandle} from '#src/checkpoint/checkpoint-metadata.js';
import {canonicalJson, type JsonObject} from '#src/storage/canonical-json.js';
import {findCaseClash, reasonToRefuseName} from '#src/storage/check-name.js';
import {decodeMetadata} from '#src/storage/metadata-decoder.js';
import {encodeMetadata, METADATA_BYTES_MAX} from '#src/storage/metadata-encoder.js';
import {openSealedJson, sealJson} from '#src/storage/sealed-json.js';
import {metadataOf} from './support/fixture.js';

const RUN = {generation: 3, runId: '0123456789abcdef'};
const metadata = metadataOf(RUN, 7, [
  {
    location: 'file',
    name: 'keyed',
    kind: 'keyed',
    codecVersion: 1,
    keyGroups: {start: 0, end: 127},
    path: 'count/0.keyed',
    length: 5,
    sha256: 'cd'.repeat(32),
    chunkCrcs: [1234567],
    description: null,
  },
]);

type Place = readonly (string | number)[];
const STATE: Place = ['operators', 1, 'subtasks', 0, 'states', 0];

/** The metadata's JSON with one value set (undefined: removed), sealed again as an attacker would. */
function forged(place: Place, value: JsonValue | undefined): Uint8Array {
  return forgedAll([[place, value]]);
}

function forgedAll(edits: readonly (readonly [Place, JsonValue | undefined])[]): Uint8Array {
  const opened = openSealedJson(encodeMetadata(metadata));
  if (opened.kind !== 'opened') throw new Error('not sealed');
  const json: unknown = structuredClone(opened.fields);
  for (const [place, value] of edits) {
    let target = json as Map<string | number, unknown>;
    for (const key of place.slice(0, -1)) target = Reflect.get(target, key) as typeof target;
    const last = place.at(-1) ?? '';
    if (value === undefined) Reflect.deleteProperty(target, last);
    else Reflect.set(target, last, value);
  }
  return sealJson(json as JsonObject);
}

/** A valid seal around any text at all. */
function sealText(body: string): Uint8Array {
  return Buffer.from(`{"_sha256":"${sha256Hex(body)}",${body}`);
}

describe('metadata', () => {
  it('comes back as it was written, as canonical JSON that jq reads', () => {
    const bytes = encodeMetadata(metadata);
    expect(decodeMetadata(bytes)).toEqual({kind: 'decoded', metadata});
    const text = Buffer.from(bytes).toString();
    expect(JSON.parse(text)).toMatchObject({checkpoint_id: 7, job_name: 'flights', generation: 3});
    expect(text).toBe(`${canonicalJson(JSON.parse(text) as JsonValue)}\n`);
  });

  it('any inline state and any watermark come back', () => {
    const handles = fc.record({
      location: fc.constant('inline' as const),
      name: fc.string({maxLength: 20}),
      kind: fc.constantFrom('position', 'committables', 'operator'),
      codecVersion: fc.nat(),
      value: fc
        .jsonValue({maxDepth: 4})
        .filter((value) => !JSON.stringify(value).includes('__proto__')),
    });
    fc.assert(
      fc.property(
        fc.array(handles, {maxLength: 5}),
        fc.oneof(fc.constant('end'), fc.constant(null), fc.maxSafeInteger()),
        (states, watermark) => {
          const written = {
            ...metadata,
            operators: [
              {
                uid: 'a',
                type: 't',
                parallelism: 1,
                maxParallelism: 4,
                subtasks: [{index: 0, states: states as StateHandle[], watermark}],
              },
            ],
          } as CheckpointMetadata;
          expect(decodeMetadata(encodeMetadata(written))).toEqual({
            kind: 'decoded',
            metadata: written,
          });
        },
      ),
      {numRuns: 200},
    );
  });

  it('is decoded once for the same bytes, and others are not taken for them', () => {
    const bytes = encodeMetadata(metadata);
    const other = encodeMetadata({...metadata, checkpointId: metadata.checkpointId + 1});
    const first = decodeMetadata(bytes);
    expect(decodeMetadata(bytes.slice())).toBe(first);
    expect(decodeMetadata(other)).toMatchObject({metadata: {checkpointId: 8}});
    expect(decodeMetadata(bytes)).toEqual(first);
    const flipped = bytes.slice();
    flipped[200]! ^= 1;
    expect(decodeMetadata(flipped).kind).toBe('damaged');
  });

  it('H28: each flipped bit is found, with an offset', () => {
    const bytes = encodeMetadata(metadata);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeMetadata(flipped).kind, `bit ${bit}`).toBe('damaged');
    }
  });

  it('H27: each prefix, and each extension by a byte, is found', () => {
    const bytes = encodeMetadata(metadata);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeMetadata(bytes.subarray(0, length)).kind).toBe('damaged');
    }
    for (const byte of [0, 10, 32, 125]) {
      expect(decodeMetadata(Buffer.concat([bytes, Buffer.from([byte])])).kind).toBe('damaged');
    }
  });

  it('any bytes are an answer, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 400}), (bytes) => {
        expect(['damaged', 'foreign']).toContain(decodeMetadata(bytes).kind);
        expect(decodeMetadata(sealText(`${Buffer.from(bytes).toString('latin1')}\n`)).kind).toBe(
          'damaged',
        );
      }),
      {numRuns: 500},
    );
  });

  it('H31: lengths and counts that no checkpoint has are refused before anything is allocated', () => {
    const bad: readonly (readonly [string, JsonValue])[] = [
      ...[2 ** 53, -1, '12', 1.5, null, true, [5], 2 ** 50].map(
        (length) => ['length', length] as const,
      ),
      ['chunk_crcs', []],
      ['chunk_crcs', [1, 2]],
      ['chunk_crcs', [2 ** 32]],
      ['sha256', 'CD'.repeat(32)],
      ['key_groups', {start: 0, end: 128}],
      ['key_groups', {start: 5, end: 4}],
    ];
    for (const [key, value] of bad) {
      const bytes = forged([...STATE, key], value);
      expect(decodeMetadata(bytes).kind, `${key} ${JSON.stringify(value)}`).toBe('damaged');
    }
    for (const [key, value] of [
      ['checkpoint_id', 0],
      ['generation', 10_000_000_000],
      ['parent', 7],
      ['lineage', '..'],
      ['kind', 'snapshot'],
      ['triggered', '1'],
      ['triggered', 8_640_000_000_000_001],
      // No Date can tell it: one such checkpoint would hide a whole list.
      ['completed', 8_640_000_000_000_001],
      ['job_name', '../x'],
      ['operators', {}],
    ] as const) {
      expect(decodeMetadata(forged([key], value)).kind, key).toBe('damaged');
      expect(decodeMetadata(forged([key], undefined)).kind, key).toBe('damaged');
    }
    // 1e309 is no JSON number that comes back; a key twice has two readings.
    expect(decodeMetadata(sealText('"a":1e309}\n'))).toMatchObject({kind: 'damaged'});
    expect(decodeMetadata(sealText('"a":1,"a":2}\n'))).toMatchObject({kind: 'damaged'});
  });

  it('H32: 200,000 levels, 200,000 operators, 65 MiB are refused', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `"a":${open.repeat(200_000)}1${close.repeat(200_000)}}\n`;
      expect(decodeMetadata(sealText(deep))).toMatchObject({
        kind: 'damaged',
        message: 'nested deeper than 64 levels',
      });
    }
    const many = forged(['operators'], Array(200_000).fill(0));
    expect(decodeMetadata(many)).toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('200000') as string,
    });
    expect(decodeMetadata(new Uint8Array(METADATA_BYTES_MAX + 1)).kind).toBe('damaged');
  });

  it('H34: a name that leads out of the directory, or might, is refused', () => {
    const names = [
      '../x',
      '/etc/passwd',
      'a\\b',
      '.',
      '..',
      '',
      'a//b',
      'a/',
      'a\0b',
      'C:/x',
      'c:x',
      'CON',
      'a/nul.txt',
      'é',
      'a b',
      'x.',
      '-rf',
      'a/../b',
      'a/./b',
      'x'.repeat(200),
      'a/b/c/d/e',
      '~root',
      '.hidden',
    ];
    for (const name of names) {
      expect(reasonToRefuseName(name), name).not.toBeNull();
      const bytes = forged([...STATE, 'path'], name);
      expect(decodeMetadata(bytes).kind, name).toBe('refused');
    }
    for (const name of ['count/0.keyed', 'a/12.late_rows', 'console/0.x', 'comma/1.aux-2']) {
      expect(reasonToRefuseName(name), name).toBeNull();
    }
  });

  it('the one form of a name that leads out is that of a shared file, with its feature and its own digest', () => {
    const digest = 'cd'.repeat(32);
    const shared = `../shared/cd/${digest}`;
    const kindOf = (path: string, features: readonly string[] = ['shared-files']): string => {
      const edits = [
        [[...STATE, 'path'], path],
        [['required_features'], features],
      ] as const;
      return decodeMetadata(forgedAll(edits)).kind;
    };
    expect(kindOf(shared)).toBe('decoded');
    expect(kindOf(shared, [])).toBe('refused');
    expect(kindOf(shared, ['shared-files', 'later'])).toBe('incompatible');
    for (const path of [
      `../shared/ab/${digest}`,
      `../shared/cd/${'cd'.repeat(31)}ce`,
      `../shared/CD/${digest}`,
      `../shared/cd/${digest.toUpperCase()}`,
      `../shared/cd/${digest}/x`,
      `../shared/cd/../cd/${digest}`,
      `../../shared/cd/${digest}`,
      `./../shared/cd/${digest}`,
      `../shared//cd/${digest}`,
      `../shared/${digest}`,
      `../other/cd/${digest}`,
      `x/../../shared/cd/${digest}`,
      `/data/shared/cd/${digest}`,
      ` ../shared/cd/${digest}`,
      `../shared/cd/${digest}\n`,
      `..\\shared\\cd\\${digest}`,
    ]) {
      expect(kindOf(path), path).toBe('refused');
    }
  });

  it('a savepoint refers to nothing outside itself', () => {
    const edits = [
      [[...STATE, 'path'], `../shared/cd/${'cd'.repeat(32)}`],
      [['required_features'], ['shared-files']],
      [['kind'], 'savepoint'],
    ] as const;
    expect(decodeMetadata(forgedAll(edits)).kind).toBe('refused');
  });

  it('several handles may name one file, if they agree on it', () => {
    const opened = openSealedJson(encodeMetadata(metadata));
    if (opened.kind !== 'opened') throw new Error('not sealed');
    const [, operator] = opened.fields['operators'] as unknown as [
      unknown,
      {subtasks: [{states: [Record<string, JsonValue>]}]},
    ];
    const [state] = operator.subtasks[0].states;
    const twice = (change: Record<string, JsonValue>): string =>
      decodeMetadata(forged(STATE.slice(0, -1), [state, {...state, ...change}])).kind;
    expect(twice({key_groups: {start: 3, end: 4}})).toBe('decoded');
    expect(twice({length: 6})).toBe('damaged');
    expect(twice({sha256: 'ab'.repeat(32)})).toBe('damaged');
    expect(twice({chunk_crcs: [1]})).toBe('damaged');
  });

  it('H43: names that differ only in case are refused, also from _metadata itself', () => {
    expect(findCaseClash(['a/B', 'a/c', 'A/b'])).toEqual(['a/B', 'A/b']);
    expect(findCaseClash(['a/1.x', 'a/11.x'])).toBeNull();
    const bytes = forged([...STATE, 'path'], 'sha256sums');
    expect(decodeMetadata(bytes).kind).toBe('damaged');
  });

  it('H37: __proto__ as a key pollutes nothing and is refused', () => {
    for (const text of [
      '"__proto__":{"polluted":1}}\n',
      '"a":{"__proto__":{"polluted":1}}}\n',
      '"a":[{"__proto__":null}]}\n',
    ]) {
      expect(decodeMetadata(sealText(text)).kind).toBe('damaged');
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const bytes = forged(['constructor'], {prototype: {polluted: 1}});
    expect(decodeMetadata(bytes).kind).toBe('decoded');
  });

  it('H39: another major and an unknown feature name the version that can read it', () => {
    const newer = forgedAll([
      [['format'], {major: 2, minor: 0}],
      [['engine'], '5.1.0'],
      [['operators'], undefined],
    ]);
    expect(decodeMetadata(newer)).toMatchObject({kind: 'incompatible', needs: 'tidemark 5.1.0'});
    const feature = forged(['required_features'], ['changelog']);
    expect(decodeMetadata(feature)).toMatchObject({
      kind: 'incompatible',
      message: expect.stringContaining('changelog') as string,
    });
    const versions = forgedAll([
      [['required_features'], ['changelog', 'mirror', 'deltas']],
      [['feature_versions'], {changelog: '0.9.0', mirror: '0.10.0', deltas: '0.2.0'}],
      [['engine'], '5.1.0'],
    ]);
    expect(decodeMetadata(versions)).toEqual({
      kind: 'incompatible',
      needs: 'tidemark 0.10.0',
      message:
        'it requires changelog, mirror, deltas, which this version does not know; ' +
        'tidemark 0.10.0 does, and tidemark 5.1.0 wrote it',
    });
    const unnamed = forgedAll([
      [['required_features'], ['changelog']],
      [['feature_versions'], {deltas: '0.2.0'}],
    ]);
    expect(decodeMetadata(unnamed).kind).toBe('damaged');
    const minor = forgedAll([
      [['format'], {major: 1, minor: 9}],
      [['zone'], 'a field of a later minor'],
    ]);
    expect(decodeMetadata(minor).kind).toBe('decoded');
  });

  it('H39: what requires a feature says which version reads it first', () => {
    const textOf = (requiredFeatures: readonly string[]): string =>
      Buffer.from(encodeMetadata({...metadata, requiredFeatures})).toString('utf8');
    expect(textOf([])).not.toContain('feature_versions');
    expect(textOf(['in-flight-data', 'canonical-state'])).toContain(
      '"feature_versions":{"canonical-state":"0.1.0","in-flight-data":"0.1.0"}',
    );
  });

  it("Flink's _metadata is recognised", () => {
    expect(decodeMetadata(Buffer.from('4960672d00000004', 'hex'))).toEqual({
      kind: 'foreign',
      program: 'flink',
    });
  });
});
