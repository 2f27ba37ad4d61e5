import {Args, Flags} from '@oclif/core';
import {withEnvironment} from './_shared/globals.ts';
import {RunCommand} from './_shared/run-command.ts';
import {runFlags, toRunRequest} from './_shared/run-flags.ts';
import type {ExitStatus} from '../src/index.ts';

const ownFlags = {
  fresh: Flags.boolean({
    description: 'Never resume; earlier checkpoints stay where they are.',
    exclusive: ['from-savepoint'],
  }),
  'from-savepoint': Flags.string({
    char: 's',
    description: 'Restore exactly this checkpoint or savepoint.',
    helpValue: 'REF',
  }),
};

export default class Run extends RunCommand {
  static override summary = 'Run a job until it ends, in this terminal or in the background.';
  static override description =
    'Resumes when the last run crashed, failed or was interrupted; starts fresh when it finished. ' +
    'The first line says which, and why. Ctrl-C takes a last checkpoint and stops; a second one stops at once. ' +
    'With --detached the job runs in a process of its own, which neither Ctrl-C nor a closed terminal reaches.';
  static override examples = [
    {
      description: 'Run a job; after a crash or Ctrl-C the same command goes on where it was',
      command: '<%= config.bin %> <%= command.id %> jobs/airport-delays/airport-delays.job.yaml',
    },
    {
      description: 'Say what would be resumed or restored, and do nothing',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --dry-run',
    },
    {
      description: 'Start from a checkpoint, with another interval',
      command:
        '<%= config.bin %> <%= command.id %> my.job.yaml -s state/checkpoints/my-job/chk-12 -D execution.checkpointing.interval=10s',
    },
    {
      description: 'Run it in the background, and look after it',
      command:
        '<%= config.bin %> <%= command.id %> -d my.job.yaml && <%= config.bin %> status my-job && <%= config.bin %> stop my-job --no-savepoint',
    },
    {
      description: 'Follow a run from a script: JSON Lines, the last one is the summary',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --json',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 10, 11, 12, 13, 15, 16, 17, 21];
  static override outputSchemas = ['run', 'restore-plan', 'job-started'];
  static override usage = 'run JOB.yaml [FLAGS]';
  static override args = {
    file: Args.string({
      description: 'The job file.',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {...runFlags, ...withEnvironment('run', ownFlags)};

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Run);
    const request = toRunRequest(args.file, flags, {
      call: this.callWith(),
      fresh: flags.fresh,
      restoreFrom: flags['from-savepoint'],
      live: this.noteStyle.live && !this.global.json,
    });
    await this.runJob(request, flags);
  }
}
