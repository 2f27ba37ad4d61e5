import {Args, Flags} from '@oclif/core';
import {ERROR_CODES, validateFiles} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {valuesOf, withEnvironment} from './_shared/globals.ts';
import {
  junitXml,
  validationAnnotations,
  validationCases,
  validationText,
} from './_shared/reports.ts';
import {overrideFlags, overridesOf} from './_shared/run-flags.ts';
import type {ExitStatus, ValidationReport} from '../src/index.ts';

const FORMATS = ['text', 'json', 'github', 'junit'] as const;
type Format = (typeof FORMATS)[number];

export default class Validate extends BaseCommand {
  static override summary = 'Check job files: every finding, with its line and column.';
  static override examples = [
    {
      description: 'Check one job',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml',
    },
    {
      description: 'Annotate a pull request on GitHub',
      command: '<%= config.bin %> <%= command.id %> jobs/*/*.job.yaml --format github',
    },
    {
      description: 'Check what an override does to a job',
      command:
        '<%= config.bin %> <%= command.id %> my.job.yaml --set sources.flights.rate-limit=10',
    },
    {
      description: 'Without the advice on short intervals',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --allow short-interval',
    },
  ];
  static override description =
    'Errors are what `run` refuses too; warnings are what is allowed and seldom meant, some of them about ' +
    'earlier checkpoints and about this machine. `tidemark explain RULE` says more about each.';
  static override exitStatuses: readonly ExitStatus[] = [3];
  static override usage = 'validate FILE... [FLAGS]';
  static override args = {
    files: Args.string({
      description: 'Job files.',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('validate', {
    ...overrideFlags(),
    allow: Flags.string({
      description:
        'Do not give the warnings of this rule; in the job file: lint: {off: [RULE]}. Errors stay.',
      helpValue: 'RULE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    format: Flags.option({
      options: FORMATS,
      description: 'How findings are printed; --json is --format json.',
      default: 'text' as const,
    })(),
  });

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Validate);
    const report = await validateFiles(args.files, {
      overrides: overridesOf(flags),
      environment: process.env,
      allow: valuesOf(flags.allow),
    });
    this.#show(report, this.global.json ? 'json' : flags.format);
    if (report.errors > 0) this.endWith(ERROR_CODES.JOB_INVALID);
  }

  #show(report: ValidationReport, format: Format): void {
    switch (format) {
      case 'text':
        this.print(validationText(report, this.outStyle).join('\n'));
        break;
      case 'json':
        this.printObject('ValidationReport', {
          files: report.files.map(({file, jobName, findings}) => ({
            file,
            job_name: jobName,
            findings,
          })),
          errors: report.errors,
          warnings: report.warnings,
        });
        break;
      case 'github':
        for (const line of validationAnnotations(report)) this.print(line);
        break;
      case 'junit':
        this.print(junitXml('tidemark validate', validationCases(report), 0));
        break;
    }
  }
}
