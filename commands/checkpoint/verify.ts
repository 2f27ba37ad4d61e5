import {Args, Flags} from '@oclif/core';
import {
  ERROR_CODES,
  EngineError,
  VERIFY_LEVELS,
  verifyCheckpoints,
  writeReport,
} from '../../src/index.ts';
import {BaseCommand} from '../_shared/base-command.ts';
import {chooseCheckpoint} from '../_shared/checkpoint-argument.ts';
import {valuesOf, withEnvironment} from '../_shared/globals.ts';
import {mapFlag} from '../_shared/map-flag.ts';
import {findingAnnotation, junitXml} from '../_shared/reports.ts';
import {escapeText} from '../_shared/text.ts';
import {
  findingText,
  summaryFields,
  summaryJson,
  summaryOfNothing,
  verificationText,
  verificationCases,
  verifyEventJson,
} from '../_shared/verify-view.ts';
import type {ExitStatus, VerifyEvent, VerifySummary} from '../../src/index.ts';

const ownFlags = {
  level: Flags.option({
    options: VERIFY_LEVELS,
    description: 'How deep to look.',
    default: 'checksum' as const,
  })(),
  sample: Flags.string({
    description: 'Read only some state files: a share (10%), a part (2/5), or a size (500MiB).',
    helpValue: 'SAMPLE',
  }),
  seed: Flags.integer({
    description: 'Which files a sample has: the same seed, the same files; 0 if it is not said.',
    min: 0,
  }),
  'fail-fast': Flags.boolean({description: 'End at the first error.'}),
  strict: Flags.boolean({
    description: 'A directory that every user of the machine may write is an error (exit 13).',
  }),
  github: Flags.boolean({
    description: 'Print findings as annotations of a GitHub workflow.',
    exclusive: ['json'],
  }),
  junit: Flags.string({
    description: 'Write a JUnit report to this file too.',
    helpValue: 'FILE',
  }),
  map: mapFlag(),
};

export default class CheckpointVerify extends BaseCommand {
  static override summary =
    'Check that checkpoints are whole; list all damage. Never writes to them.';
  static override description =
    'Level manifest reads _metadata and SHA256SUMS and compares them with the names and sizes of the files; ' +
    'level checksum reads every byte as well, on all cores; level decode also every row of every state and every message in flight; ' +
    'level restore also restores each state in a scratch directory, and compares the rows of a snapshot of it. What is skipped ' +
    '(--sample, --fail-fast, a database without RocksDB, a REF that is deleted meanwhile) is never called ok: exit 5. What a directory ' +
    'no longer has when its turn comes is no damage, and a checkpoint of Flink that is under way neither.' +
    ' Of what Apache Flink wrote, which has no checksums, manifest and checksum both look at the structure, names and sizes.';
  static override examples = [
    {
      description: 'One checkpoint, every byte',
      command: '<%= config.bin %> <%= command.id %> state/checkpoints/my-job/chk-12',
    },
    {
      description: 'Every checkpoint of a job, for a CI server',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --junit verify.xml',
    },
    {
      description: 'Every row of the newest one',
      command: '<%= config.bin %> <%= command.id %> my-job@latest --level decode',
    },
    {
      description: 'Another fifth of the files each night; what was not read is exit 5',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml --sample 2/5 --seed 7',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 5, 10, 12, 13, 15];
  static override usage = 'checkpoint verify [REF...] [FLAGS]';
  static override args = {
    refs: Args.string({
      description:
        'Checkpoints or savepoints: paths, JOB, JOB@latest, JOB@12; a job file or a directory stands for all that `checkpoint list` shows of it. Left out at a terminal: asked for.',
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = withEnvironment('verify', ownFlags);

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CheckpointVerify);
    if (flags.seed !== undefined && flags.sample === undefined) {
      throw new EngineError('USAGE', '--seed says which files a sample has, and there is none', {
        hint: 'add --sample, or leave --seed out',
      });
    }
    const refs = args.refs ?? [];
    if (refs.length === 0) {
      const usage = 'tidemark checkpoint verify REF...';
      refs.push(await chooseCheckpoint(undefined, {usage, global: this.global}));
    }
    const findings: Extract<VerifyEvent, {type: 'finding'}>[] = [];
    this.summaryOfFailure = () => summaryOfNothing(flags.level);
    const summary = await verifyCheckpoints(refs, {
      level: flags.level,
      sample: flags.sample === undefined ? undefined : {text: flags.sample, seed: flags.seed ?? 0},
      failFast: flags['fail-fast'],
      strict: flags.strict,
      environment: process.env,
      maps: valuesOf(flags.map),
      onBegin: (soFar) => {
        this.summaryOfFailure = () => summaryFields(soFar());
      },
      onWarning: (text) => this.note(`warning: ${escapeText(text)}`),
      onEvent: (event) => {
        // There may be as many as there are files.
        if (event.type === 'finding' && flags.junit !== undefined) findings.push(event);
        if (this.global.json) this.print(verifyEventJson(event));
        else if (event.type === 'progress') this.progress.show(event);
        else {
          this.progress.erase();
          this.print(flags.github ? findingAnnotation(event) : findingText(event, this.outStyle));
        }
      },
    });
    this.summaryOfFailure = () => summaryFields(summary);
    this.progress.erase();
    // Before the report, which may fail to be written.
    if (!this.global.json) this.print(verificationText(summary, this.outStyle));
    if (flags.junit !== undefined) {
      await writeReport(flags.junit, toJunit(findings, summary));
      if (!this.global.json) this.note(`written: ${escapeText(flags.junit)}`);
    }
    this.summaryOfFailure = null;
    if (this.global.json) this.print(summaryJson(summary));
    if (summary.errorCode === null) return;
    if (!this.global.json) {
      this.note(`${this.noteStyle.dim('next:')} tidemark explain ${summary.errorCode}`);
    }
    this.endWith(ERROR_CODES[summary.errorCode]);
  }
}

function toJunit(
  findings: readonly Extract<VerifyEvent, {type: 'finding'}>[],
  summary: VerifySummary,
): string {
  return junitXml(
    'tidemark checkpoint verify',
    verificationCases(summary, findings),
    summary.durationMillis / 1000,
  );
}
