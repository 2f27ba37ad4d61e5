// The commands as `help --json` tells them, and what the tests run them with.

import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Ajv2020, type ValidateFunction} from 'ajv/dist/2020.js';
import {execa} from 'execa';
import {ROOT, environment, tidemark, type Ending, type Variables} from '../tidemark.ts';
import {CONTRACTS, type Case, type Contract} from './contracts.ts';
import {copyScratch, makeScratch, type Scratch} from './scratch.ts';

export interface CommandHelp {
  readonly id: string;
  readonly summary: string;
  readonly flags: readonly {
    readonly name: string;
    readonly env: string | null;
    readonly description: string;
  }[];
  readonly args: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly description: string;
  }[];
  readonly examples: readonly {readonly description: string | null; readonly command: string}[];
  readonly exit_statuses: readonly number[];
}

export async function readCommands(): Promise<readonly CommandHelp[]> {
  const {stdout} = await tidemark(['help', '--json']);
  return (JSON.parse(stdout) as {commands: CommandHelp[]}).commands;
}

export function contractOf(command: string): Contract {
  const contract = CONTRACTS[command];
  if (contract !== undefined) return contract;
  throw new Error(
    `the command "${command}" has no contract: add its entry to test/commands/contract/contracts.ts, and its schema to schema/output/`,
  );
}

/** Copies of one scratch directory, and all of them away again. */
export class Scratches {
  readonly #root: string;
  readonly #original: Scratch;
  #count = 0;

  private constructor(root: string, original: Scratch) {
    this.#root = root;
    this.#original = original;
  }

  static async make(): Promise<Scratches> {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-contract-'));
    return new Scratches(root, await makeScratch(join(root, 'original')));
  }

  async copy(): Promise<Scratch> {
    this.#count += 1;
    return copyScratch(this.#original, join(this.#root, String(this.#count)));
  }

  async remove(): Promise<void> {
    await rm(this.#root, {recursive: true, force: true});
  }
}

/** A shell line in a scratch directory, where `tidemark` is in PATH. */
export async function inScratch(
  scratch: Scratch,
  line: string,
  extra: Variables = {},
): Promise<Ending> {
  const result = await execa('bash', ['-c', line], {
    cwd: scratch.path,
    env: {...environment(extra), ...scratch.variables, ...extra},
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
  });
  return {status: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr};
}

export function lineOf(args: readonly string[]): string {
  return ['tidemark', ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

export function before({before: lines}: Pick<Case, 'before'>): string {
  return lines === undefined ? '' : `${lines}\n`;
}

/** `line` between what its case has before and after it; it ends with the status of `line`. */
export function around(work: Pick<Case, 'before' | 'after'>, line: string): string {
  const after = work.after === undefined ? '' : `\nstatus=$?\n${work.after}\nexit $status`;
  return `${before(work)}${line}${after}`;
}

const ajv = new Ajv2020({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  validateFormats: false,
});
const validators = new Map<string, Promise<ValidateFunction>>();

/** What is wrong with `value`; empty: it is as schema/output/`name`.json says. */
export async function violations(name: string, value: unknown): Promise<string[]> {
  const validate = await validatorOf(name);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({instancePath, message, params}) =>
      `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}

async function validatorOf(name: string): Promise<ValidateFunction> {
  const known = validators.get(name);
  if (known !== undefined) return known;
  const compiled = readFile(join(ROOT, 'schema/output', `${name}.json`), 'utf8').then((text) =>
    ajv.compile(JSON.parse(text) as object),
  );
  validators.set(name, compiled);
  return compiled;
}
