import {Flags} from '@oclif/core';
import {listJobs, wallMillis} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {withEnvironment} from './_shared/globals.ts';
import {jobFields, jobTable} from './_shared/job-view.ts';
import {escapeText} from './_shared/text.ts';
import {countOf} from './_shared/units.ts';
import type {ExitStatus, ListedJob} from '../src/index.ts';

const ownFlags = {
  running: Flags.boolean({
    char: 'r',
    description: 'Without those that are still starting.',
  }),
  all: Flags.boolean({char: 'a', description: 'Those that have ended too.'}),
};

export default class List extends BaseCommand {
  static override summary = 'List the jobs of this user on this machine.';
  static override description =
    'Those whose process lives; with --all those that have ended too, newest first. A job whose process was killed ' +
    'is listed as crashed, never as running.';
  static override examples = [
    {description: 'Jobs that live', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'What crashed or failed',
      command:
        '<%= config.bin %> <%= command.id %> --all --json | jq -r ".items[] | select(.state | IN(\\"CRASHED\\", \\"FAILED\\")) | .name"',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [13, 15];
  static override usage = 'list [FLAGS]';
  static override flags = withEnvironment('list', ownFlags);

  async run(): Promise<void> {
    const {flags} = await this.parse(List);
    const {items, warnings} = await listJobs({environment: process.env});
    const shown = items.filter((job) => isWanted(job, flags));
    if (this.global.json) {
      this.printObject('JobList', {items: shown.map(jobFields), warnings});
      return;
    }
    for (const warning of warnings) {
      this.note(`${this.noteStyle.warn('warning:')} ${escapeText(warning)}`);
    }
    if (shown.length > 0) {
      this.print(jobTable(shown, {style: this.outStyle, all: flags.all, now: wallMillis()}));
    } else this.#noteNothing(items, flags.all);
  }

  /** Somebody looks for a job that is not there: what became of it is one command away. */
  #noteNothing(items: readonly ListedJob[], all: boolean): void {
    const ended = items.filter(({live}) => !live).length;
    const rest = all || ended === 0 ? '' : `; ${countOf(ended, 'job')} ended: tidemark list --all`;
    this.note(`${all ? 'no jobs' : 'no running jobs'}${rest}`);
  }
}

/** As in Flink, the flags add up. */
function isWanted(
  job: ListedJob,
  flags: {readonly running: boolean; readonly all: boolean},
): boolean {
  if (flags.all) return true;
  return job.live && !(flags.running && job.state === 'INITIALIZING');
}
