// Flink's flags: each is understood under our name for it, or refused with what to write instead; none is
// taken for something else. One test per flag. Two whole processes show that the commands use the table.

import {describe, expect, test} from 'vitest';
import {flinkFlagsOf} from '#commands/_shared/flink-flag-tables.js';
import {fromFlinkFlags} from '#commands/_shared/flink-flags.js';
import Info from '#commands/info.js';
import Restore from '#commands/restore.js';
import Run from '#commands/run.js';
import Validate from '#commands/validate.js';
import {EngineError} from '#src/base/errors.js';
import {ROOT, errorOf, tidemark} from './tidemark.ts';

const OWN_FLAGS = {
  run: Run.flags,
  restore: Restore.flags,
  info: Info.flags,
  validate: Validate.flags,
  list: {},
  savepoint: {},
  stop: {},
  cancel: {},
  'checkpoint:trigger': {},
};
type CommandId = keyof typeof OWN_FLAGS;

function respelled(command: CommandId, ...argv: string[]): string[] {
  return fromFlinkFlags(argv, flinkFlagsOf(command), OWN_FLAGS[command]);
}

function refusalOf(command: CommandId, ...argv: string[]): EngineError {
  try {
    respelled(command, ...argv);
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error(`${argv.join(' ')} is not refused`);
}

describe('a flag that is only spelled otherwise', () => {
  test.each<[CommandId, string, string]>([
    ['run', '--fromSavepoint chk-1', '--from-savepoint chk-1'],
    ['run', '--fromSavepoint=chk-1', '--from-savepoint=chk-1'],
    ['run', '--allowNonRestoredState', '--allow-non-restored-state'],
    ['run', '--claimMode NO_CLAIM', '--claim-mode no-claim'],
    ['run', '--claimMode=no_claim', '--claim-mode no-claim'],
    ['run', '--claim-mode NO_CLAIM', '--claim-mode no-claim'],
    ['run', '-cm CLAIM', '--claim-mode claim'],
    ['run', '-rm no_claim', '--claim-mode no-claim'],
    ['run', '--restoreMode NO_CLAIM', '--claim-mode no-claim'],
    ['run', '-yD a.b=1', '-D a.b=1'],
    ['run', '-yDa.b=1', '-Da.b=1'],
    ['run', '-Da.b=1', '-Da.b=1'],
    ['run', '--parallelism 2', '--parallelism 2'],
    ['restore', 'chk-1 --allowNonRestoredState', 'chk-1 --allow-non-restored-state'],
    ['restore', 'chk-1 -cm NO_CLAIM', 'chk-1 --claim-mode no-claim'],
    ['info', '-yD a.b=1 --parallelism 2', '-D a.b=1 --parallelism 2'],
    ['validate', '-yD a.b=1', '-D a.b=1'],
    ['savepoint', 'clicks -detached', 'clicks --detached'],
    ['savepoint', 'clicks --type NATIVE', 'clicks --type native'],
    ['stop', 'clicks -detached', 'clicks --detached'],
    ['stop', 'clicks --savepointPath DIR', 'clicks --savepoint-path DIR'],
    ['stop', 'clicks --type CANONICAL', 'clicks --type canonical'],
    ['checkpoint:trigger', 'clicks -full', 'clicks --full'],
  ])('%s %s', (command, typed, expected) => {
    expect(respelled(command, ...typed.split(' ')).join(' ')).toBe(expected);
  });

  test('what follows a flag of ours is its value, and what follows -- is no flag', () => {
    expect(respelled('run', '--set', '-sae', '-D', '--class')).toEqual([
      '--set',
      '-sae',
      '-D',
      '--class',
    ]);
    expect(respelled('run', '--', '-c', '--claimMode')).toEqual(['--', '-c', '--claimMode']);
  });

  test('a value that is none of Flink stays for oclif to refuse', () => {
    expect(respelled('run', '--claimMode', 'perhaps')).toEqual(['--claim-mode', 'perhaps']);
    expect(respelled('run', '--claimMode')).toEqual(['--claim-mode']);
    expect(respelled('run', '--claimMode', 'constructor')).toEqual(['--claim-mode', 'constructor']);
  });
});

const ANY_ACTION = ['-m', '--jobmanager', '-z', '--zookeeperNamespace', '-t', '--target', '-e', '--executor', '-v']; // prettier-ignore
const YARN = ['-yid', '-yat', '-yd', '-yj', '-yjm', '-ynl', '-ynm', '-yq', '-yqu', '-ys', '-yt', '-ytm', '-yz', '-yh', '-yn', '--yarnapplicationId', '--yarnname', '--yarnqueue']; // prettier-ignore
const PROGRAM = ['-c', '--class', '-C', '--classpath', '-j', '--jarfile', '-a', '--arguments', '-py', '--python', '-pyfs', '--pyFiles', '-pym', '--pyModule', '-pyreq', '--pyRequirements', '-pyarch', '--pyArchives', '-pyexec', '--pyExecutable', '-pyclientexec', '--pyClientExecutable', '-pypath', '--pythonpath']; // prettier-ignore

describe('a flag that means something else here, or nothing', () => {
  test.each<[CommandId, readonly string[]]>([
    ['run', [...ANY_ACTION, ...YARN, ...PROGRAM, '-sae', '--shutdownOnAttachedExit']],
    ['restore', [...ANY_ACTION, ...PROGRAM, '-sae', '-s', '--fromSavepoint']],
    ['info', [...ANY_ACTION, ...PROGRAM]],
    ['validate', [...ANY_ACTION, ...PROGRAM]],
    ['list', [...ANY_ACTION, '-s', '--scheduled']],
    ['savepoint', [...ANY_ACTION, '-d', '-j', '--jarfile']],
    ['stop', [...ANY_ACTION, '-d', '-p']],
    ['cancel', [...ANY_ACTION, '-s', '--withSavepoint']],
    ['checkpoint:trigger', ANY_ACTION],
  ])('of %s: %j', (command, flags) => {
    for (const flag of flags) {
      const error = refusalOf(command, 'a', flag, 'b');
      expect(error.code).toBe('USAGE');
      expect(error.message.startsWith(`${flag}: `)).toBe(true);
      expect(error.details.hint?.length).toBeGreaterThan(8);
    }
  });

  test("Flink's traps are named", () => {
    expect(refusalOf('stop', 'clicks', '-d').message).toContain('in Flink it drains the job');
    expect(refusalOf('savepoint', '-d', 'DIR').message).toContain('it disposes of a savepoint');
    expect(refusalOf('run', '-cm', 'LEGACY').message).toBe(
      '-cm LEGACY: LEGACY leaves open who owns what is restored; it does not exist here',
    );
  });
});

describe('the commands', () => {
  const job = `${ROOT}/jobs/airport-delays/airport-delays.job.yaml`;

  test.each([
    ['run', job, '-m', 'localhost:8081'],
    ['info', '-sae', job, '--jarfile', 'a.jar'],
    ['validate', job, '-c', 'com.example.Main'],
  ])('%s refuses before anything runs', async (...argv) => {
    const ending = await tidemark([...argv, '--json']);
    expect(ending.status).toBe(2);
    expect(errorOf(ending)).toMatchObject({code: 'USAGE', exit_code: 2});
  });

  test('-D takes a key alone, a key without a blank, and refuses what is no pair', async () => {
    const bare = await tidemark(['info', job, '-Dexecution.checkpointing.unaligned', '--json']);
    expect(bare.status, bare.stdout).toBe(0);
    const value = await tidemark(['validate', job, '-yDexecution.checkpointing.timeout', '--json']);
    expect(value.status).toBe(3);
    expect(value.stdout).toContain('-D execution.checkpointing.timeout: checkpointing.timeout');
    const none = await tidemark(['info', job, '-D', '=1', '--json']);
    expect(errorOf(none)).toMatchObject({code: 'USAGE', hint: 'write -D key=value'});
  });

  test("Flink's words reach the run", async () => {
    const ending = await tidemark([
      'run',
      job,
      '--fromSavepoint',
      '/nowhere',
      '-cm',
      'NO_CLAIM',
      '--json',
    ]);
    expect(errorOf(ending)).toMatchObject({code: 'NOT_FOUND'});
    const claim = await tidemark(['run', job, '--claimMode', 'CLAIM', '--json']);
    expect(claim.status).toBe(2);
  });
});
