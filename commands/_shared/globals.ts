// The options that every command has, read straight from the arguments: an error in parsing them must
// be reported in the form that they ask for.

import {Flags} from '@oclif/core';
import type {Interfaces} from '@oclif/core';

export interface GlobalOptions {
  readonly json: boolean;
  /** Null: as the stream and the environment say. */
  readonly color: boolean | null;
  readonly noInput: boolean;
  readonly verbose: boolean;
}

const GLOBAL = 'GLOBAL';

export const globalFlags = {
  json: Flags.boolean({
    description: 'Print JSON on stdout: one object, or JSON Lines from commands that stream.',
    env: 'TIDEMARK_JSON',
    helpGroup: GLOBAL,
  }),
  color: Flags.boolean({
    description: 'Colour, whatever the stream is. NO_COLOR and FORCE_COLOR are honoured too.',
    env: 'TIDEMARK_COLOR',
    allowNo: true,
    helpGroup: GLOBAL,
  }),
  'no-input': Flags.boolean({
    description: 'Never ask; a missing answer is a usage error.',
    env: 'TIDEMARK_NO_INPUT',
    helpGroup: GLOBAL,
  }),
  verbose: Flags.boolean({
    description: 'Show the stack of an error.',
    env: 'TIDEMARK_VERBOSE',
    helpGroup: GLOBAL,
  }),
} satisfies Interfaces.FlagInput;

const TRUE_WORDS = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

export function readGlobalOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): GlobalOptions {
  const end = argv.indexOf('--');
  const given = new Set(end === -1 ? argv : argv.slice(0, end));
  const isSet = (name: string): boolean =>
    given.has(`--${name}`) || isTrue(environment[environmentName(name)]);
  return {
    json: isSet('json'),
    color: readColor(given, environment['TIDEMARK_COLOR']),
    noInput: isSet('no-input'),
    verbose: isSet('verbose'),
  };
}

function readColor(given: ReadonlySet<string>, variable: string | undefined): boolean | null {
  if (given.has('--no-color')) return false;
  if (given.has('--color')) return true;
  return variable === undefined || variable === '' ? null : isTrue(variable);
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && TRUE_WORDS.has(text.toLowerCase());
}

function environmentName(flag: string): string {
  return `TIDEMARK_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** Gives every flag of a command its environment variable: `TIDEMARK_<COMMAND>_<FLAG>`. A flag may be several commands'. */
export function withEnvironment<T extends Interfaces.FlagInput>(command: string, flags: T): T {
  const named = Object.entries(flags).map(([name, flag]) => [
    name,
    {...flag, env: environmentName(`${command}-${name}`)},
  ]);
  return Object.fromEntries(named) as T;
}

/**
 * The values of a flag that may be given several times: oclif hands over its environment variable as one
 * text, in which each value is a line.
 */
export function valuesOf(given: string | readonly string[] | undefined): readonly string[] {
  if (typeof given !== 'string') return given ?? [];
  return given
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
