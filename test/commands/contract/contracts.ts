// What every command promises, one entry for each: a new command without an entry fails the contract tests.
//
// To add one: a schema in schema/output/, `works` (a command line that does its work in the scratch directory of
// scratch.ts), and for each example of its help the status that it ends with there.

import {FROM_FLINK, OF_THE_KEPT, SAVED} from './prepared.ts';

/** Run in a copy of the scratch directory. */
export interface Case {
  readonly args: readonly string[];
  readonly status: number;
  /** File of schema/output/. */
  readonly schema: string;
  /** `lines`: JSON Lines, of which the last is a summary; `rows`: JSON Lines without one. */
  readonly prints: 'object' | 'lines' | 'rows';
  /** Shell lines that are run before, and after whatever became of it. */
  readonly before?: string;
  readonly after?: string;
}

export interface Contract {
  /** The first is also tried with every kind of terminal, pipe and colour. */
  readonly works: readonly [Case, ...Case[]];
  /** Status of each example of its help, in their order. */
  readonly examples: readonly number[];
  /** Shell lines before every example; `after` is run whatever the example did. */
  readonly before?: string;
  readonly after?: string;
}

function finite(schema: string, args: readonly string[], status = 0): Case {
  return {args, status, schema, prints: 'object'};
}

function stream(schema: string, args: readonly string[], status = 0): Case {
  return {args, status, schema, prints: 'lines'};
}

function rows(schema: string, args: readonly string[]): Case {
  return {args, status: 0, schema, prints: 'rows'};
}

const CHK = 'state/checkpoints/my-job/chk-12';
/** So that a job that is there is not asked to resume, and ends by itself. */
const RUN = ['run', 'my.job.yaml', '--fresh'];

/** The job runs in the background, for longer than any test looks at it. */
const LIVE = {
  before:
    'tidemark run -d my.job.yaml --fresh --set sources.flights.rate-limit=50 >/dev/null 2>&1 || exit 99',
  after: 'tidemark cancel my-job >/dev/null 2>&1',
};
/** And it has a checkpoint of its own, which stays however long a command takes. */
const LIVE_CHECKPOINT = {
  ...LIVE,
  before: `${LIVE.before.replace(' --fresh', ' --fresh --set checkpointing.num-retained=1000')}\ntidemark wait my-job --for 'checkpoint>=1' >/dev/null || exit 98`,
};
/** It ran there, and has finished. */
const LOGGED = {
  before: `tidemark run -d my.job.yaml --fresh >/dev/null 2>&1 || exit 99
tidemark wait my-job --for ended >/dev/null`,
};
const TAKEN = 'tidemark savepoint my-job savepoints >/dev/null 2>&1 || exit 99';

export const CONTRACTS: Readonly<Record<string, Contract>> = {
  'checkpoint list': {
    works: [
      finite('checkpoint-list', ['checkpoint', 'list', 'my.job.yaml']),
      finite('checkpoint-list', ['checkpoint', 'list', 'state/checkpoints']),
      finite('checkpoint-list', ['checkpoint', 'list', 'my.job.yaml', '--html', 'page.html']),
      finite('error', ['checkpoint', 'list', 'my.job.yaml', '--html', 'none/page.html'], 15),
    ],
    examples: [0, 0, 0],
  },
  'checkpoint export': {
    works: [
      {
        ...finite('checkpoint-export', [
          'checkpoint',
          'export',
          'sp',
          '--to',
          'out',
          '--format',
          'csv',
        ]),
        ...SAVED,
      },
      {
        ...finite('error', ['checkpoint', 'export', 'sp', '--to', '.'], 13),
        ...SAVED,
      },
    ],
    examples: [0, 0],
    ...SAVED,
  },
  'checkpoint inspect': {
    works: [
      finite('checkpoint-inspect', ['checkpoint', 'inspect', CHK, '--job', 'my.job.yaml']),
      finite('checkpoint-inspect', ['checkpoint', 'inspect', 'my-job', '--operator', 'flights']),
      {
        ...finite('checkpoint-inspect', ['checkpoint', 'inspect', CHK], 4),
        before: `: > ${CHK}/SHA256SUMS`,
      },
      {
        ...finite('checkpoint-inspect', ['checkpoint', 'inspect', CHK, '--job', 'my.job.yaml'], 12),
        before: "sed -i 's/  flights:/  other:/; s/input: flights/input: other/' my.job.yaml",
      },
      {...finite('error', ['checkpoint', 'inspect', CHK], 4), before: `: > ${CHK}/_metadata`},
      finite('error', ['checkpoint', 'inspect', CHK, '--operator', 'none'], 10),
      {
        ...finite('checkpoint-inspect', ['checkpoint', 'inspect', 'fl', '--uid', 'op']),
        ...FROM_FLINK,
      },
      {
        ...finite('checkpoint-inspect', ['checkpoint', 'inspect', 'fl'], 4),
        before: `${FROM_FLINK.before} && rm fl/a`,
      },
      {
        ...finite('error', ['checkpoint', 'inspect', 'fl', '--operator', 'none'], 10),
        ...FROM_FLINK,
      },
      finite('error', ['checkpoint', 'inspect'], 2),
    ],
    examples: [0, 0, 0],
  },
  'checkpoint copy': {
    works: [
      {
        ...finite('checkpoint-copy', ['checkpoint', 'copy', CHK, 'kept/mine']),
        after: 'tidemark restore kept/mine my.job.yaml --json >/dev/null || exit 97',
      },
      {
        ...finite('checkpoint-copy', ['checkpoint', 'copy', 'fl', 'copied']),
        ...FROM_FLINK,
        after: 'tidemark checkpoint inspect copied >/dev/null || exit 97',
      },
      {...finite('error', ['checkpoint', 'copy', CHK, 'there'], 13), before: 'mkdir there'},
      {
        ...finite('error', ['checkpoint', 'copy', CHK, 'kept'], 4),
        before: `: > ${CHK}/SHA256SUMS`,
      },
    ],
    examples: [0, 0],
  },
  'checkpoint diff': {
    works: [
      {
        ...finite('checkpoint-diff', ['checkpoint', 'diff', 'sp', 'chk', '--keys'], 1),
        before: `${SAVED.before}
${OF_THE_KEPT.before}`,
      },
      {...finite('checkpoint-diff', ['checkpoint', 'diff', 'sp', 'sp']), ...SAVED},
      finite('error', ['checkpoint', 'diff', 'sp', 'sp', '--limit', '3'], 2),
      {
        ...finite('error', ['checkpoint', 'diff', CHK, 'my-job@11'], 4),
        before: `: > ${CHK}/_metadata`,
      },
      finite('error', ['checkpoint', 'diff', CHK, 'my-job@999'], 10),
      {...finite('error', ['checkpoint', 'diff', CHK, 'fl'], 12), ...FROM_FLINK},
    ],
    examples: [1, 0, 1],
    ...SAVED,
  },
  'checkpoint prune': {
    works: [
      finite('checkpoint-prune', [
        'checkpoint',
        'prune',
        'my.job.yaml',
        '--keep-last',
        '3',
        '--dry-run',
      ]),
      finite('checkpoint-prune', ['checkpoint', 'prune', 'my.job.yaml', '--keep-last', '3', '-y']),
      {
        ...finite('checkpoint-prune', ['checkpoint', 'prune', 'my-job', '--keep-last', '1', '-y']),
        ...LIVE_CHECKPOINT,
      },
      {
        ...finite('error', ['checkpoint', 'prune', 'my.job.yaml', '--keep-last', '3', '--yes'], 4),
        before: `: > ${CHK}/_metadata`,
      },
      finite('error', ['checkpoint', 'prune', 'my.job.yaml', '--keep-last', '3'], 2),
      finite('error', ['checkpoint', 'prune', 'my.job.yaml', '--yes'], 2),
      finite(
        'error',
        ['checkpoint', 'prune', 'my.job.yaml', '--keep-last', '1', '--orphan-age', '2 h', '--yes'],
        2,
      ),
    ],
    examples: [0, 0, 0],
  },
  'checkpoint hold': {
    works: [
      finite('checkpoint-held', ['checkpoint', 'hold', CHK]),
      {...finite('checkpoint-held', ['checkpoint', 'hold', 'my-job@latest']), ...LIVE_CHECKPOINT},
      {...finite('error', ['checkpoint', 'hold', 'sp'], 13), before: `cp -r ${CHK} sp`},
      finite('error', ['checkpoint', 'hold', 'state/checkpoints/my-job/chk-999'], 10),
    ],
    examples: [0, 0],
  },
  'checkpoint release': {
    works: [
      {
        ...finite('checkpoint-held', ['checkpoint', 'release', CHK]),
        before: `tidemark checkpoint hold ${CHK} >/dev/null || exit 99`,
      },
      {...finite('checkpoint-held', ['checkpoint', 'release', CHK]), ...LIVE},
    ],
    examples: [0],
  },
  'checkpoint verify': {
    works: [
      stream('checkpoint-verify', ['checkpoint', 'verify', CHK]),
      stream('checkpoint-verify', ['checkpoint', 'verify', 'my.job.yaml', '--level', 'manifest']),
      {
        ...stream('checkpoint-verify', ['checkpoint', 'verify', CHK], 4),
        before: `printf X | dd of=${CHK}/_metadata bs=1 seek=20 conv=notrunc 2>/dev/null`,
      },
      stream('checkpoint-verify', ['checkpoint', 'verify', 'nothing'], 10),
      {
        ...stream('checkpoint-verify', ['checkpoint', 'verify', 'sp', '--level', 'restore']),
        ...SAVED,
      },
      {
        ...stream('checkpoint-verify', ['checkpoint', 'verify', 'sp', '--sample', '10%'], 5),
        ...SAVED,
      },
    ],
    examples: [0, 0, 0, 0],
  },
  'checkpoint trigger': {
    works: [
      {...finite('checkpoint-trigger', ['checkpoint', 'trigger', 'my-job']), ...LIVE},
      {...finite('triggered', ['checkpoint', 'trigger', 'my-job', '--detached']), ...LIVE},
      finite('error', ['checkpoint', 'trigger', 'my-job'], 10),
    ],
    examples: [0, 0],
    ...LIVE,
  },
  cancel: {
    works: [
      finite('cancel', ['cancel', 'my-job']),
      {...finite('cancel', ['cancel', 'my-job']), ...LIVE},
      finite('error', ['cancel', 'my-jab'], 10),
    ],
    examples: [0],
    ...LIVE,
  },
  completion: {
    works: [
      finite('completion', ['completion', 'bash']),
      finite('completion', ['completion', 'fish']),
    ],
    examples: [0, 0, 0],
  },
  'config show': {
    works: [
      finite('config-show', ['config', 'show', 'my.job.yaml']),
      finite('config-show', ['config', 'show']),
    ],
    examples: [0, 0],
  },
  doctor: {
    works: [finite('doctor', ['doctor']), finite('doctor', ['doctor', '/proc/self'], 4)],
    examples: [0, 0],
  },
  explain: {
    works: [
      finite('explain', ['explain', 'checkpoint-timeout']),
      finite('explain', ['explain', 'chunk-damaged']),
      finite('explain', ['explain', 'OUTPUT_AHEAD']),
      finite('explain-list', ['explain']),
    ],
    examples: [0, 0, 0, 0, 0],
  },
  help: {
    works: [finite('help', ['help']), finite('help', ['help', 'checkpoint', 'list'])],
    examples: [0],
  },
  info: {
    works: [
      finite('info', ['info', 'my.job.yaml']),
      finite('info', ['info', 'jobs/airport-delays/airport-delays.job.yaml']),
    ],
    examples: [0, 0],
  },
  init: {
    works: [finite('init', ['init', 'new', '--template', 'two-sources-union'])],
    examples: [0, 0],
  },
  list: {
    works: [
      finite('list', ['list', '--all']),
      finite('list', ['list']),
      {...finite('list', ['list', '--running']), ...LIVE},
    ],
    examples: [0, 0],
  },
  logs: {
    works: [
      {...stream('logs', ['logs', 'my-job']), ...LOGGED},
      stream('logs', ['logs', 'my-job'], 10),
    ],
    examples: [0, 0],
    ...LOGGED,
  },
  restore: {
    works: [
      stream('run', ['restore', CHK, 'my.job.yaml']),
      finite('restore-plan', ['restore', CHK, 'my.job.yaml', '--dry-run']),
      stream('run', ['restore', CHK, 'my.job.yaml', '--claim-mode', 'claim']),
      stream('run', ['restore', 'state/nothing', 'my.job.yaml'], 10),
    ],
    examples: [0, 0],
  },
  run: {
    works: [
      stream('run', RUN),
      stream('run', ['run', 'jobs/airport-delays/airport-delays.job.yaml', '-p', '2']),
      finite('restore-plan', ['run', 'my.job.yaml', '--dry-run']),
      finite('job-started', ['run', '-d', 'my.job.yaml', '--fresh']),
      stream('run', ['run', 'nothing.job.yaml'], 10),
      finite('error', ['run', '-d', 'nothing.job.yaml'], 10),
      {
        ...stream('run', [...RUN, '-D', 'restart-strategy.type=none'], 15),
        before: `rm -r state; sed -i 's/console, input: flights, limit: 2/file, input: flights, path: out/' my.job.yaml; printf '' > out`,
      },
    ],
    examples: [0, 0, 0, 0, 0],
  },
  savepoint: {
    works: [
      {...finite('savepoint', ['savepoint', 'my-job', 'savepoints']), ...LIVE},
      {...finite('triggered', ['savepoint', 'my-job', 'savepoints', '--detached']), ...LIVE},
      {
        ...finite('savepoint-disposed', ['savepoint', '--dispose', 'my-job@latest', '--yes']),
        before: `${LIVE.before}\n${TAKEN}\n${LIVE.after}`,
      },
      {...finite('error', ['savepoint', 'my-job', 'my.job.yaml'], 13), ...LIVE},
    ],
    examples: [0, 0, 0, 0],
    before: `${LIVE.before}\n${TAKEN}`,
    after: LIVE.after,
  },
  schema: {
    works: [
      finite('schema', ['schema']),
      finite('schema', ['schema', '--output', 'checkpoint list']),
      finite('modeline', ['schema', '--modeline', 'job.json']),
    ],
    examples: [0, 0, 0],
  },
  'state get': {
    works: [
      {
        ...rows('state-scan', ['state', 'get', 'sp', '--operator', 'totals', '--key', 'a']),
        ...SAVED,
      },
      {
        ...finite('error', ['state', 'get', 'sp', '--operator', 'totals', '--key', 'nobody'], 10),
        ...SAVED,
      },
      {...finite('error', ['state', 'get', 'sp', '--key', '[9007199254740993]'], 2), ...SAVED},
    ],
    examples: [0, 0],
    ...SAVED,
  },
  'state scan': {
    works: [
      {...rows('state-scan', ['state', 'scan', 'sp', '--ttl', '9999 d']), ...SAVED},
      {...finite('error', ['state', 'scan', 'sp', '--where', 'nothing > 1'], 2), ...SAVED},
      finite('error', ['state', 'scan', 'nothing'], 10),
    ],
    examples: [0, 0, 0],
    ...SAVED,
  },
  status: {
    works: [
      finite('status', ['status', 'my-job']),
      {...finite('status', ['status', 'my-job']), ...LIVE},
      finite('error', ['status', 'nothing'], 10),
    ],
    examples: [0, 0],
  },
  stop: {
    works: [
      finite('stop', ['stop', 'my-job']),
      {...finite('stop', ['stop', 'my-job', '--no-savepoint']), ...LIVE},
      {...finite('savepoint', ['stop', 'my-job', '--savepoint-path', 'savepoints']), ...LIVE},
      {
        ...finite('savepoint', ['stop', 'my-job', '--savepoint-path', 'sp', '--drain']),
        ...LIVE,
      },
      {...finite('error', ['stop', 'my-job'], 2), ...LIVE},
    ],
    examples: [0, 0, 0],
    ...LIVE,
  },
  wait: {
    works: [
      finite('wait', ['wait', 'my-job', '--for', 'ended']),
      {...finite('wait', ['wait', 'my-job', '--for', 'checkpoint>=1']), ...LIVE},
      finite('error', ['wait', 'my-job', '--for', 'running'], 1),
      {
        ...finite('error', ['wait', 'my-job', '--for', 'finished', '--timeout', '1ms'], 14),
        ...LIVE,
      },
    ],
    examples: [0, 0],
    ...LOGGED,
  },
  validate: {
    works: [
      finite('validate', ['validate', 'my.job.yaml']),
      {
        ...finite('validate', ['validate', 'my.job.yaml', 'nothing.yaml'], 3),
        before: 'echo "steps: 7" >> my.job.yaml',
      },
    ],
    examples: [0, 0, 0, 0],
  },
};
