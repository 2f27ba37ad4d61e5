// Flags that `run` and `restore` share, and what they ask of the engine.

import {Flags} from '@oclif/core';
import {EngineError, parseDuration} from '../../src/index.ts';
import {valuesOf, withEnvironment} from './globals.ts';
import type {Interfaces} from '@oclif/core';
import type {JobOverrides, RunRequest} from '../../src/index.ts';

/** Overrides of the job file; also `validate` and `info` take them. */
export function overrideFlags(): {
  readonly [name in 'define' | 'set']: Interfaces.OptionFlag<string[] | undefined>;
} & {readonly parallelism: Interfaces.OptionFlag<number | undefined>} {
  return {
    define: Flags.string({
      char: 'D',
      description:
        "Override an option by Flink's full key, as in -D execution.checkpointing.interval=10s; a key alone means true.",
      helpValue: 'key=value',
      multiple: true,
      multipleNonGreedy: true,
    }),
    set: Flags.string({
      description:
        'Override any value of the job file, as in --set sources.flights.rate-limit=1000.',
      helpValue: 'path=value',
      multiple: true,
      multipleNonGreedy: true,
    }),
    parallelism: Flags.integer({
      char: 'p',
      description: "Number of tasks of each operator chain, instead of the file's.",
      min: 1,
    }),
  };
}

const restoreFlags = {
  'allow-non-restored-state': Flags.boolean({
    char: 'n',
    description: 'Leave out state of steps that the job no longer has.',
  }),
  'allow-drained': Flags.boolean({
    description: 'Restore a checkpoint whose windows were flushed at its end.',
  }),
  'claim-mode': Flags.option({
    options: ['no-claim', 'claim'] as const,
    description:
      'no-claim (the default): what is restored stays yours, is never deleted and never written to. claim: the job owns it, and deletes it once it has a checkpoint of its own.',
  })(),
  strict: Flags.boolean({
    description:
      'Refuse (status 13) directories of checkpoints that every user of this machine may write; else it is a warning.',
  }),
  'dry-run': Flags.boolean({
    description: 'Print what the start would do, per operator, and do nothing.',
  }),
};

const attachedFlags = {
  detached: Flags.boolean({
    char: 'd',
    description:
      'Run in the background: return when the job is running, or has failed, with its reason and status.',
    exclusive: ['dry-run', 'on-closed-output'],
  }),
  listen: Flags.string({
    description:
      "Serve Flink's REST API and metrics on this loopback address too, behind a bearer token.",
    helpValue: '127.0.0.1:PORT',
  }),
  'take-over': Flags.boolean({
    description: 'Count the last owner as dead without waiting; if it is alive, it is fenced off.',
  }),
  'on-damaged': Flags.option({
    options: ['stop', 'use-older'] as const,
    description: 'When the newest checkpoint is damaged: stop (status 4), or restore an older one.',
    default: 'stop' as const,
  })(),
  'output-ahead': Flags.option({
    options: ['refuse', 'keep', 'withdraw'] as const,
    description:
      'Output committed after the restored checkpoint: refuse to start, keep it, or move it to .withdrawn/.',
    default: 'refuse' as const,
  })(),
  'shutdown-timeout': Flags.string({
    description: 'How long the last checkpoint after Ctrl-C or SIGTERM may take.',
    helpValue: 'duration',
    default: '20s',
  }),
  'on-closed-output': Flags.option({
    options: ['continue', 'stop'] as const,
    description:
      'When nobody reads stdout any more: go on without printing, or stop as with Ctrl-C.',
    default: 'continue' as const,
  })(),
};

/** Flags of `restore`; `run` adds its own. */
export const runFlags = withEnvironment('run', {
  ...overrideFlags(),
  ...restoreFlags,
  ...attachedFlags,
});

export type RunFlags = Interfaces.InferredFlags<typeof runFlags>;

export function overridesOf(flags: {
  readonly define?: readonly string[] | undefined;
  readonly set?: readonly string[] | undefined;
  readonly parallelism?: number | undefined;
}): JobOverrides {
  const {parallelism} = flags;
  const set = valuesOf(flags.set).map((pair) => splitPair('--set', pair));
  const other = set.find(
    ([path, value]) => path === 'parallelism' && Number(value) !== parallelism,
  );
  if (parallelism !== undefined && other !== undefined) {
    throw new EngineError(
      'USAGE',
      `--parallelism ${parallelism} and --set parallelism=${other[1]} contradict each other`,
      {hint: 'give one of them'},
    );
  }
  return {flink: valuesOf(flags.define).map((pair) => splitPair('-D', pair)), set, parallelism};
}

/** `-D key` alone means true, as in Flink. */
function splitPair(flag: string, pair: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  if (equals > 0) return [pair.slice(0, equals).trim(), pair.slice(equals + 1)];
  if (equals === -1 && flag === '-D' && pair.trim() !== '') return [pair.trim(), 'true'];
  throw new EngineError('USAGE', `${flag} ${pair}: there is no key before a "="`, {
    hint: `write ${flag} key=value`,
  });
}

/** `live`: progress is drawn on a terminal; otherwise it goes into a log. */
export function toRunRequest(
  file: string,
  flags: RunFlags,
  start: {
    readonly fresh: boolean;
    readonly restoreFrom: string | undefined;
    readonly live: boolean;
    readonly call: string;
  },
): RunRequest {
  return {
    file,
    call: start.call,
    overrides: overridesOf(flags),
    fresh: start.fresh,
    restoreFrom: start.restoreFrom,
    allowNonRestoredState: flags['allow-non-restored-state'],
    claimMode: flags['claim-mode'],
    takeOver: flags['take-over'],
    onDamaged: flags['on-damaged'],
    outputAhead: flags['output-ahead'],
    allowDrained: flags['allow-drained'],
    strict: flags.strict,
    shutdownTimeoutMillis: durationOf('--shutdown-timeout', flags['shutdown-timeout']),
    progressIntervalMillis: start.live ? 250 : 10_000,
    environment: process.env,
    listen: flags.listen,
    detached: flags.detached,
  };
}

function durationOf(flag: string, text: string): number {
  const parsed = parseDuration(text);
  if (parsed.kind === 'ok') return parsed.value;
  throw new EngineError('USAGE', `${flag} ${text}: this ${parsed.message}`, {
    hint: parsed.suggestion ?? undefined,
  });
}
