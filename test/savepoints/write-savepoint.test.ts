// Promise: whatever call fails while a savepoint is made, the error is typed, nothing visible is left behind, and the next
// one succeeds; nothing damaged gets into one, and nothing that is still to be committed.
import {describe, expect, test} from 'vitest';

import {HAS_ZSTD} from '#src/base/compression.js';
import {EngineError} from '#src/base/errors.js';
import type {
  CheckpointMetadata,
  FileState,
  InlineState,
} from '#src/checkpoint/checkpoint-metadata.js';
import {savepointMetadata} from '#src/savepoints/savepoint-metadata.js';
import {writeSavepoint} from '#src/savepoints/write-savepoint.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import {removeTree} from '#src/storage/durable-file.js';
import {stateFilesOf} from '#src/storage/metadata-encoder.js';
import {writeStateFile} from '#src/storage/state-file-writer.js';
import {findSavepoint, SavepointAttempt} from '#src/storage/savepoint-attempt.js';
import {
  beginFresh,
  JOB_DIRECTORY,
  metadataOf,
  publish,
  readFile,
  start,
  writeFile,
} from '../storage/support/fixture.ts';
import {MemoryFileSystem, type Fault} from '../storage/support/memory-file-system.ts';
import {publishShared} from '../storage/support/shared-states.ts';

const TARGET = '/data/savepoints';
const PATH = `${TARGET}/savepoint-012345-aaaaaaaaaaaa`;
const PLACE = {path: PATH, jobId: '0123456789abcdef0123456789abcdef', generation: 1};

type Fate = ReturnType<Fault>;

interface Source {
  readonly path: string;
  readonly metadata: CheckpointMetadata;
}

async function published(disk: MemoryFileSystem): Promise<Source> {
  const owner = await start(disk);
  await beginFresh(owner);
  return publish(disk, owner, 2);
}

async function make(disk: MemoryFileSystem, {path, metadata}: Source): Promise<number> {
  const attempt = await SavepointAttempt.begin(disk, PLACE);
  try {
    const source = {directory: path, metadata};
    const convert = async () => Promise.reject(new Error('nothing is converted'));
    return await writeSavepoint(disk, source, attempt, 'native', convert);
  } catch (error) {
    await attempt.discard().catch(() => undefined);
    throw error;
  }
}

async function isWhole(disk: MemoryFileSystem): Promise<boolean> {
  const found = {
    files: disk,
    directory: PATH,
    level: 'checksum',
    onFinding: () => undefined,
  } as const;
  const {state, errors} = await checkCheckpoint(found);
  return state.kind === 'complete' && errors === 0;
}

function visible(disk: MemoryFileSystem): readonly string[] {
  return disk.namesIn(TARGET).filter((name) => !name.startsWith('.'));
}

describe('a savepoint', () => {
  test.each([
    ['an I/O error', (): Fate => ({kind: 'fail', code: 'EIO'})],
    ['a full disk', (): Fate => ({kind: 'fail', code: 'ENOSPC'})],
    ['a lost reply', (): Fate => ({kind: 'reply-lost', code: 'EIO'})],
  ])(
    'leaves nothing visible after %s at any call, and works the next time',
    async (_what, fault) => {
      for (let failing = 1; ; failing += 1) {
        const disk = new MemoryFileSystem();
        const source = await published(disk);
        let calls = 0;
        disk.options = {
          fault: () => {
            calls += 1;
            return calls === failing ? fault() : null;
          },
        };
        const failure: unknown = await make(disk, source).then(
          () => null,
          (error: unknown) => error,
        );
        disk.options = {};
        if (failure === null) {
          expect(await isWhole(disk)).toBe(true);
          if (calls < failing) return;
          continue;
        }
        expect(failure).toBeInstanceOf(EngineError);
        expect(['STORAGE_FAILED', 'REFUSED']).toContain((failure as EngineError).code);
        expect([failing, visible(disk)]).toEqual([failing, []]);
        await disk.removeDirectory(TARGET).catch(() => undefined);
        if (disk.namesIn('/data').includes('savepoints')) {
          // What could not be removed is hidden, and goes with a later run's.
          const later = await SavepointAttempt.begin(disk, {...PLACE, generation: 2});
          expect(disk.namesIn(TARGET)).toEqual([later.directory.slice(TARGET.length + 1)]);
          await later.discard();
        }
        expect(await make(disk, source)).toBeGreaterThan(0);
        expect(await isWhole(disk)).toBe(true);
      }
    },
  );

  test('has copies of shared files, one for each operator, and is whole without the job directory', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    await beginFresh(owner);
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const [base] = states;
    const parted = [
      {...base!, keyGroups: {start: 0, end: 63}},
      {...base!, keyGroups: {start: 64, end: 127}},
    ];
    const source = await publishShared(disk, owner, 2, {brings: ['delta'], refers: parted});
    await make(disk, source);
    await removeTree(disk, JOB_DIRECTORY);
    expect(await isWhole(disk)).toBe(true);
    const state = await deriveCheckpointState(disk, PATH);
    const {metadata} = state as Extract<typeof state, {kind: 'complete'}>;
    expect(metadata.requiredFeatures).toEqual([]);
    const files = stateFilesOf(metadata);
    expect(files.map(({keyGroups}) => keyGroups)).toEqual(
      source.states.map((one) => one.keyGroups),
    );
    expect(files.map(({path}) => disk.contentOf(`${PATH}/${path}`).toString())).toEqual([
      'delta',
      'base',
      'base',
    ]);
    expect(disk.namesIn(`${PATH}/count`)).toHaveLength(2);
  });

  test('of converted shared files has one of its own for each handle', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    await beginFresh(owner);
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const halves = [
      {...states[0]!, keyGroups: {start: 0, end: 63}},
      {...states[0]!, keyGroups: {start: 64, end: 127}},
    ];
    const {path, metadata} = await publishShared(disk, owner, 2, {refers: halves});
    const attempt = await SavepointAttempt.begin(disk, PLACE);
    await writeSavepoint(
      disk,
      {directory: path, metadata: {...metadata, compression: 'gzip'}},
      attempt,
      'canonical',
      async (request) => {
        expect(request.compression).toBe('gzip');
        if (!('states' in request)) throw new Error('no database is converted here');
        const {states: converted, targetDirectory, targetPath} = request;
        const state = converted[0]!;
        const written = await writeStateFile(
          disk,
          `${targetDirectory}/${targetPath}`,
          async (append) => append(Buffer.from(`from ${state.keyGroups?.start}`)),
        );
        return {...state, ...written, path: targetPath};
      },
    );
    expect(await isWhole(disk)).toBe(true);
    const contents = disk
      .namesIn(`${PATH}/count`)
      .map((name) => disk.contentOf(`${PATH}/count/${name}`).toString());
    expect(contents.sort()).toEqual(['from 0', 'from 64']);
  });

  test.skipIf(HAS_ZSTD)('is not compressed with zstd where Node lacks it', async () => {
    const disk = new MemoryFileSystem();
    const {path, metadata} = await published(disk);
    const attempt = await SavepointAttempt.begin(disk, PLACE);
    const convert = async () => Promise.reject(new Error('nothing is converted'));
    const source = {directory: path, metadata: {...metadata, compression: 'zstd' as const}};
    const made = writeSavepoint(disk, source, attempt, 'canonical', convert);
    await expect(made).rejects.toMatchObject({code: 'INCOMPATIBLE'});
    await attempt.discard();
    expect(await make(disk, {path, metadata: source.metadata})).toBeGreaterThan(0);
  });

  test('is not made from damaged bytes', async () => {
    const disk = new MemoryFileSystem();
    const source = await published(disk);
    const file = `${source.path}/sum/0.keyed`;
    const bytes = Buffer.from(await readFile(disk, file));
    bytes[3]! ^= 1;
    await disk.unlink(file);
    await writeFile(disk, file, bytes);
    await expect(make(disk, source)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect(disk.namesIn(TARGET)).toEqual([]);
  });

  test('does not replace what is there', async () => {
    const disk = new MemoryFileSystem();
    const source = await published(disk);
    const attempt = await SavepointAttempt.begin(disk, PLACE);
    await disk.makeDirectory(PATH);
    const convert = async () => Promise.reject(new Error('nothing is converted'));
    const made = writeSavepoint(
      disk,
      {directory: source.path, ...source},
      attempt,
      'native',
      convert,
    );
    await expect(made).rejects.toMatchObject({code: 'REFUSED'});
    await attempt.discard();
    expect(disk.namesIn(TARGET)).toEqual([PATH.slice(TARGET.length + 1)]);
    const of = {lineage: source.metadata.lineage, checkpointId: 2};
    expect(await findSavepoint(disk, PATH, of)).toEqual({kind: 'other'});
  });

  test('is found by who it is, and by nobody else', async () => {
    const disk = new MemoryFileSystem();
    const source = await published(disk);
    const {lineage} = source.metadata;
    expect(await findSavepoint(disk, PATH, {lineage, checkpointId: 2})).toEqual({kind: 'absent'});
    const bytes = await make(disk, source);
    expect(await findSavepoint(disk, PATH, {lineage, checkpointId: 2})).toEqual({
      kind: 'there',
      bytes,
    });
    expect(await findSavepoint(disk, PATH, {lineage, checkpointId: 3})).toEqual({kind: 'other'});
    expect(await findSavepoint(disk, PATH, {lineage: 'f'.repeat(16), checkpointId: 2})).toEqual({
      kind: 'other',
    });
  });

  test('names nothing that is still to be committed, and what a reader must know', () => {
    const committables: InlineState = {
      location: 'inline',
      name: 'parts',
      kind: 'committables',
      codecVersion: 1,
      value: {directory: '/out', parts: []},
    };
    const plain = metadataOf({generation: 1, runId: 'a'.repeat(16)}, 7, []);
    const sink = {uid: 'out', type: 'sink:file', parallelism: 1, maxParallelism: 128};
    const subtasks = [{index: 0, watermark: null, states: [committables]}];
    const checkpoint: CheckpointMetadata = {
      ...plain,
      savepointTarget: {path: PATH, format: 'native'},
      operators: [...plain.operators, {...sink, subtasks}],
    };
    const native = savepointMetadata(checkpoint, 'native', new Map());
    expect(native).toMatchObject({kind: 'savepoint', savepointTarget: null, requiredFeatures: []});
    expect(native.operators.at(-1)?.subtasks[0]?.states).toEqual([]);
    expect(native.operators[0]).toEqual(plain.operators[0]);
    expect(savepointMetadata(checkpoint, 'canonical', new Map()).requiredFeatures).toEqual([
      'canonical-state',
    ]);
    // How files are compressed is read from what was written, not from what the job asked for.
    const state = fileState('canonical');
    const zipped = {...state, description: {encoding: 'canonical', compression: 'gzip'}};
    const asked = {...checkpoint, compression: 'gzip'} as const;
    expect(savepointMetadata(asked, 'canonical', new Map([[state, [zipped]]]))).toMatchObject({
      requiredFeatures: ['canonical-state', 'compression-gzip'],
      compression: 'gzip',
    });
    expect(savepointMetadata(asked, 'canonical', new Map([[state, [state]]]))).toMatchObject({
      requiredFeatures: ['canonical-state'],
      compression: 'none',
    });
  });
});

function fileState(encoding: string): FileState {
  return {
    ...{location: 'file', name: 'groups', kind: 'keyed', codecVersion: 1, path: 'sum/0.groups'},
    ...{keyGroups: {start: 0, end: 127}, length: 0, sha256: '0'.repeat(64), chunkCrcs: []},
    description: {encoding},
  };
}
