// What bin/run.js calls once it knows that this Node.js can run us.

import {Config, settings} from '@oclif/core';
import {normalizeArgv} from '@oclif/core/help';
import {EngineError} from '../../src/index.ts';
import {showError} from './base-command.ts';
import {readGlobalOptions} from './globals.ts';
import TidemarkHelp from './help.ts';
import {flushStreams, guardStreams, writeResult} from './streams.ts';
import {makeStyle} from './style.ts';
import type {Interfaces} from '@oclif/core';

/** `source`: the package's directory, or what a bundle has in place of what oclif would find there. */
export async function main(
  argv: readonly string[],
  source: string | Interfaces.Options,
): Promise<void> {
  guardStreams();
  // oclif would look for TypeScript sources when NODE_ENV says development or test.
  settings.enableAutoTranspile = false;
  try {
    await dispatch([...argv], await Config.load(source));
  } catch (thrown) {
    // No command of ours was at work: an unknown command, or help for one.
    process.exitCode = reportOutsideCommand(thrown, argv);
  }
  await flushStreams();
  // A handle that something left open must not keep a finished command alive.
  process.exit();
}

/** oclif's own `run` would load the help class from disk, and with it a second copy of oclif. */
async function dispatch(argv: string[], config: Config): Promise<void> {
  if (argv[0] === '--version') {
    writeResult(config.userAgent);
    return;
  }
  const help = new TidemarkHelp(config);
  if (asksForHelp(argv)) {
    if (readGlobalOptions(argv, process.env).json) {
      await config.runCommand('help', ['--json', ...helpSubject(argv, config)]);
    } else await help.showHelp(argv);
    return;
  }
  const [id = '', ...rest] = normalizeArgv(config, argv);
  const isTopic = config.findCommand(id) === undefined && config.findTopic(id) !== undefined;
  if (isTopic) await help.showHelp([id]);
  else if (config.findCommand(id) === undefined) throw unknownCommand(argv, config);
  else await config.runCommand(id, rest);
}

/** The command or topic that `--help` stands behind, without its arguments. */
function helpSubject(argv: readonly string[], config: Config): string[] {
  const words = argv.filter((word) => !word.startsWith('-'));
  for (let count = words.length; count > 1; count -= 1) {
    const id = words.slice(0, count).join(':');
    if (config.findCommand(id) !== undefined || config.findTopic(id) !== undefined) {
      return words.slice(0, count);
    }
  }
  return words.slice(0, 1);
}

/** oclif would take the arguments for parts of the name. */
function unknownCommand(argv: readonly string[], config: Config): EngineError {
  const [first = '', second = ''] = argv.filter((word) => !word.startsWith('-'));
  const typed = config.findTopic(first) === undefined ? first : `${first} ${second}`;
  const close = config.commandIDs
    .map((id) => id.replaceAll(':', ' '))
    .filter((name) => Math.abs(name.length - typed.length) <= 2 && isClose(name, typed));
  const question = close.length === 1 ? `; did you mean "${close.join()}"?` : '';
  return new EngineError('USAGE', `there is no command "${typed}"${question}`, {
    hint: 'tidemark --help',
  });
}

/** At most two letters must be added, removed or changed to make one of the other. */
function isClose(left: string, right: string): boolean {
  let row = Array.from({length: right.length + 1}, (_, index) => index);
  for (const [at, letter] of Array.from(left).entries()) {
    const next = [at + 1];
    for (let to = 1; to <= right.length; to += 1) {
      const change = (row[to - 1] ?? 0) + (letter === right[to - 1] ? 0 : 1);
      next.push(Math.min(change, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return (row[right.length] ?? Infinity) <= 2;
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return argv.length === 0 || own.includes('--help') || own.includes('-h');
}

function reportOutsideCommand(thrown: unknown, argv: readonly string[]): number {
  const global = readGlobalOptions(argv, process.env);
  const style = makeStyle({
    isTTY: process.stderr.isTTY,
    environment: process.env,
    color: global.color,
  });
  return showError(thrown, {global, style, commandName: ''});
}
