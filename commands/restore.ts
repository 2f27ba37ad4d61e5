import {Args} from '@oclif/core';
import {EngineError, listCheckpoints} from '../src/index.ts';
import {toChoice} from './_shared/checkpoint-argument.ts';
import {pick} from './_shared/prompt.ts';
import {RunCommand} from './_shared/run-command.ts';
import {runFlags, toRunRequest} from './_shared/run-flags.ts';
import {shellWord} from './_shared/text.ts';
import type {ExitStatus} from '../src/index.ts';

export default class Restore extends RunCommand {
  static override summary = 'Run a job from a checkpoint or savepoint.';
  static override description =
    'The same as `run --from-savepoint REF`. It begins a lineage: output that was committed after the ' +
    "checkpoint is refused, kept or withdrawn as --output-ahead says. At a terminal REF may be left out: the job's " +
    'checkpoints are offered.';
  static override examples = [
    {
      description: 'What would be restored, per operator, and what would be refused and why',
      command:
        '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12 my.job.yaml --dry-run',
    },
    {
      description: 'Go back to a checkpoint and take back what was written after it',
      command:
        '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12 my.job.yaml --output-ahead withdraw',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 10, 11, 12, 13, 15, 16, 17, 21];
  static override outputSchemas = ['run', 'restore-plan', 'job-started'];
  static override usage = 'restore [REF] JOB.yaml [FLAGS]';
  static override args = {
    ref: Args.string({
      description:
        'Checkpoint or savepoint: a path, JOB, JOB@latest, JOB@12. Left out at a terminal: asked for.',
      required: true,
      ignoreStdin: true,
    }),
    file: Args.string({description: 'The job file.', ignoreStdin: true}),
  };
  static override flags = {...runFlags};

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Restore);
    // With one argument it is the job, and the checkpoint is asked for.
    const file = args.file ?? args.ref;
    const ref = args.file === undefined ? await this.#askForCheckpoint(file) : args.ref;
    // In a hint it stands as if it had been typed.
    if (args.file === undefined) this.argv.unshift(ref);
    const request = toRunRequest(file, flags, {
      call: this.callWith(),
      fresh: false,
      restoreFrom: ref,
      live: this.noteStyle.live && !this.global.json,
    });
    await this.runJob(request, flags);
  }

  async #askForCheckpoint(file: string): Promise<string> {
    return pick({
      question: 'Which checkpoint?',
      // A lone argument that looks like no job file was meant as the REF.
      instead: /\.ya?ml$/u.test(file) ? 'REF' : 'JOB.yaml',
      usage: 'tidemark restore REF JOB.yaml',
      global: this.global,
      choices: async () => {
        const {items} = await listCheckpoints(file, {environment: process.env});
        const restorable = items.filter((item) => item.state === 'complete');
        if (restorable.length > 0) return restorable.map((item) => toChoice(item, null));
        throw new EngineError('NOT_FOUND', `${file} has no complete checkpoint to restore`, {
          hint: `tidemark checkpoint list ${shellWord(file)}`,
        });
      },
    });
  }
}
