// The completion scripts, in the shells that they are for. bash is on every machine that runs these tests; zsh and
// fish are tried where they are.

import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {execa} from 'execa';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {readCommands} from './contract/commands.ts';
import {tidemark} from './tidemark.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-completion-'));
  await mkdir(join(directory, 'a directory'));
  for (const file of ['my.job.yaml', 'other.yml', 'notes.txt']) {
    await writeFile(join(directory, file), '');
  }
  for (const shell of ['bash', 'zsh', 'fish']) {
    const {status, stdout} = await tidemark(['completion', shell]);
    expect(status).toBe(0);
    await writeFile(join(directory, `script.${shell}`), `${stdout}\n`);
  }
});

afterAll(async () => {
  await rm(directory, {recursive: true, force: true});
});

/** What a shell offers for the last of the words, which may be empty. */
type Complete = (words: readonly string[]) => Promise<string[]>;

async function shell(program: string, script: string, args: readonly string[]): Promise<string[]> {
  const {stdout} = await execa(program, ['-c', script, ...args], {cwd: directory});
  return stdout.split('\n').filter((line) => line !== '');
}

/** As readline does it: `--flag=value` and `key=value` come as three words. */
const bash: Complete = async (words) => {
  const split = ['tidemark', ...words].flatMap((word) => {
    const [name, ...rest] = word.split('=');
    if (rest.length === 0) return [word];
    return rest.join('=') === '' ? [name ?? '', '='] : [name ?? '', '=', rest.join('=')];
  });
  const script = `source ./script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tidemark 2>&1
for word in "\${COMPREPLY[@]}"; do echo "$word"; done`;
  return shell('bash', script, ['bash', ...split]);
};

const fish: Complete = async (words) => {
  const line = ['tidemark', ...words].join(' ');
  const offered = await shell('fish', `source ./script.fish; complete --do-complete '${line}'`, []);
  return offered.map((entry) => entry.split('\t')[0] ?? '');
};

/** The functions of zsh's completion system are stood in for: it works in an editor of lines only. */
const zsh: Complete = async (words) => {
  const script = `
compdef() { :; }
compset() { cur=\${cur#*=}; words[CURRENT]=$cur; }
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- "$@"; }
_describe() { local -a all; all=("\${(@P)2}"); print -l -- "\${(@)all%%:*}"; }
_files() { if [[ $1 == -g ]]; then print -l -- *.(yaml|yml); elif [[ $1 == -/ ]]; then print -l -- *(/); else print -l -- *; fi; }
source ./script.zsh
words=("$@"); CURRENT=$#
_tidemark`;
  const offered = await shell('zsh', script, ['zsh', 'tidemark', ...words]);
  const last = words.at(-1) ?? '';
  return offered.filter((entry) => entry.startsWith(last.split('=').at(-1) ?? ''));
};

async function isThere(program: string): Promise<boolean> {
  return (await execa(program, ['--version'], {reject: false})).exitCode === 0;
}

const shells: [string, Complete][] = [['bash', bash]];
if (await isThere('fish')) shells.push(['fish', fish]);
if (await isThere('zsh')) shells.push(['zsh', zsh]);

describe.each(shells)('%s', (_name, complete) => {
  test('offers every command', async () => {
    const first = (await readCommands()).map(({id}) => id.split(' ')[0] ?? '');
    const offered = await complete(['']);
    for (const word of first) expect(offered).toContain(word);
  });

  test.each([
    ['the rest of a command', ['val'], ['validate']],
    ['commands of two words', ['checkpoint', ''], ['list', 'verify']],
    ['flags', ['run', '--out'], ['--output-ahead']],
    ['values of a flag', ['run', 'my.job.yaml', '--on-damaged', ''], ['stop', 'use-older']],
    ['values of a letter', ['init', '-t', 'win'], ['windowed-aggregate']],
    [
      'option keys of Flink',
      ['run', 'my.job.yaml', '-D', 'execution.checkpointing.inter'],
      ['execution.checkpointing.interval='],
    ],
    ['values of an argument', ['completion', 'z'], ['zsh']],
    ['job files', ['run', 'my'], ['my.job.yaml']],
    ['job files behind a flag', ['validate', '--verbose', 'oth'], ['other.yml']],
  ])('offers %s', async (_what, words, expected) => {
    expect(await complete(words)).toEqual(expect.arrayContaining(expected));
  });

  test('offers no file that is no job, and flags of another command neither', async () => {
    expect(await complete(['run', 'no'])).not.toContain('notes.txt');
    expect(await complete(['validate', '--on'])).toEqual([]);
  });
});

describe('bash', () => {
  test('offers the values of a flag behind its =', async () => {
    expect(await bash(['run', '--on-damaged='])).toEqual(['stop', 'use-older']);
    expect(await bash(['run', '--on-damaged=u'])).toEqual(['use-older']);
  });

  test('offers nothing for the value of an option key', async () => {
    expect(await bash(['run', '-D', 'execution.checkpointing.mode='])).toEqual([]);
    expect(await bash(['run', '-D', 'execution.checkpointing.mode=my'])).toEqual([]);
  });

  test('keeps a name with a blank in one piece', async () => {
    expect(await bash(['init', 'a'])).toEqual(['a directory']);
  });
});
