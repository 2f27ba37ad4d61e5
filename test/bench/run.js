// `npm run bench [-- P1 P3 --rounds 5 --records 3000000]` (or `--only P1,P3`): the goals of this stage, each a ratio to
// a base in the same interleaved run. Nothing here is a timed test: it prints, it never fails on speed.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

import {benchChannel} from './channel.js';
import {benchInspect} from './inspect.js';
import {benchControl, benchLatency} from './latency.js';
import {benchMemory} from './memory.js';
import {benchRecords} from './records.js';
import {benchRocksdbGroupBy} from './rocksdb-group-by.js';
import {benchStartup} from './startup.js';
import {printMachine} from './support.js';
import {benchSmallestCheckpoint} from './smallest-checkpoint.js';
import {benchUnaligned} from './unaligned.js';
import {benchVerify} from './verify.js';

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    only: {type: 'string'},
    rounds: {type: 'string', default: '5'},
    records: {type: 'string', default: '3000000'},
    keys: {type: 'string', default: '10000000'},
    mebibytes: {type: 'string', default: '1150'},
  },
});
const only = [...positionals, ...(values.only?.split(',') ?? [])];
const wants = (goal) => only.length === 0 || only.includes(goal);
const rounds = Number(values.rounds);

// The runs that are measured register themselves here, and not among the jobs of whoever measures.
const home = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
process.env['TIDEMARK_HOME'] = home;
process.on('exit', () => rmSync(home, {recursive: true, force: true}));

printMachine();
console.log(`rounds: ${rounds}, records: ${values.records}, keys: ${values.keys}`);
const options = {wants, rounds, records: Number(values.records), keys: Number(values.keys)};
await benchRecords(options);
await benchRocksdbGroupBy(options);
await benchChannel(options);
await benchSmallestCheckpoint(options);
await benchUnaligned(options);
await benchLatency(options);
await benchControl(options);
await benchMemory(options);
await benchStartup(options);
benchInspect(options);
await benchVerify(options);
if (['P6', 'P7', 'P8', 'P12'].some(wants)) runAlone('state.js', values.keys, values.rounds);
if (wants('P9')) runAlone('state-deltas.js', values.keys, values.rounds);
if (wants('P16')) runAlone('rocksdb-checkpoint.js', values.mebibytes, values.rounds);
if (wants('P15')) runAlone('rocksdb.js', 'P15', values.rounds, values.mebibytes);
if (wants('rocksdb-memory')) {
  for (const writeBuffer of ['32', '64']) {
    runAlone('rocksdb.js', 'rocksdb-memory', values.rounds, values.mebibytes, writeBuffer);
  }
}

function runAlone(name, ...words) {
  // In a process of its own: ten million keys want a heap that nothing else has used.
  const script = fileURLToPath(new URL(`./${name}`, import.meta.url));
  spawnSync(process.execPath, ['--expose-gc', script, ...words], {stdio: 'inherit'});
}
