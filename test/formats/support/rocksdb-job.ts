// Checkpoints of RocksDB need its own files and threads: a real run makes them, in a directory of this machine. Its last
// checkpoint is kept, which the end of the input makes, and what it refers to. The sink writes nothing, so that no path of the
// machine is in it.

import {execFileSync} from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {tmpdir} from 'node:os';

import type {Made} from './kinds.ts';

const KEYS = 5;
const ROWS = 300;
const JOB = 'kept.job.yaml';

const jobText = (incremental: boolean): string => `name: kept
max-parallelism: 16
sources:
  made: {connector: generator, rows: ${ROWS}, splits: 4, rate-limit: 300, fields: {id: {kind: sequence}}}
steps:
  - {id: keyed, type: project, input: made, select: {id: id, k: "MOD(id, ${KEYS})"}}
  - {id: running, type: aggregate, input: keyed, group-by: [k], emit: on-checkpoint, ttl: 9999 d, select: {n: COUNT(*), total: SUM(id)}}
sinks:
  nowhere: {connector: blackhole, input: running}
state: {backend: rocksdb, rocksdb: {cache-size: 2kb}}
checkpointing: {interval: 80 ms, num-retained: 1, incremental: ${String(incremental)}, dir: "file:./state"}
lint: {off: [short-interval, no-min-pause]}
`;

/** Of each group, by plain loops: its key, how many records it has, and the sum of their ids. */
export function expectedGroups(): readonly (readonly [k: number, n: number, total: number])[] {
  return Array.from({length: KEYS}, (_, k) => {
    const ids = Array.from({length: ROWS}, (_row, id) => id).filter((id) => id % KEYS === k);
    return [k, ids.length, ids.reduce((sum, id) => sum + id, 0)] as const;
  });
}

export function makeRocksdb(run: string, incremental: boolean): Made {
  const root = mkdtempSync(join(tmpdir(), 'kept-'));
  try {
    mkdirSync(join(root, 'job'));
    writeFileSync(join(root, 'job', JOB), jobText(incremental));
    execFileSync(process.execPath, [run, 'run', JOB], {cwd: join(root, 'job'), stdio: 'pipe'});
    const home = join(root, 'job');
    const names = readdirSync(home, {recursive: true, encoding: 'utf8'});
    const kept = names
      .filter((name) => name === JOB || /^state\/kept\/(chk-\d+|shared)\//.test(name))
      .filter((name) => statSync(join(home, name)).isFile());
    const checkpoint = /^state\/kept\/chk-\d+/.exec(kept.find((name) => /\/chk-/.test(name)) ?? '');
    if (checkpoint === null) throw new Error('it left no checkpoint');
    return {
      files: new Map(kept.map((name) => [name, readFileSync(join(home, name))])),
      checkpoint: checkpoint[0],
    };
  } finally {
    rmSync(root, {recursive: true});
  }
}
