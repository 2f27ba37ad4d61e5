import {bad, ok, warning, type Check} from './check.ts';
import type {MachineFacts} from './machine-facts.ts';

const MIB = 1_048_576;
const MEMORY_BYTES_LOW = 512 * MIB;
/** 2024-01-01: before that nothing of this was written. */
const EARLIEST_MILLIS = 1_704_067_200_000;
/** Lines of Node.js with long-term support that this is tried with. */
const SUPPORTED_MAJORS = [20, 22, 24];

export function checkMachine(facts: MachineFacts): readonly Check[] {
  return [
    checkNode(facts),
    checkPlatform(facts),
    checkCores(facts),
    checkMemory(facts),
    checkClock(facts),
    checkProc(facts),
  ];
}

function checkNode({nodeVersion}: MachineFacts): Check {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 15)) {
    return bad(
      'node-version',
      `Node.js ${nodeVersion} is too old`,
      'install Node.js 20.15 or later',
    );
  }
  if (SUPPORTED_MAJORS.includes(major)) return ok('node-version', `Node.js ${nodeVersion}`);
  return warning(
    'node-version',
    `Node.js ${nodeVersion} has no long-term support, or was not there when this was written`,
    `take one of the lines ${SUPPORTED_MAJORS.join(', ')} where it counts`,
  );
}

function checkPlatform({platform}: MachineFacts): Check {
  if (platform === 'linux' || platform === 'darwin') return ok('platform', platform);
  return warning(
    'platform',
    `${platform}: only Linux and macOS are tried`,
    'run jobs whose state counts on Linux or macOS',
  );
}

function checkCores({cores}: MachineFacts): Check {
  const text = `${cores} ${cores === 1 ? 'core' : 'cores'} for this process`;
  if (cores >= 2) return ok('cores', text);
  return warning(
    'cores',
    `${text}: each subtask is a thread, and the one that takes checkpoints is another`,
    'keep parallelism: 1, or give the machine more cores',
  );
}

function checkMemory({memoryBytes}: MachineFacts): Check {
  const text = `${Math.round(memoryBytes / MIB)} MiB of memory`;
  if (memoryBytes >= MEMORY_BYTES_LOW) return ok('memory', text);
  return warning(
    'memory',
    `${text}: keyed state is held in memory`,
    'give the machine or the container at least 512 MiB',
  );
}

function checkClock({wallMillis}: MachineFacts): Check {
  const date = new Date(wallMillis);
  const text = Number.isNaN(date.getTime()) ? `${wallMillis} ms` : date.toISOString();
  if (wallMillis >= EARLIEST_MILLIS) return ok('clock', `the clock says ${text}`);
  return bad(
    'clock',
    `the clock says ${text}, which is over`,
    'set the clock: names and times of checkpoints come from it',
  );
}

function checkProc({platform, bootId, startTime}: MachineFacts): Check {
  if (bootId !== null && startTime !== null) {
    return ok('proc', '/proc tells whether the last owner of a job is alive');
  }
  const why = platform === 'linux' ? '/proc cannot be read' : 'there is no /proc';
  return warning(
    'proc',
    `${why}: after a crash a start waits until the beat of the last owner has stopped`,
    platform === 'linux'
      ? 'mount /proc in the container; or start with --take-over when the owner is known to be dead'
      : 'start with --take-over when the last owner is known to be dead',
  );
}
