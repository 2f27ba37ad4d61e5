// What a completion script is made of: the commands as `--help` shows them, without anything that has to be asked
// when a key is pressed. Job files and directories are completed by the shell itself.

import type {Command, Interfaces} from '@oclif/core';

/** What may stand behind a flag or as an argument. */
export type Values =
  | {readonly kind: 'none'}
  | {readonly kind: 'words'; readonly words: readonly string[]}
  /** The key of a pair, with its `=`. */
  | {readonly kind: 'keys'; readonly keys: readonly string[]}
  | {readonly kind: 'job-files'}
  | {readonly kind: 'files'}
  | {readonly kind: 'directories'};

export interface FlagModel {
  /** `--define`, `-D` */
  readonly words: readonly string[];
  readonly description: string;
  /** Null: it takes no value. */
  readonly values: Values | null;
}

export interface CommandModel {
  /** `checkpoint list` */
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagModel[];
  /** Of all its arguments. */
  readonly values: Values;
}

export interface CompletionModel {
  readonly bin: string;
  readonly commands: readonly CommandModel[];
  /** First words of commands of two, and what they are about. */
  readonly topics: readonly {readonly name: string; readonly description: string}[];
}

export function completionModel(
  config: Interfaces.Config,
  flinkKeys: readonly string[],
): CompletionModel {
  const commands = config.commands
    .filter((command) => !command.hidden)
    .map((command) => commandModel(command, flinkKeys))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const firsts = new Set(
    commands.flatMap(({name}) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])),
  );
  const topics = [...firsts].map((name) => ({
    name,
    description: config.findTopic(name)?.description ?? '',
  }));
  const words = [...commands.map(({name}) => name), ...firsts].filter((name) => name !== 'help');
  const help: Values = {
    kind: 'words',
    words: [...new Set(words.map((name) => name.split(' ')[0] ?? ''))].sort(),
  };
  return {
    bin: config.bin,
    commands: commands.map((one) => (one.name === 'help' ? {...one, values: help} : one)),
    topics,
  };
}

function commandModel(command: Command.Loadable, flinkKeys: readonly string[]): CommandModel {
  const name = command.id.replaceAll(':', ' ');
  const flags = Object.values(command.flags).filter((flag) => flag.hidden !== true);
  return {
    name,
    description: oneLine(command.summary ?? ''),
    flags: [
      ...flags.flatMap((flag) => flagModels(flag, flinkKeys)),
      {words: ['--help', '-h'], description: 'Show help.', values: null},
    ],
    values: valuesOfArguments(command),
  };
}

function flagModels(flag: Command.Flag.Cached, flinkKeys: readonly string[]): FlagModel[] {
  const words = [`--${flag.name}`, ...(flag.char === undefined ? [] : [`-${flag.char}`])];
  const description = oneLine(flag.description ?? '');
  if (flag.type === 'option') return [{words, description, values: valuesOfFlag(flag, flinkKeys)}];
  const negated = flag.allowNo ? [`--no-${flag.name}`] : [];
  return [{words: [...words, ...negated], description, values: null}];
}

function valuesOfFlag(
  flag: Extract<Command.Flag.Cached, {type: 'option'}>,
  flinkKeys: readonly string[],
): Values {
  if (flag.options !== undefined && flag.options.length > 0) {
    return {kind: 'words', words: flag.options};
  }
  if (flag.name === 'define') return {kind: 'keys', keys: flinkKeys.map((key) => `${key}=`)};
  const value = flag.helpValue?.toString() ?? '';
  if (/^(FILE|PATH|REF)/.test(value)) return {kind: 'files'};
  return value === 'DIR' ? {kind: 'directories'} : {kind: 'none'};
}

function valuesOfArguments(command: Command.Loadable): Values {
  const args = Object.values(command.args);
  const options = args.flatMap((arg) => arg.options ?? []);
  if (options.length > 0) return {kind: 'words', words: options};
  const names = args.map(({name}) => name);
  if (names.length === 0) return {kind: 'none'};
  if (names.includes('directory')) return {kind: 'directories'};
  // A checkpoint is a directory; a job stands for its newest, and job files are on the way there.
  if (names.some((name) => /^(refs?|targets?)$/.test(name))) return {kind: 'files'};
  return names.some((name) => /^files?$/.test(name)) ? {kind: 'job-files'} : {kind: 'files'};
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
