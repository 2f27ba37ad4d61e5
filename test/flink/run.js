// `npm run test:flink`: Flink's own command-line client against a job of ours that listens. Needs Java, and FLINK_HOME: a
// directory whose lib/ holds Flink's jars (a Flink distribution, or `deps` of the package apache-flink-libraries 2.3.0 of
// PyPI). Prints what each call printed when it is not what a Flink user expects; ends with 1 when anything failed.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {execa} from 'execa';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'bin', 'run.js');
const {FLINK_HOME} = process.env;

if (FLINK_HOME === undefined || !existsSync(join(FLINK_HOME, 'lib'))) {
  console.error('FLINK_HOME must name a directory whose lib/ holds the jars of Flink 2.3');
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'tidemark-flink-'));
const environment = {TIDEMARK_HOME: join(directory, 'home')};
const savepoints = join(directory, 'savepoints');
const counts = {passed: 0, failed: 0};

const port = await freePort();
let token = '';

try {
  await act();
} finally {
  await tidemark('cancel', 'clicks');
  rmSync(directory, {recursive: true, force: true});
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

async function act() {
  mkdirSync(savepoints);
  mkdirSync(join(directory, 'conf'));
  writeFileSync(join(directory, 'conf', 'config.yaml'), '');
  let id = await start();

  let answer = await flink('list');
  check('list shows the job', answer, 0, `${id} : clicks (RUNNING)`);
  answer = await flink('savepoint', id, savepoints);
  check('savepoint', answer, 0, 'Savepoint completed. Path: file:');
  answer = await flink('savepoint', '-type', 'native', id, savepoints);
  check('savepoint -type native', answer, 0, 'Savepoint completed. Path: file:');
  const [first = 'none'] = readdirSync(savepoints);
  answer = await flink('savepoint', '-dispose', `file:${join(savepoints, first)}`);
  check('savepoint -dispose', answer, 0, 'disposed');
  check('the disposed one is gone', {exitCode: readdirSync(savepoints).length, all: ''}, 1, '');
  answer = await flink('checkpoint', id);
  check('checkpoint', answer, 0, 'completed');
  answer = await flink('stop', '--savepointPath', savepoints, id);
  check('stop', answer, 0, 'Savepoint completed. Path: file:');
  const [stopped = 'none'] = readdirSync(savepoints).filter((name) => answer.all.includes(name));

  id = await start('-s', join(savepoints, stopped), '-p', '2');
  answer = await flink('savepoint', '0'.repeat(32), savepoints);
  check('savepoint of a job that is not there', answer, 1, 'Job could not be found');
  answer = await flink('cancel', id);
  check('cancel', answer, 0, `Cancelled job ${id}.`);

  await start();
  token = 'wrong';
  answer = await flink('list');
  check('list with a wrong token', answer, 1, 'token');
}

/** The job's id; it listens, and whoever knows the token may ask. */
async function start(...flags) {
  const file = join(ROOT, 'jobs', 'clicks', 'clicks.job.yaml');
  const settings = [
    `sinks.out.path=${directory}/out/`,
    `checkpointing.dir=file:${directory}/state`,
  ];
  const {stdout} = await tidemark(
    ...['run', '-d', file, '--json', '--listen', `127.0.0.1:${port}`, ...flags],
    ...settings.flatMap((setting) => ['--set', setting]),
  );
  token = readFileSync(join(environment.TIDEMARK_HOME, 'token'), 'utf8').trim();
  return JSON.parse(stdout).job_id;
}

async function tidemark(...args) {
  return execa(process.execPath, [BIN, ...args], {env: environment, reject: false});
}

async function flink(action, ...args) {
  return execa(
    'java',
    [
      ...['-cp', `${FLINK_HOME}/lib/*`, 'org.apache.flink.client.cli.CliFrontend'],
      ...[action, '-m', `localhost:${port}`, ...args],
    ],
    {
      all: true,
      reject: false,
      env: {
        FLINK_CONF_DIR: join(directory, 'conf'),
        FLINK_REST_CLIENT_HEADERS: `Authorization:Bearer ${token}`,
      },
    },
  );
}

function check(what, {exitCode, all}, status, text) {
  const isRight = exitCode === status && all.includes(text);
  counts[isRight ? 'passed' : 'failed'] += 1;
  console.log(`${isRight ? 'ok' : 'FAILED'}: ${what}`);
  if (!isRight) console.log(`  ended with ${exitCode}, expected ${status} and "${text}"\n${all}`);
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const {port: free} = server.address();
  server.close();
  return free;
}
