// What `state scan` and `state get` have in common.

import {Flags} from '@oclif/core';
import {EngineError, parseDuration} from '../../src/index.ts';
import {checkpointArgument} from './checkpoint-argument.ts';

export const stateArguments = {ref: checkpointArgument()};

export const stateFlags = {
  operator: Flags.string({
    description: 'Only states of the step with this id.',
    helpValue: 'ID',
  }),
  state: Flags.string({
    description: 'Only states of this name; an aggregate has one, groups.',
    helpValue: 'NAME',
  }),
  ttl: Flags.string({
    description:
      'How long rows live, as the job file says (7 d): fills in expires, which no checkpoint knows.',
    helpValue: 'DURATION',
  }),
};

/** Milliseconds; null: not given. */
export function ttlOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const days = /^(\d{1,6}) {0,4}d$/u.exec(text);
  if (days !== null) return Number(days[1]) * 86_400_000;
  const parsed = parseDuration(text);
  if (parsed.kind === 'ok') return parsed.value;
  throw new EngineError('USAGE', `--ttl ${text} ${parsed.message}`, {
    hint: 'write it as the job file does, like 30 min or 7 d',
  });
}
