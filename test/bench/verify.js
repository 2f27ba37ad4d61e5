// P18: `checkpoint verify` of every byte, the whole process, against a process that takes SHA-256 of the same files on all cores.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {makeHeavyCheckpoint} from './inspect-fixtures.js';
import {interleave, reportRatio, spread} from './support.js';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const PEER = fileURLToPath(new URL('./sha256-peer.js', import.meta.url));
const FILES = 16;
const FILE_BYTES = 128 * 1024 * 1024;

export async function benchVerify({wants, rounds}) {
  if (!wants('P18')) return;
  const root = mkdtempSync(join(tmpdir(), 'tidemark-bench-verify-'));
  try {
    const checkpoint = makeHeavyCheckpoint(root, FILES, FILE_BYTES);
    const directory = join(checkpoint, 'by-user');
    const files = readdirSync(directory).map((name) => join(directory, name));
    const memory = [];
    const contestants = [
      {name: 'sha256', run: () => timed([PEER, ...files], isDigests)},
      {
        name: 'verify',
        run: () => timed([RUN, 'checkpoint', 'verify', checkpoint], isOk, memory),
      },
    ];
    // Both find the files in memory.
    for (const {run} of contestants) run();
    memory.length = 0;
    const rates = await interleave(contestants, Math.max(rounds, 7));
    const what = `verify of ${FILES} × ${FILE_BYTES / 2 ** 20} MiB against sha256 on all cores, bytes`;
    reportRatio('P18', what, rates.get('verify'), rates.get('sha256'), 0.9);
    const {median, maximum} = spread(memory);
    console.log(`P18  memory of verify: ${median.toFixed(0)} MiB (max ${maximum.toFixed(0)})`);
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

/** `memory`: gets the most that the process had, in MiB. */
function timed(args, isRight, memory = []) {
  const start = performance.now();
  const {status, stdout, stderr} = spawnSync(process.execPath, ['--import', REPORTER, ...args], {
    encoding: 'utf8',
  });
  const millis = performance.now() - start;
  const peak = /^peak (\d+)$/m.exec(stderr);
  if (status !== 0 || !isRight(stdout) || peak === null) {
    throw new Error(`${args.join(' ')}: ${status} ${stdout} ${stderr}`);
  }
  memory.push(Number(peak[1]) / 1024);
  return {records: FILES * FILE_BYTES, millis};
}

/** Tells at its end how much memory the process had at most, in KiB. */
const REPORTER = `data:text/javascript,${encodeURIComponent(
  'import {isMainThread} from "node:worker_threads";' +
    'if (isMainThread) process.on("exit", () => console.error("peak " + process.resourceUsage().maxRSS));',
)}`;

const isDigests = (stdout) => stdout.trim().split('\n').length === FILES;
const isOk = (stdout) => stdout.includes('ok');
