import {Flags} from '@oclif/core';
import {
  ERROR_CODES,
  EngineError,
  findingsError,
  inspectCheckpoint,
  inspectFlinkCheckpoint,
  resolveCheckpoint,
  wallMillis,
} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {checkpointArgument, chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {chosenFlinkOperators, flinkInspectLines} from '../_shared/flink-inspect-view.ts';
import {valuesOf, withEnvironment} from '../_shared/globals.ts';
import {chosen, inspectLines} from '../_shared/inspect-view.ts';
import {escapeText} from '../_shared/text.ts';
import {mapFlag} from '../_shared/map-flag.ts';
import {optimizeLate} from '../_shared/optimize-late.ts';
import {planFields} from '../_shared/run-json.ts';
import {planLines} from '../_shared/run-text.ts';
import type {CheckpointDetails, ExitStatus, FlinkCheckpointDetails} from '../../src/index.ts';

const ownFlags = {
  operator: Flags.string({
    description: 'Only this operator, with each of its subtasks.',
    helpValue: 'UID',
  }),
  files: Flags.boolean({description: 'Every file, with its size and digest.', default: false}),
  job: Flags.string({
    description:
      'Compare with this job file: what would be restored, dropped or refused. Of a checkpoint of Apache Flink: look for its ids.',
    helpValue: 'JOB.yaml',
  }),
  uid: Flags.string({
    description:
      'Of a checkpoint of Apache Flink: the uid of an operator, to show beside its id. May be given several times.',
    helpValue: 'NAME',
    multiple: true,
    multipleNonGreedy: true,
  }),
  map: mapFlag(),
};

export default class CheckpointInspect extends BaseCommand {
  static override summary = 'Show what is in a checkpoint or savepoint. Never writes.';
  static override description =
    'Operators, states with their types, rows and bytes, how they are spread over subtasks, where sources go on, and what ' +
    'would be freed if the checkpoint were dropped: shared files that no other checkpoint needs. Reads _metadata and looks at ' +
    'names and sizes of files; `checkpoint verify` reads their bytes. With --job: would that job go on from it? ' +
    'Of what Apache Flink wrote: operators, states, sizes and files, as its _metadata tells.';
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
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 5, 10, 12, 13, 15];
  static override outputSchemas = ['checkpoint-inspect'];
  static override usage = 'checkpoint inspect [REF] [FLAGS]';
  static override args = {ref: checkpointArgument()};
  static override flags = withEnvironment('checkpoint-inspect', ownFlags);

  async run(): Promise<void> {
    optimizeLate();
    const {args, flags} = await this.parse(CheckpointInspect);
    const ref = await chooseCheckpoint(args.ref, {
      usage: 'tidemark checkpoint inspect REF',
      global: this.global,
    });
    const operator = flags.operator ?? null;
    const job = flags.job ?? null;
    const environment = process.env;
    const directory = await resolveCheckpoint(ref, {environment});
    const flink = await inspectFlinkCheckpoint(directory, {
      environment,
      maps: valuesOf(flags.map),
      uids: valuesOf(flags.uid),
      job,
      onWarning: (text) => this.note(`warning: ${escapeText(text)}`),
    });
    if (flink !== null) {
      await this.#showFlink(flink, {operator, files: flags.files});
      return;
    }
    const report = await inspectCheckpoint(directory, {
      environment,
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
    if (details.state === 'damaged') await this.#endWithDamage(details);
    else if (plan?.restorable === false) this.endWith(ERROR_CODES.INCOMPATIBLE);
  }

  async #showFlink(
    details: FlinkCheckpointDetails,
    choice: {readonly operator: string | null; readonly files: boolean},
  ): Promise<void> {
    const {operator} = choice;
    const operators = chosenFlinkOperators(details, operator);
    if (operator !== null && operators.length === 0) {
      const names = details.operators.map(({uid, name, operator_id: id}) => uid ?? name ?? id);
      throw noOperator(operator, details.path, names);
    }
    if (this.global.json) {
      const ids = new Set(operators.map(({operator_id: id}) => id));
      const files = details.files.filter(
        (file) => operator === null || file.operators.some((id) => ids.has(id)),
      );
      this.printObject('CheckpointDetails', {...details, operators, files});
    } else {
      for (const line of flinkInspectLines(details, choice, this.outStyle)) this.print(line);
    }
    if (details.state === 'damaged') await this.#endWithDamage(details);
    else if (details.state === 'incomplete') this.endWith(ERROR_CODES.INCOMPLETE);
  }

  /** As `verify` ends with the same findings. */
  async #endWithDamage({
    findings,
  }: Pick<CheckpointDetails | FlinkCheckpointDetails, 'findings'>): Promise<void> {
    this.endWith(ERROR_CODES[(await findingsError(findings)) ?? 'CHECKPOINT_DAMAGED']);
  }
}

function requireOperator({operators, path}: CheckpointDetails, uid: string): void {
  if (operators.some((operator) => operator.uid === uid)) return;
  throw noOperator(
    uid,
    path,
    operators.map((operator) => operator.uid),
  );
}

function noOperator(called: string, path: string, names: readonly string[]): EngineError {
  return new EngineError('NOT_FOUND', `no operator ${called} in ${path}`, {
    hint: `it has ${names.join(', ')}`,
  });
}
