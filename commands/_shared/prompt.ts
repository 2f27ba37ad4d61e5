// Questions. Only a person at a terminal is asked; a script gets an error that names the argument.

import {EngineError} from '../../src/index.ts';
import {escapeText} from './text.ts';
import type {GlobalOptions} from './globals.ts';

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface PickRequest {
  readonly question: string;
  /** What to give instead: `REF`, `--from-savepoint`. */
  readonly instead: string;
  /** The command line with it. */
  readonly usage: string;
  readonly global: GlobalOptions;
  /** Called only when somebody can answer. */
  choices(): Promise<readonly Choice[]>;
}

/** stdin takes the answer and the question is drawn on stderr. */
export function canAsk(global: GlobalOptions): boolean {
  const ci = process.env['CI'] ?? '';
  const inCi = ci !== '' && ci !== 'false' && ci !== '0';
  return process.stdin.isTTY && process.stderr.isTTY && !global.json && !global.noInput && !inCi;
}

export interface ConfirmRequest {
  readonly question: string;
  /** What answers it beforehand: `--yes`. */
  readonly flag: string;
  /** The command line with it. */
  readonly usage: string;
  readonly isAnswered: boolean;
  readonly global: GlobalOptions;
}

/** Returns when the answer is yes. No: INTERRUPTED, nothing was done. USAGE when nobody can be asked. */
export async function confirm(request: ConfirmRequest): Promise<void> {
  const {question, flag, usage, isAnswered, global} = request;
  if (isAnswered) return;
  if (!canAsk(global)) {
    throw new EngineError('USAGE', `nobody can be asked for a yes: give ${flag}`, {hint: usage});
  }
  const answer = await ask({
    type: 'confirm',
    message: escapeText(question),
    default: false,
  });
  if (answer !== true) throw new EngineError('INTERRUPTED', 'the answer was no; nothing was done');
}

/** The chosen value; exit status 2 when nobody can be asked. */
export async function pick(request: PickRequest): Promise<string> {
  if (!canAsk(request.global)) {
    throw new EngineError(
      'USAGE',
      `${request.instead} is missing, and nobody can be asked for it`,
      {
        hint: request.usage,
      },
    );
  }
  const choices = await request.choices();
  if (choices.length === 0) {
    throw new EngineError('NOT_FOUND', `${request.question}: there is nothing to choose from`);
  }
  const answer = await ask({
    type: 'select',
    message: escapeText(request.question),
    choices: choices.map(({value, label}) => ({value, name: escapeText(label)})),
  });
  return String(answer);
}

type Question =
  | {
      readonly type: 'select';
      readonly message: string;
      readonly choices: {readonly value: string; readonly name: string}[];
    }
  | {readonly type: 'confirm'; readonly message: string; readonly default: boolean};

async function ask(question: Question): Promise<unknown> {
  const {default: inquirer} = await import('inquirer');
  const prompt = inquirer.createPromptModule({input: process.stdin, output: process.stderr});
  const {value} = await prompt<{value: unknown}>([{...question, name: 'value'}]);
  return value;
}
