import {Flags} from '@oclif/core';
import {ERROR_CODES, EngineError, inspectCheckpoint, wallMillis} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {checkpointArgument, chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {withEnvironment} from '../_shared/globals.ts';
import {chosen, inspectLines} from '../_shared/inspect-view.ts';
import {planFields} from '../_shared/run-json.ts';
import {planLines} from '../_shared/run-text.ts';
import type {CheckpointDetails, ExitStatus} from '../../src/index.ts';

const ownFlags = {
  operator: Flags.string({
    description: 'Only this operator, with each of its subtasks.',
    helpValue: 'UID',
  }),
  files: Flags.boolean({description: 'Every file, with its size and digest.', default: false}),
  job: Flags.string({
    description: 'Compare with this job file: what would be restored, dropped or refused.',
    helpValue: 'JOB.yaml',
  }),
};

export default class CheckpointInspect extends BaseCommand {
  static override summary = 'Show what is in a checkpoint or savepoint. Never writes.';
  static override description =
    'Operators, states with their types, rows and bytes, how they are spread over subtasks, where sources go on, and what ' +
    'would be freed if the checkpoint were dropped: shared files that no other checkpoint needs. Reads _metadata and looks at ' +
    'names and sizes of files; `checkpoint verify` reads their bytes. With --job: would that job go on from it?';
  static override examples = [
    {
      description: 'One checkpoint',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12',
    },
    {
      description: 'Does the changed job still fit? 12 when it does not',
      command: '<%= config.bin %> <%= command.id %> my-job@latest --job my.job.yaml',
    },
    {
      description: 'The largest states, from a script',
      command:
        '<%= config.bin %> <%= command.id %> my-job@latest --json | jq ".operators | sort_by(-.state_bytes)[0]"',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 10, 12, 13, 15];
  static override outputSchemas = ['checkpoint-inspect'];
  static override usage = 'checkpoint inspect [REF] [FLAGS]';
  static override args = {ref: checkpointArgument()};
  static override flags = withEnvironment('checkpoint-inspect', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointInspect);
    const ref = await chooseCheckpoint(args.ref, {
      usage: 'tidemark checkpoint inspect REF',
      global: this.global,
    });
    const operator = flags.operator ?? null;
    const job = flags.job ?? null;
    const report = await inspectCheckpoint(ref, {
      environment: process.env,
      job,
      describePositions: !this.global.json && operator === null,
    });
    const {details, plan} = report;
    if (operator !== null) requireOperator(details, operator);
    if (this.global.json) {
      const fit = plan === null ? {} : {plan: planFields(plan)};
      this.printObject('CheckpointDetails', {
        ...details,
        operators: chosen(details, operator),
        files: details.files.filter(
          (file) => operator === null || file.operators.includes(operator),
        ),
        ...fit,
      });
    } else {
      const choice = {operator, files: flags.files, now: wallMillis()};
      for (const line of inspectLines(report, choice, this.outStyle)) this.print(line);
      if (plan !== null) {
        this.print('');
        for (const line of planLines(plan, this.outStyle)) this.print(line);
      }
    }
    if (details.state === 'damaged') this.endWith(ERROR_CODES.CHECKPOINT_DAMAGED);
    else if (plan?.restorable === false) this.endWith(ERROR_CODES.INCOMPATIBLE);
  }
}

function requireOperator({operators, path}: CheckpointDetails, uid: string): void {
  if (operators.some((operator) => operator.uid === uid)) return;
  throw new EngineError('NOT_FOUND', `no operator ${uid} in ${path}`, {
    hint: `it has ${operators.map((operator) => operator.uid).join(', ')}`,
  });
}
