// What lies in a directory is derived from its content and listed newest first; a REF means one checkpoint or
// is refused with what was looked for.

import {describe, expect, it} from 'vitest';

import type {ProcessSighting} from '#src/base/process-identity.js';
import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {resolveJobDirectory, resolveReference} from '#src/inspection/resolve-reference.js';
import type {KnownJob} from '#src/inspection/resolve-reference.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import {holdSavepoint} from '#src/storage/holds.js';
import type {ProcessTable} from '#src/storage/process-table.js';
import {
  beginFresh,
  copyTree,
  HERE,
  JOB,
  JOB_DIRECTORY,
  processTable,
  publish,
  start,
  writeFile,
} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';

const ROOT = '/data/checkpoints';

async function disk(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  const owner = await start(files);
  await beginFresh(owner);
  for (const id of [2, 10, 12]) await publish(files, owner, id);
  await files.unlink(`${JOB_DIRECTORY}/chk-12/sum/0.keyed`);
  await files.makeDirectory(`${JOB_DIRECTORY}/chk-13`);
  await files.makeDirectory(`${JOB_DIRECTORY}/chk-14`);
  await writeFile(
    files,
    `${JOB_DIRECTORY}/chk-14/_metadata`,
    Buffer.from('4960672d00000003000000000000000e0000000000000000', 'hex'),
  );
  await files.makeDirectory(`${JOB_DIRECTORY}/chk-007`);
  const attempt = await owner.beginAttempt(15);
  await writeFile(files, `${attempt.directory}/part`, Buffer.alloc(9));
  return files;
}

describe('list', () => {
  it('shows copies whatever they are called, and one checkpoint when that is what is named', async () => {
    const files = await disk();
    await files.makeDirectory('/kept');
    await copyTree(files, `${JOB_DIRECTORY}/chk-10`, files, '/kept/before the change');
    await copyTree(files, `${JOB_DIRECTORY}/chk-10`, files, '/kept/.copying-1');
    await files.makeDirectory('/kept/notes');
    for (const directory of ['/kept', '/kept/before the change']) {
      const {items} = await listCheckpointDirectory(files, directory);
      expect(items).toMatchObject([
        {id: 10, kind: 'checkpoint', state: 'complete', path: '/kept/before the change'},
      ]);
    }
  });

  it('names a job file that lies where no checkpoints are', async () => {
    const files = await disk();
    await files.makeDirectory('/my jobs');
    await writeFile(files, '/my jobs/a.job.yaml', Buffer.from('name: a'));
    await expect(listCheckpointDirectory(files, '/my jobs')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: {hint: "those of the job: tidemark checkpoint list '/my jobs/a.job.yaml'"},
    });
  });

  it('B26: newest first, each with what it is; the newest complete one is marked', async () => {
    const {items, warnings} = await listCheckpointDirectory(await disk(), JOB_DIRECTORY);
    expect(items.map(({id, state, newest_restorable}) => [id, state, newest_restorable])).toEqual([
      [15, 'in-progress', false],
      [14, 'foreign', false],
      [13, 'incomplete', false],
      [12, 'damaged', false],
      [10, 'complete', true],
      [2, 'complete', false],
    ]);
    expect(items[0]).toMatchObject({bytes: 9, created: null, duration_ms: null, generation: null});
    expect(items[4]).toMatchObject({
      kind: 'checkpoint',
      path: `${JOB_DIRECTORY}/chk-10`,
      created: '2023-11-14T22:13:20.020Z',
      duration_ms: 20,
      shared_bytes: 0,
      generation: 1,
      job_name: JOB,
      unaligned: false,
      incremental: false,
    });
    expect(items[4]?.own_bytes).toBe(items[4]?.bytes);
    expect(warnings).toHaveLength(2);
  });

  it('an attempt is in progress while its process may live and nobody has taken over; else it is aborted', async () => {
    const files = await disk();
    const seen = async (processes: ProcessTable) => {
      const {items} = await listCheckpointDirectory(files, JOB_DIRECTORY, {processes});
      return items[0];
    };
    const running = (startTime: string) => (): ProcessSighting => ({kind: 'running', startTime});
    const alive = processTable(HERE, running('5000'));
    expect(await seen(alive)).toMatchObject({id: 15, state: 'in-progress', bytes: 9});
    const elsewhere = {...HERE, bootId: 'another'};
    expect(await seen(processTable(elsewhere))).toMatchObject({state: 'in-progress'});
    // Dead, and its pid taken by another program.
    for (const dead of [processTable(), processTable(HERE, running('7'))]) {
      expect(await seen(dead)).toMatchObject({id: 15, state: 'aborted', bytes: 9, held: false});
    }
    // A power loss may have kept the record of the next owner alone.
    await writeFile(files, `${JOB_DIRECTORY}/owner/0000000002`, Buffer.from('{}'));
    expect(await seen(alive)).toMatchObject({id: 15, state: 'aborted'});
    await files.unlink(`${JOB_DIRECTORY}/owner/0000000002`);
    await writeFile(files, `${JOB_DIRECTORY}/owner/0000000001.end`, Buffer.from('{}'));
    expect(await seen(alive)).toMatchObject({id: 15, state: 'aborted'});
    for (const {name} of await files.list(`${JOB_DIRECTORY}/owner`)) {
      await files.unlink(`${JOB_DIRECTORY}/owner/${name}`);
    }
    await files.removeDirectory(`${JOB_DIRECTORY}/owner`);
    expect(await seen(processTable())).toMatchObject({state: 'in-progress'});
  });

  it('B27: a directory of several jobs lists them all; one without any says what was looked for', async () => {
    const files = await disk();
    await copyTree(files, JOB_DIRECTORY, files, `${ROOT}/other`);
    const {items} = await listCheckpointDirectory(files, ROOT);
    expect(items.filter((item) => item.newest_restorable).map(({path}) => path)).toEqual([
      `${JOB_DIRECTORY}/chk-10`,
      `${ROOT}/other/chk-10`,
    ]);
    await files.makeDirectory('/empty');
    for (const [path, said] of [
      ['/empty', 'looked for FORMAT and chk-N'],
      ['/none', 'is not there'],
    ] as const) {
      await expect(listCheckpointDirectory(files, path)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining(said) as string,
      });
    }
  });

  it('savepoints in a directory are listed, newest first, a damaged one as such', async () => {
    const files = await disk();
    await files.makeDirectory('/savepoints');
    const names = ['savepoint-00aa11-00aa11bb22cc', 'savepoint-00aa11-ffaa11bb22cc'];
    for (const name of names) {
      await copyTree(files, `${JOB_DIRECTORY}/chk-10`, files, `/savepoints/${name}`);
    }
    await copyTree(files, `${JOB_DIRECTORY}/chk-10`, files, '/savepoints/mine');
    await files.unlink(`/savepoints/${names[1]}/_metadata`);
    const {items, warnings} = await listCheckpointDirectory(files, '/savepoints');
    expect(items).toMatchObject([
      {kind: 'checkpoint', state: 'complete', id: 10, path: '/savepoints/mine'},
      {kind: 'savepoint', state: 'complete', id: 10, path: `/savepoints/${names[0]}`},
      {kind: 'savepoint', state: 'incomplete', id: null, path: `/savepoints/${names[1]}`},
    ]);
    expect(warnings).toHaveLength(1);
  });

  it('a savepoint that is held is shown so, by list and by inspect', async () => {
    const files = await disk();
    await files.makeDirectory('/savepoints');
    for (const name of ['one', 'other']) {
      await copyTree(files, `${JOB_DIRECTORY}/chk-10`, files, `/savepoints/${name}`);
    }
    await holdSavepoint(files, '/savepoints/one');
    const {items} = await listCheckpointDirectory(files, '/savepoints');
    expect(items.map(({path, held}) => [path, held]).sort()).toEqual([
      ['/savepoints/one', true],
      ['/savepoints/other', false],
    ]);
    for (const {path, held} of items) {
      expect((await inspectCheckpoint(files, path)).details.held).toBe(held);
    }
  });

  it('a checkpoint of another job is not offered to this one', async () => {
    const files = await disk();
    await copyTree(files, JOB_DIRECTORY, files, `${ROOT}/other`);
    const owner = await start(files, {directory: `${ROOT}/other`});
    const kinds = (await owner.listCheckpoints()).map(({state}) => state.kind);
    expect(kinds).toEqual(['foreign', 'incomplete', 'damaged', 'incompatible', 'incompatible']);
  });
});

describe('REF', () => {
  it('a path, a job, a job with an id, and a unique prefix mean one checkpoint', async () => {
    const files = await disk();
    await files.makeDirectory('/data/checkpoints/flags');
    await files.makeDirectory('/data/checkpoints/flags/chk-3');
    const options = {
      files,
      workingDirectory: '/data',
      checkpointsDirectory: ROOT,
      knownJobs: () => [],
    };
    const cases: Record<string, string> = {
      [`${JOB_DIRECTORY}/chk-2`]: `${JOB_DIRECTORY}/chk-2`,
      'checkpoints/flights/chk-2/': `${JOB_DIRECTORY}/chk-2`,
      './checkpoints/../checkpoints/flights/chk-2': `${JOB_DIRECTORY}/chk-2`,
      'checkpoints/flights/chk-2/_metadata': `${JOB_DIRECTORY}/chk-2`,
      // The newest, whatever it is: a damaged one is never passed over silently.
      'checkpoints/flights': `${JOB_DIRECTORY}/chk-14`,
      flights: `${JOB_DIRECTORY}/chk-14`,
      'flights@latest': `${JOB_DIRECTORY}/chk-14`,
      'flights@12': `${JOB_DIRECTORY}/chk-12`,
      flig: `${JOB_DIRECTORY}/chk-14`,
      'flag@3': `${ROOT}/flags/chk-3`,
    };
    for (const [reference, path] of Object.entries(cases)) {
      expect(await resolveReference(options, reference), reference).toBe(path);
    }
  });

  it('a path may stand behind file:, and what is near to a REF is told how to be one', async () => {
    const files = await disk();
    await writeFile(files, '/data/my flights.job.yaml', Buffer.from('name: flights'));
    const options = {
      files,
      workingDirectory: '/data',
      checkpointsDirectory: null,
      knownJobs: () => [],
    };
    for (const scheme of ['file:', 'file://']) {
      expect(await resolveReference(options, `${scheme}${JOB_DIRECTORY}/chk-10`)).toBe(
        `${JOB_DIRECTORY}/chk-10`,
      );
    }
    await expect(resolveReference(options, 'my flights.job.yaml')).rejects.toMatchObject({
      code: 'USAGE',
      details: {hint: "see those of the job: tidemark checkpoint list 'my flights.job.yaml'"},
    });
    for (const [reference, form] of [
      ['latest', 'JOB@latest'],
      ['chk-12', 'JOB@12'],
      ['12', 'JOB@12'],
    ] as const) {
      await expect(resolveReference(options, reference)).rejects.toThrow(`of which job? ${form}`);
    }
  });

  it('of what Flink wrote is one that no job goes on from; it is not "nothing there"', async () => {
    const path = `${JOB_DIRECTORY}/chk-14`;
    await expect(readCheckpoint(await disk(), path)).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
      details: {hint: `look at what is in it: tidemark checkpoint inspect ${path}`},
    });
  });

  it('what is absent or ambiguous is refused with the candidates', async () => {
    const files = await disk();
    for (const name of ['flights-a', 'flights-b']) {
      await files.makeDirectory(`${ROOT}/${name}`);
      await files.makeDirectory(`${ROOT}/${name}/chk-1`);
    }
    const options = {
      files,
      workingDirectory: '/data',
      checkpointsDirectory: ROOT,
      knownJobs: () => [],
    };
    const codes: Record<string, string> = {
      '': 'USAGE',
      'flights@99': 'NOT_FOUND',
      'flights@x': 'USAGE',
      'flights@012': 'USAGE',
      fli: 'NOT_FOUND',
      'flights-': 'USAGE',
      'nothing/here': 'NOT_FOUND',
      '/data/checkpoints': 'USAGE',
    };
    for (const [reference, code] of Object.entries(codes)) {
      await expect(resolveReference(options, reference), reference).rejects.toMatchObject({code});
    }
    await expect(resolveReference(options, 'flights-')).rejects.toThrow('flights-a, flights-b');
    await expect(
      resolveReference({...options, checkpointsDirectory: null}, 'flights'),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('a job of the registry is named by its name, its id, and what either begins with', async () => {
    const files = await disk();
    const savepoints = [11, 12].map((id) => ({id, path: `/backup/savepoint-ab12cd-00${id}`}));
    await files.makeDirectory('/backup');
    for (const {path} of savepoints) await files.makeDirectory(path);
    savepoints.push({id: 99, path: '/backup/gone'});
    const job = {jobId: 'ab12cd'.padEnd(32, '0'), name: JOB, live: true, directory: JOB_DIRECTORY};
    const knownJobs = (): KnownJob[] => [{...job, savepoints}];
    const options = {files, workingDirectory: '/', checkpointsDirectory: null, knownJobs};
    const cases: Record<string, string> = {
      flights: `${JOB_DIRECTORY}/chk-14`,
      'flig@12': `${JOB_DIRECTORY}/chk-12`,
      [`${job.jobId}@10`]: `${JOB_DIRECTORY}/chk-10`,
      'ab12@latest': `${JOB_DIRECTORY}/chk-14`,
      'flights@11': '/backup/savepoint-ab12cd-0011',
      'savepoint-ab12cd-0012': '/backup/savepoint-ab12cd-0012',
      // A path beats a name when there is, or was, a checkpoint.
      'backup/savepoint-ab12cd-0012': '/backup/savepoint-ab12cd-0012',
    };
    await files.makeDirectory('/flights');
    await writeFile(files, '/backup/savepoint-ab12cd-0012/SHA256SUMS', new Uint8Array(1));
    for (const [reference, path] of Object.entries(cases)) {
      expect(await resolveReference(options, reference), reference).toBe(path);
    }
    const only = 'savepoints' as const;
    expect(await resolveReference({...options, only}, 'flights')).toBe(
      '/backup/savepoint-ab12cd-0012',
    );
    for (const reference of ['flights@99', 'ab1', 'gone', 'backup']) {
      await expect(resolveReference(options, reference)).rejects.toMatchObject({code: 'NOT_FOUND'});
    }
    await expect(resolveReference(options, 'save')).rejects.toThrow('0011, savepoint-ab12cd-0012');
  });

  it('one name in two places: the one that lives, else both are listed; beside the job file comes first', async () => {
    const files = await disk();
    await files.makeDirectory('/other');
    await copyTree(files, JOB_DIRECTORY, files, '/other/flights');
    const known = (live: boolean): KnownJob[] => [
      {jobId: 'a'.repeat(32), name: JOB, live, directory: '/other/flights', savepoints: []},
      {jobId: 'b'.repeat(32), name: JOB, live: false, directory: JOB_DIRECTORY, savepoints: []},
      {jobId: 'c'.repeat(32), name: JOB, live: false, directory: '/deleted', savepoints: []},
    ];
    const options = {files, workingDirectory: '/', checkpointsDirectory: null};
    const resolved = async (live: boolean, root: string | null): Promise<string> =>
      resolveReference({...options, checkpointsDirectory: root, knownJobs: () => known(live)}, JOB);
    expect(await resolved(true, null)).toBe('/other/flights/chk-14');
    expect(await resolved(true, ROOT)).toBe(`${JOB_DIRECTORY}/chk-14`);
    await expect(resolved(false, null)).rejects.toMatchObject({
      code: 'USAGE',
      message: `flights is ambiguous: /other/flights, ${JOB_DIRECTORY}`,
    });
    expect(await resolveJobDirectory({...options, knownJobs: () => known(true)}, 'flights')).toBe(
      '/other/flights',
    );
  });
});
