// The kinds of checkpoint and savepoint of which one is kept, and how each comes to be. A kind that needs real threads or
// real disks (a database of its own) makes its files in a directory and returns them in the same way.

import {join} from 'node:path';

import type {SavepointFormat} from '#src/checkpoint/checkpoint-metadata.js';
import {inputFiles, JOB_DIRECTORY, type JobOptions} from './kept-job.ts';
import {Machine, ROOT, type Files} from './machine.ts';
import {makeRocksdb} from './rocksdb-job.ts';

export interface Made {
  /** All that a later version is given, below ROOT. */
  readonly files: Files;
  /** Directory of the checkpoint, below ROOT. */
  readonly checkpoint: string;
}

export interface Kind {
  readonly name: string;
  /** What a reader must be able to do. */
  readonly about: string;
  /** Of the engine that writes it, in the name of its directory: a release that writes other bytes changes it. */
  readonly version: string;
  readonly parallelism: number;
  /** Has files of RocksDB: no simulated machine opens it. */
  readonly ofRocksdb?: true;
  readonly make: () => Promise<Made>;
}

const SEEDS_MAX = 300;
const PARALLELISM = 2;
/** The checkpoint at which every key has come, and some sums need more than 53 bits. */
const ENOUGH = 5;

export const KINDS: readonly Kind[] = [
  {
    name: 'hashmap-full',
    about: 'a full checkpoint of the hashmap backend; every part that it prepared is committed',
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () =>
      killed({unaligned: false}, (machine, text) => {
        return (
          idOf(machine) >= ENOUGH && namesIn(text, 'final').every((part) => isThere(machine, part))
        );
      }),
  },
  {
    name: 'unaligned-in-flight',
    about: 'an unaligned checkpoint that holds records that were between two tasks',
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () =>
      killed(
        {unaligned: true},
        (_machine, text) => text.includes('"in-flight-data"') && text.includes('readings>running'),
      ),
  },
  {
    name: 'file-sink-prepared',
    about: 'a checkpoint whose parts of file sinks are prepared, and none of them is committed',
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () =>
      killed({unaligned: false}, (machine, text) => {
        const parts = namesIn(text, 'final');
        return parts.length >= 3 && !parts.some((part) => isThere(machine, part));
      }),
  },
  {
    name: 'hashmap-incremental',
    about:
      'a checkpoint in which a table is a chain of a file with all rows and deltas, in shared/',
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () =>
      killed({more: ['incremental: true', 'max-chain: 4']}, (_machine, text) =>
        text.includes('"delta":'),
      ),
  },
  {
    name: 'hashmap-compressed',
    about: 'a full checkpoint of the hashmap backend, compressed with gzip',
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () =>
      killed(
        {more: ['snapshot-compression: gzip']},
        (machine, text) => idOf(machine) >= ENOUGH && text.includes('compression-gzip'),
      ),
  },
  rocksdb('full'),
  rocksdb('incremental'),
  savepoint('canonical'),
  savepoint('native'),
  compressed('gzip', 'hashmap'),
  compressed('brotli', 'rocksdb'),
];

function rocksdb(form: 'full' | 'incremental'): Kind {
  return {
    name: `rocksdb-${form}`,
    about: `${form === 'full' ? 'a full' : 'an incremental'} checkpoint of the rocksdb backend, at the end of the input`,
    version: '0.1.0',
    parallelism: 1,
    ofRocksdb: true,
    make: async () =>
      Promise.resolve(makeRocksdb(join(process.cwd(), 'bin', 'run.js'), form === 'incremental')),
  };
}

function savepoint(format: SavepointFormat): Kind {
  return {
    name: `savepoint-${format}`,
    about: `a ${format} savepoint of a job that was stopped with it`,
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () => stopped(format, {}),
  };
}

function compressed(codec: 'gzip' | 'brotli', backend: 'hashmap' | 'rocksdb'): Kind {
  return {
    name: `savepoint-canonical-${codec}`,
    about: `a canonical savepoint, compressed with ${codec}, of a job of the ${backend} backend that was stopped with it`,
    version: '0.1.0',
    parallelism: PARALLELISM,
    make: async () => stopped('canonical', {backend, more: [`snapshot-compression: ${codec}`]}),
  };
}

/** The first seed in which a published checkpoint is as wanted (`text` is its `_metadata`); its process is killed there. */
async function killed(
  options: JobOptions,
  isWanted: (machine: Machine, text: string) => boolean,
): Promise<Made> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const machine = new Machine(seed);
    await machine.put(inputFiles(options));
    const process = machine.start(PARALLELISM);
    const isThere = (): boolean => {
      const {published, disk} = machine;
      return (
        published !== null && isWanted(machine, disk.dataOf(`${published}/_metadata`).toString())
      );
    };
    await machine.until(() => !process.living || isThere());
    if (!process.living || machine.published === null) continue;
    process.kill('off');
    return {files: machine.files(), checkpoint: machine.published.slice(ROOT.length + 1)};
  }
  throw new Error('no seed makes such a checkpoint');
}

/** The first seed in which the job can be stopped before it ends. */
async function stopped(format: SavepointFormat, options: JobOptions): Promise<Made> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const machine = new Machine(seed);
    await machine.put(inputFiles(options));
    const process = machine.start(PARALLELISM);
    await machine.until(() => !process.living || idOf(machine) >= ENOUGH);
    const path = await stopWithSavepoint(machine, process, format);
    if (path === null) continue;
    // A savepoint is whole by itself: the job's own directory is not kept.
    const files = [...machine.files()].filter(
      ([name]) => !`${ROOT}/${name}`.startsWith(JOB_DIRECTORY),
    );
    return {files: new Map(files), checkpoint: path.slice(ROOT.length + 1)};
  }
  throw new Error('no seed makes such a savepoint');
}

/** Path of the savepoint; null: the job ended too soon. */
export async function stopWithSavepoint(
  machine: Machine,
  process: ReturnType<Machine['start']>,
  format: SavepointFormat,
): Promise<string | null> {
  const taken: string[] = [];
  process.commands?.stop({drain: false, savepoint: {directory: null, format}}).then(
    (outcome) => {
      if (outcome.kind === 'stopped' && outcome.savepoint !== null) {
        taken.push(outcome.savepoint.path);
      }
    },
    () => undefined,
  );
  await machine.endOf(process);
  return taken[0] ?? null;
}

function idOf({published}: Machine): number {
  return Number(/chk-(\d+)$/.exec(published ?? '')?.[1] ?? 0);
}

function namesIn(text: string, field: string): string[] {
  return [...text.matchAll(new RegExp(`"${field}":"([^"]+)"`, 'gu'))].map(([, name]) => name ?? '');
}

function isThere({disk}: Machine, part: string): boolean {
  return disk
    .namesIn(`${ROOT}/out`)
    .some((sink) => disk.namesIn(`${ROOT}/out/${sink}`).includes(part));
}
