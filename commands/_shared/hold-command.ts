// `checkpoint hold` and `checkpoint release`: one REF, one line.

import {Args, Flags} from '@oclif/core';
import {resolveCheckpoint, setHold} from '../../src/index.ts';
import {BaseCommand} from './base-command.ts';
import {withEnvironment} from './globals.ts';
import {escapeText} from './text.ts';
import type {Interfaces} from '@oclif/core';

export const holdArguments = {
  ref: Args.string({
    description: 'Checkpoint in the directory of a job, or savepoint.',
    required: true,
    ignoreStdin: true,
  }),
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
  protected async setHold(reference: string, held: boolean, takeOver: boolean): Promise<void> {
    const options = {environment: process.env};
    const path = await resolveCheckpoint(reference, options);
    const done = await setHold(path, held, {...options, takeOver});
    if (this.global.json) {
      this.printObject('CheckpointHeld', {
        id: done.checkpointId,
        path: done.path,
        job_dir: done.jobDirectory,
        held: done.held,
        by: done.by,
      });
    } else {
      this.print(`${escapeText(done.path)} is ${done.held ? 'held' : 'released'}.`);
    }
  }
}
