// What a command printed with --json.

import type {Outcome} from '../../kills/support/process.ts';

export interface ErrorObject {
  readonly code: string;
  readonly message: string;
  readonly exit_code: number;
  readonly hint: string | null;
  readonly file: string | null;
}

export interface FindingObject {
  readonly severity: 'error' | 'hint';
  readonly code: string;
  readonly path: string;
  readonly offset: number | null;
}

function linesOf({stdout}: Outcome): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The one error that a run or a command ended with. */
export function errorOf(outcome: Outcome): ErrorObject {
  const errors = linesOf(outcome).flatMap((line) => ('error' in line ? [line['error']] : []));
  if (errors.length !== 1) throw new Error(`${errors.length} errors in: ${outcome.stdout}`);
  return errors[0] as ErrorObject;
}

export function findingsOf(outcome: Outcome): FindingObject[] {
  return linesOf(outcome).filter(
    (line) => line['type'] === 'finding',
  ) as unknown as FindingObject[];
}

export function summaryOf(outcome: Outcome): Record<string, unknown> {
  const last = linesOf(outcome).at(-1);
  if (last?.['type'] !== 'summary') throw new Error(`no summary: ${outcome.stdout}`);
  return last;
}

/** `type`s of the lines of a run, in order. */
export function eventsOf(outcome: Outcome, type: string): Record<string, unknown>[] {
  return linesOf(outcome).filter((line) => line['type'] === type);
}
