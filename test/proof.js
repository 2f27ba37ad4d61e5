// `npm run proof [-- --minutes N] [-- --seed N] [-- --parts N]`: the long proofs of which `npm test` runs a fixed sample.
// It is the test files that have more to run with TIDEMARK_PROOF=1 (proof-files.js), of some of them only that; --minutes
// repeats them with new seeds until the time is over, --within bounds simulation and mutants: what is left out then is
// printed. Of what starts hundreds of processes, and of the fuzz of checkpoints, one run has one part in three, another with
// each seed: `--parts 1` runs all of it. `--large`: nothing but state of a gibibyte in RocksDB (some minutes and 5 GB of disk). Prints what it ran; ends
// with 1 when anything failed.

import {spawn} from 'node:child_process';
import {readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

import {proofFiles} from './proof-files.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Half of the files mostly wait, for their rate limits and for processes: more run at once than there are processors. */
const WORKERS = 4;

const {values} = parseArgs({
  options: {
    minutes: {type: 'string'},
    within: {type: 'string'},
    seed: {type: 'string', default: '20261120'},
    parts: {type: 'string', default: '3'},
    only: {type: 'string'},
    large: {type: 'boolean', default: false},
  },
});
/** After it simulation and mutants begin nothing more, and say what they left out. */
const deadline =
  values.within === undefined ? '' : String(Date.now() + Number(values.within) * 60_000);
const until = performance.now() + Number(values.minutes ?? 0) * 60_000;
const LARGE_MEBIBYTES = '1024';
const targets = values.large
  ? ['test/jobs/large-state.test.ts']
  : (values.only?.split(',') ?? proofFiles(ROOT));
const totals = {passed: 0, failed: 0};

let seed = Number(values.seed);
do {
  const started = performance.now();
  const {passed, failed} = await run(seed);
  totals.passed += passed;
  totals.failed += failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`proof: seed ${seed}, ${passed} passed, ${failed} failed, ${seconds} s`);
  if (failed > 0) {
    console.log(`repeat with: npm run proof -- --seed ${seed}`);
    break;
  }
  seed += 1;
} while (performance.now() < until);

console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 ? 0 : 1);

/** What takes longest begins first (longest-first.js), so that little is left to wait for at the end. */
async function run(runSeed) {
  const report = join(tmpdir(), `tidemark-proof-${process.pid}.json`);
  const child = spawn(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--maxWorkers=${WORKERS}`,
      `--outputFile.json=${report}`,
      '--testTimeout=900000',
      ...targets,
    ],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        ...process.env,
        TIDEMARK_PROOF: '1',
        TIDEMARK_SEED: String(runSeed),
        TIDEMARK_PARTS: values.parts,
        TIDEMARK_UNTIL: deadline,
        ...(values.large ? {TIDEMARK_STATE_MEBIBYTES: LARGE_MEBIBYTES} : {}),
      },
    },
  );
  const status = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  return counts(report, status);
}

/** A file that cannot be loaded has no tests, and must not count as none failed. */
function counts(report, status) {
  try {
    const {numPassedTests, numFailedTests, testResults} = JSON.parse(readFileSync(report, 'utf8'));
    rmSync(report);
    console.log(testResults.map(lineOf).sort().toReversed().join('\n'));
    const failed = status !== 0 && numFailedTests === 0 ? 1 : numFailedTests;
    return {passed: numPassedTests, failed};
  } catch {
    return {passed: 0, failed: 1};
  }
}

/** What one file ran, the one that took longest first once they are sorted; what was skipped is `npm test`'s. */
function lineOf({name, startTime, endTime, assertionResults}) {
  const seconds = ((endTime - startTime) / 1000).toFixed(0).padStart(5);
  const passed = assertionResults.filter(({status}) => status === 'passed').length;
  return `proof:${seconds} s ${relative(ROOT, name)}: ${passed} passed`;
}
