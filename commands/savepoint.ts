import {Args, Flags} from '@oclif/core';
import {EngineError, disposeSavepoint, resolveCheckpoint, triggerSavepoint} from '../src/index.ts';
import {withEnvironment} from './_shared/globals.ts';
import {chooseJob, jobArgument} from './_shared/job-argument.ts';
import {
  OperationCommand,
  TIMEOUT_DESCRIPTION,
  timeoutFlag,
  timeoutOf,
} from './_shared/operation.ts';
import {confirm} from './_shared/prompt.ts';
import {detachedFlag, savepointTarget, typeFlag} from './_shared/savepoint-flags.ts';
import {escapeText} from './_shared/text.ts';
import type {ExitStatus} from '../src/index.ts';

const ownFlags = {
  type: typeFlag(),
  detached: detachedFlag,
  timeout: timeoutFlag(TIMEOUT_DESCRIPTION),
  dispose: Flags.string({
    description: 'Delete this savepoint. Asks first.',
    helpValue: 'REF',
    exclusive: ['detached', 'timeout'],
  }),
  yes: Flags.boolean({
    char: 'y',
    description: 'Answer yes when --dispose asks.',
    dependsOn: ['dispose'],
  }),
};

export default class Savepoint extends OperationCommand {
  static override summary = 'Take a savepoint of a running job, or dispose of one.';
  static override description =
    'A savepoint is yours: complete in one directory that can be moved, never deleted by tidemark unless you say so. ' +
    'DIR gets a directory savepoint-<job>-<random>; without it the savepoint goes where the job says. ' +
    'The job goes on meanwhile.';
  static override examples = [
    {
      description: 'Take one, and print its path',
      command: '<%= config.bin %> <%= command.id %> my-job savepoints',
    },
    {
      description: 'The same in a script',
      command: '<%= config.bin %> <%= command.id %> my-job savepoints --json | jq -r .path',
    },
    {
      description: 'Do not wait; ask for it later',
      command: '<%= config.bin %> <%= command.id %> my-job savepoints --detached',
    },
    {
      description: 'Delete the newest one that was taken',
      command: '<%= config.bin %> <%= command.id %> --dispose my-job@latest --yes',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10, 13, 14, 15];
  static override outputSchemas = ['savepoint', 'triggered', 'savepoint-disposed'];
  static override usage = ['savepoint [JOB] [DIR] [FLAGS]', 'savepoint --dispose REF [--yes]'];
  static override args = {
    job: jobArgument(),
    directory: Args.string({
      description: 'Where the savepoint goes, instead of where the job says.',
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('savepoint', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Savepoint);
    timeoutOf(flags.timeout);
    if (flags.dispose !== undefined) {
      if (args.job !== undefined) {
        throw new EngineError('USAGE', `--dispose takes one savepoint; ${args.job} is too much`, {
          hint: 'tidemark savepoint --dispose REF',
        });
      }
      await this.#dispose(flags.dispose, flags.yes);
      return;
    }
    const target = savepointTarget(args.directory, flags.type);
    const reference = await chooseJob(args.job, {
      usage: 'tidemark savepoint JOB [DIR]',
      global: this.global,
    });
    const accepted = await triggerSavepoint(reference, target, {environment: process.env});
    if (flags.detached) this.showTriggered(accepted, 'savepoint');
    else await this.finish(accepted, flags.timeout);
  }

  async #dispose(reference: string, isAnswered: boolean): Promise<void> {
    const options = {environment: process.env};
    const path = await resolveCheckpoint(reference, {...options, only: 'savepoints'});
    await confirm({
      question: `Delete ${path}?`,
      flag: '--yes',
      usage: this.callWith('--yes'),
      isAnswered,
      global: this.global,
    });
    await disposeSavepoint(path, options);
    if (this.global.json) this.printObject('SavepointDisposed', {path});
    else this.print(`Savepoint '${escapeText(path)}' disposed.`);
  }
}
