// Help for programs: what the pages of `--help` say, as data.

import {EXIT_STATUSES, EngineError} from '../../src/index.ts';
import {COMMON_STATUSES} from './help.ts';
import type {Command, Interfaces} from '@oclif/core';

/** `words`: of a command or a topic; empty: every command. */
export function helpFields(
  config: Interfaces.Config,
  words: readonly string[],
): Readonly<Record<string, unknown>> {
  return {
    version: config.version,
    commands: chosen(config, words).map((command) => commandFields(command, config)),
    exit_statuses: Object.entries(EXIT_STATUSES).map(([status, meaning]) => ({
      status: Number(status),
      meaning,
    })),
  };
}

function chosen(config: Interfaces.Config, words: readonly string[]): readonly Command.Loadable[] {
  const all = config.commands.filter((command) => !command.hidden);
  if (words.length === 0) return all.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const id = words.join(':');
  const found = all.filter((command) => command.id === id || command.id.startsWith(`${id}:`));
  if (found.length > 0) return found;
  throw new EngineError('USAGE', `there is no command "${words.join(' ')}"`, {
    hint: 'tidemark --help',
  });
}

function commandFields(command: Command.Loadable, config: Interfaces.Config): object {
  const words = command.id.replaceAll(':', ' ');
  const own = (command as {exitStatuses?: readonly number[]}).exitStatuses ?? [];
  return {
    id: words,
    summary: command.summary ?? '',
    description: command.description ?? null,
    usage: [command.usage ?? words].flat().map((line) => `${config.bin} ${line}`)[0],
    args: Object.values(command.args).map((arg) => ({
      name: arg.name,
      description: arg.description ?? '',
      required: arg.required === true,
      multiple: arg.multiple === true,
    })),
    flags: Object.values(command.flags)
      .filter((flag) => flag.hidden !== true)
      .map(flagFields),
    examples: (command.examples ?? []).map((example) => exampleFields(example, words, config.bin)),
    exit_statuses: [...new Set([...COMMON_STATUSES, ...own])].sort((left, right) => left - right),
  };
}

function flagFields(flag: Command.Flag.Cached): object {
  const option = flag.type === 'option' ? flag : null;
  const value: unknown = flag.default;
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return {
    name: flag.name,
    char: flag.char ?? null,
    description: flag.description ?? '',
    type: flag.type,
    required: flag.required === true,
    multiple: option?.multiple === true,
    options: option?.options ?? [],
    default: isPlain ? value : null,
    env: flag.env ?? null,
    value_name: option === null ? null : (option.helpValue?.toString() ?? flag.name),
  };
}

function exampleFields(example: Command.Example, words: string, bin: string): object {
  const {command, description} =
    typeof example === 'string' ? {command: example, description: null} : example;
  const text = command.replaceAll('<%= config.bin %>', bin).replaceAll('<%= command.id %>', words);
  return {description: description ?? null, command: text};
}
