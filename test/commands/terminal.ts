// The built command line in a pseudo-terminal, and what a person would see there.
//
// The pseudo-terminal is made by `script` of util-linux, which every Debian, Fedora, Alpine (util-linux-misc) and CI image of
// them has or installs. Where it is missing the tests fail and say so: they are never skipped.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import xterm from '@xterm/headless';
import {environment, ROOT, type Variables} from './tidemark.ts';

export interface Keys {
  /** The keys are sent once this text was seen, behind what the keys before answered. */
  readonly after: string;
  readonly send: string;
}

export const CTRL_C = '\u0003';
export const ENTER = '\r';
export const DOWN = '\u001b[B';

export interface TerminalOptions {
  readonly keys?: readonly Keys[];
  readonly variables?: Variables;
  readonly columns?: number;
  readonly rows?: number;
  readonly cwd?: string;
}

export interface TerminalEnding {
  readonly status: number;
  /** Every byte that was written. */
  readonly output: string;
  /** What is left on the screen and above it, without trailing blanks. */
  readonly screen: string;
  /** The screen at the time at which each of the keys was sent. */
  readonly screens: readonly string[];
}

const REFUSAL =
  'the tests of the terminal need `script` of util-linux: install the package util-linux (bsdutils)';

/** Runs `node ARGS` in a terminal of its own. */
export async function inTerminal(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<TerminalEnding> {
  const {keys = [], variables = {}, columns = 80, rows = 24, cwd = ROOT} = options;
  const words = args.map((_word, index) => `"$ARG${index}"`).join(' ');
  const command = `stty cols ${columns} rows ${rows} && exec "$NODE" ${words}`;
  const child = spawn(
    'script',
    ['--quiet', '--return', '--flush', '--command', command, '/dev/null'],
    {
      cwd,
      env: {
        ...environment(variables),
        NODE: process.execPath,
        ...Object.fromEntries(args.map((word, index) => [`ARG${index}`, word])),
      },
    },
  );
  const left = [...keys];
  const screens: string[] = [];
  let output = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const at = output.indexOf(next.after, answered);
      if (at === -1) return;
      answered = at + next.after.length;
      left.shift();
      screens.push(output);
      child.stdin.write(next.send);
    }
  });
  const [status] = (await Promise.race([once(child, 'close'), failure(child)])) as [number | null];
  const size = {columns, rows};
  if (left.length > 0) {
    throw new Error(
      `never saw ${JSON.stringify(left[0]?.after)} in:\n${await render(output, size)}`,
    );
  }
  return {
    status: status ?? -1,
    output,
    screen: await render(output, size),
    screens: await Promise.all(screens.map(async (text) => render(text, size))),
  };
}

async function failure(child: ReturnType<typeof spawn>): Promise<never> {
  const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  throw error.code === 'ENOENT' ? new Error(REFUSAL, {cause: error}) : error;
}

/** Carries out the escape codes, as a terminal does. */
export async function render(
  output: string,
  {columns, rows}: {readonly columns: number; readonly rows: number},
): Promise<string> {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    scrollback: 1000,
    allowProposedApi: true,
  });
  await new Promise<void>((resolve) => {
    terminal.write(output, resolve);
  });
  const {active} = terminal.buffer;
  const lines = Array.from(
    {length: active.length},
    (_unused, index) => active.getLine(index)?.translateToString(true) ?? '',
  );
  terminal.dispose();
  return lines.join('\n').trimEnd();
}
