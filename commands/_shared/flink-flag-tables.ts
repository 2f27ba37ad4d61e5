// Which of Flink's flags mean what, by command. Flink gives one letter several meanings (`-d` is detached,
// drain and dispose; `-s` is a savepoint, "scheduled" and a directory; `-p` is parallelism and a directory):
// here each has one, and a command that would have read it otherwise says so.

import type {FlinkFlag, FlinkValues} from './flink-flags.ts';

const NOTHING_TO_REACH =
  'a job runs in its own process on this machine: there is no cluster to reach';

/** Of every action of `flink`. */
const ANY_ACTION: readonly FlinkFlag[] = [
  refused(
    ['-m', '--jobmanager'],
    NOTHING_TO_REACH,
    'leave it out; jobs of this user are found by name',
  ),
  refused(['-z', '--zookeeperNamespace'], NOTHING_TO_REACH, 'leave it out'),
  refused(
    ['-t', '--target', '-e', '--executor'],
    'a job runs in its own process; it is not sent anywhere',
    'leave it out',
  ),
  refused(
    ['-v'],
    'it has two meanings in Flink, and none of them here',
    'write --verbose, or --version',
  ),
  refused(
    [
      ...['-yid', '--yarnapplicationId', '-yat', '--yarnapplicationType', '-yd', '--yarndetached'],
      ...['-yj', '--yarnjar', '-yjm', '--yarnjobManagerMemory', '-ynl', '--yarnnodeLabel'],
      ...['-ynm', '--yarnname', '-yq', '--yarnquery', '-yqu', '--yarnqueue', '-ys', '--yarnslots'],
      ...['-yt', '--yarnship', '-ytm', '--yarntaskManagerMemory', '-yz'],
      ...['-yarnzookeeperNamespace', '--yarnzookeeperNamespace', '-yh', '--yarnhelp', '-yn'],
    ],
    'there is no YARN here: a job runs in its own process',
    'leave it out',
  ),
];

/** Of `flink run` and `flink info`: they take a program, here there is a job file. */
const PROGRAM: readonly FlinkFlag[] = [
  refused(['-c', '--class'], 'there is no entry class: a job is its YAML file', 'run JOB.yaml'),
  refused(['-C', '--classpath'], 'no Java is loaded: a job is its YAML file', 'run JOB.yaml'),
  refused(['-j', '--jarfile'], 'there is no jar: a job is its YAML file', 'run JOB.yaml'),
  refused(
    ['-a', '--arguments'],
    'a job takes no arguments',
    'use --set path=value, or ${NAME} in the job file and an environment variable',
  ),
  refused(
    [
      ...['-py', '--python', '-pyfs', '--pyFiles', '-pym', '--pyModule', '-pyreq'],
      ...['--pyRequirements', '-pyarch', '--pyArchives', '-pyexec', '--pyExecutable'],
      ...['-pyclientexec', '--pyClientExecutable', '-pypath', '--pythonpath'],
    ],
    'no Python is run: a job is its YAML file',
    'run JOB.yaml',
  ),
];

const CLAIM_MODES: FlinkValues = {
  no_claim: 'no-claim',
  claim: 'claim',
  legacy: {
    refused: 'LEGACY leaves open who owns what is restored; it does not exist here',
    instead: 'write no-claim: what is restored stays yours',
  },
};

const RESTORING: readonly FlinkFlag[] = [
  {names: ['--fromSavepoint'], means: {flag: '--from-savepoint'}},
  {names: ['--allowNonRestoredState'], means: {flag: '--allow-non-restored-state'}},
  {
    names: ['-cm', '--claimMode', '--claim-mode', '-rm', '--restoreMode'],
    means: {flag: '--claim-mode', values: CLAIM_MODES},
  },
];

const RUN_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  ...PROGRAM,
  ...RESTORING,
  refused(
    ['-sae', '--shutdownOnAttachedExit'],
    'an attached job always ends with its command, after a last checkpoint',
    'leave it out',
  ),
];

/** `flink info`, and our `validate`, which takes what `info` takes. */
const INFO_FLINK_FLAGS: readonly FlinkFlag[] = [...ANY_ACTION, ...PROGRAM];

/** In Flink a restore is `run -s`: the flag is an argument here. */
const RESTORE_FLINK_FLAGS: readonly FlinkFlag[] = [
  refused(
    ['-s', '--fromSavepoint', '--from-savepoint'],
    'what is restored is the first argument',
    'restore REF JOB.yaml',
  ),
  ...RUN_FLINK_FLAGS.filter(({names}) => !names.includes('--fromSavepoint')),
];

const DETACHED: FlinkFlag = {names: ['-detached'], means: {flag: '--detached'}};
/** `--type CANONICAL`; the names are ours in lower case. */
const TYPE: FlinkFlag = {
  names: ['--type'],
  means: {flag: '--type', values: {canonical: 'canonical', native: 'native'}},
};

const LIST_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  refused(
    ['-s', '--scheduled'],
    'a job is never waiting for its turn: it runs, or it has ended',
    'list --running, or list --all',
  ),
];

const SAVEPOINT_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  DETACHED,
  TYPE,
  refused(['-j', '--jarfile'], 'a savepoint is disposed of without any program', 'leave it out'),
  refused(
    ['-d'],
    'in Flink it disposes of a savepoint; here -d means detached, in `run` only',
    'savepoint --dispose REF, or savepoint JOB --detached',
  ),
];

const STOP_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  DETACHED,
  TYPE,
  {names: ['--savepointPath'], means: {flag: '--savepoint-path'}},
  refused(
    ['-p'],
    'in Flink it takes a directory, or the job when nothing follows; here -p means parallelism, in `run` only',
    'stop JOB --savepoint-path DIR',
  ),
  refused(
    ['-d'],
    'in Flink it drains the job; here -d means detached, in `run` only',
    'stop JOB --drain, which flushes all windows: only for a job that will not go on',
  ),
];

const CANCEL_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  refused(
    ['-s', '--withSavepoint'],
    'a savepoint and then a cancel leave a gap in which more is committed',
    'stop JOB, which does both at once',
  ),
];

const CHECKPOINT_FLINK_FLAGS: readonly FlinkFlag[] = [
  ...ANY_ACTION,
  {names: ['-full'], means: {flag: '--full'}},
];

const FLINK_FLAGS: Readonly<Record<string, readonly FlinkFlag[]>> = {
  run: RUN_FLINK_FLAGS,
  restore: RESTORE_FLINK_FLAGS,
  info: INFO_FLINK_FLAGS,
  validate: INFO_FLINK_FLAGS,
  list: LIST_FLINK_FLAGS,
  savepoint: SAVEPOINT_FLINK_FLAGS,
  stop: STOP_FLINK_FLAGS,
  cancel: CANCEL_FLINK_FLAGS,
  'checkpoint:trigger': CHECKPOINT_FLINK_FLAGS,
};

/** By the id of the command; empty for one that has no counterpart in Flink. */
export function flinkFlagsOf(commandId: string): readonly FlinkFlag[] {
  return Object.hasOwn(FLINK_FLAGS, commandId) ? FLINK_FLAGS[commandId]! : [];
}

function refused(names: readonly string[], why: string, instead: string): FlinkFlag {
  return {names, means: {refused: why, instead}};
}
