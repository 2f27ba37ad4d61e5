// `checkpoint hold` and `checkpoint release`: one REF, one line.

import {Flags} from '@oclif/core';
import {resolveCheckpoint, setHold} from '../../src/index.ts';
import {BaseCommand} from './base-command.ts';
import {checkpointArgument, chooseCheckpoint} from './checkpoint-argument.ts';
import {withEnvironment} from './globals.ts';
import {escapeText} from './text.ts';
import type {Interfaces} from '@oclif/core';

export const holdArguments = {
  ref: checkpointArgument(),
};

export function holdFlags(command: string): {
  readonly 'take-over': Interfaces.BooleanFlag<boolean>;
} {
  return withEnvironment(command, {
    'take-over': Flags.boolean({
      description:
        'Count the last owner as dead without waiting; if it is alive, it is fenced off.',
    }),
  });
}

export abstract class HoldCommand extends BaseCommand {
  protected async setHold(
    given: string | undefined,
    held: boolean,
    takeOver: boolean,
  ): Promise<void> {
    const options = {environment: process.env};
    const usage = `tidemark checkpoint ${held ? 'hold' : 'release'} REF`;
    const reference = await chooseCheckpoint(given, {usage, global: this.global});
    const path = await resolveCheckpoint(reference, options);
    const done = await setHold(path, held, {...options, takeOver});
    if (this.global.json) {
      this.printObject('CheckpointHeld', {
        id: done.checkpointId,
        path: done.path,
        job_dir: done.jobDirectory,
        held: done.held,
        in_use: done.inUse,
        by: done.by,
      });
    } else {
      this.print(`${escapeText(done.path)} is ${done.held ? 'held' : 'released'}.`);
      if (!held && done.inUse) {
        this.note('A job that was restored from it keeps it as long as it may go back to it.');
      }
    }
  }
}
