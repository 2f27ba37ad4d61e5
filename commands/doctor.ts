import {Args} from '@oclif/core';
import {ERROR_CODES, examine} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {escapeText} from './_shared/text.ts';
import {countOf} from './_shared/units.ts';
import type {DoctorCheck, ExitStatus} from '../src/index.ts';

export default class Doctor extends BaseCommand {
  static override summary = 'Check this machine and the directories that jobs stand on.';
  static override description =
    'Node.js, cores, memory, clock and /proc; the state directory, and each directory that is named: whether it can be ' +
    'written, renames, makes hard links and syncs, what file system it is on, and how much is free. What is tried there is removed again.';
  static override examples = [
    {
      description: 'This machine, the state directory and the working directory',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'Where the checkpoints of a job go',
      command: '<%= config.bin %> <%= command.id %> my.job.yaml',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [3, 4, 10, 15];
  static override usage = 'doctor [TARGET...] [FLAGS]';
  static override args = {
    targets: Args.string({
      description: 'Directories, and job files, which stand for where their checkpoints go.',
      multiple: true,
      ignoreStdin: true,
    }),
  };

  async run(): Promise<void> {
    const {args} = await this.parse(Doctor);
    const report = await examine(args.targets ?? ['.'], process.env);
    if (this.global.json) this.printObject('DoctorReport', {...report});
    else {
      for (const check of report.checks) for (const line of this.#linesOf(check)) this.print(line);
      const count = `${countOf(report.errors, 'error')}, ${countOf(report.warnings, 'warning')}`;
      this.print(report.errors === 0 ? this.outStyle.good(count) : this.outStyle.bad(count));
    }
    if (report.errors > 0) this.endWith(ERROR_CODES.CHECKPOINT_DAMAGED);
  }

  #linesOf({id, severity, message, path, suggestion}: DoctorCheck): string[] {
    const {good, warn, bad, dim} = this.outStyle;
    const colour = {ok: good, warning: warn, error: bad}[severity];
    const place = path === null ? '' : ` (${escapeText(path)})`;
    const lines = [`${colour(severity)}: ${escapeText(message)}${place} ${dim(`[${id}]`)}`];
    if (suggestion !== null) lines.push(`  ${dim('next:')} ${escapeText(suggestion)}`);
    return lines;
  }
}
