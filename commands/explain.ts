import {Args} from '@oclif/core';
import {EngineError, explainAll, explainCode} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {escapeText} from './_shared/text.ts';
import type {ExitStatus, Explanation} from '../src/index.ts';

const HEADINGS = {
  rule: 'Rules of validate',
  finding: 'Findings of checkpoint verify',
  error: 'Codes of errors',
  'exit-status': 'Exit statuses',
} as const satisfies Record<Explanation['type'], string>;

export default class Explain extends BaseCommand {
  static override summary =
    'Explain a rule of validate, a finding of verify, the code of an error or an exit status.';
  static override description =
    'What happened, why it is so, what to do, and an example. Without a code: everything there is.';
  static override examples = [
    {
      description: 'A rule, as a finding of validate names it',
      command: '<%= config.bin %> <%= command.id %> step-id-missing',
    },
    {
      description: 'What verify found',
      command: '<%= config.bin %> <%= command.id %> chunk-damaged',
    },
    {
      description: 'The code of an error, as in the JSON of a failure',
      command: '<%= config.bin %> <%= command.id %> OUTPUT_AHEAD',
    },
    {
      description: 'An exit status',
      command: '<%= config.bin %> <%= command.id %> 16',
    },
    {
      description: 'Everything there is',
      command: '<%= config.bin %> <%= command.id %>',
    },
  ];
  static override exitStatuses: readonly ExitStatus[] = [10];
  static override outputSchemas = ['explain', 'explain-list'];
  static override usage = 'explain [CODE] [FLAGS]';
  static override args = {
    code: Args.string({
      description: 'A rule, a finding, the code of an error, or an exit status.',
      ignoreStdin: true,
    }),
  };

  async run(): Promise<void> {
    const {args} = await this.parse(Explain);
    if (args.code === undefined) this.#showList(await explainAll());
    else this.#showPage(await this.#find(args.code));
  }

  async #find(code: string): Promise<Explanation> {
    const found = await explainCode(code);
    if (found.kind === 'found') return found.page;
    const hint =
      found.nearest === null
        ? 'every code: tidemark explain'
        : `did you mean "${found.nearest}"? Every code: tidemark explain`;
    throw new EngineError('NOT_FOUND', `nothing here is called "${code}"`, {hint});
  }

  #showPage(page: Explanation): void {
    if (this.global.json) {
      this.printObject('Explanation', {...listed(page), why: page.why, fix: page.fix, example: page.example}); // prettier-ignore
      return;
    }
    const bold = this.outStyle.bold;
    const lines = [
      `${bold(page.code)} (${kindText(page)})`,
      page.what,
      `${bold('Why')}\n${page.why}`,
      `${bold('What to do')}\n${page.fix}`,
      `${bold('Example')}\n${page.example.replaceAll(/^/gm, '  ')}`,
    ];
    this.print(lines.join('\n\n'));
  }

  #showList(pages: readonly Explanation[]): void {
    if (this.global.json) {
      this.printObject('ExplanationList', {items: pages.map(listed)});
      return;
    }
    const width = Math.max(...pages.map(({code}) => code.length));
    const sections = Object.entries(HEADINGS).map(([type, heading]) => {
      const lines = pages
        .filter((page) => page.type === type)
        .map(({code, what}) => `  ${code.padEnd(width)}  ${escapeText(what)}`);
      return [this.outStyle.bold(heading), ...lines].join('\n');
    });
    this.print(sections.join('\n\n'));
  }
}

function listed({code, type, severity, exitStatus, what}: Explanation): Record<string, unknown> {
  return {code, type, severity, exit_status: exitStatus, what};
}

function kindText({type, severity, exitStatus}: Explanation): string {
  switch (type) {
    case 'rule':
      return `a rule of validate, ${severityText(severity)}`;
    case 'finding':
      return `a finding of checkpoint verify; an error of it is exit status ${exitStatus ?? ''}`;
    case 'error':
      return `the code of an error, exit status ${exitStatus ?? ''}`;
    case 'exit-status':
      return 'an exit status';
  }
}

function severityText(severity: Explanation['severity']): string {
  switch (severity) {
    case null:
    case 'error':
      return 'an error: exit status 3';
    case 'both':
      return 'an error or a warning';
    case 'warning':
      return 'a warning, which run gives too; `lint: {off: [RULE]}` switches it off';
    case 'advice':
      return 'advice that only validate gives; `lint: {off: [RULE]}` or --allow RULE switches it off';
  }
}
