import {Args} from '@oclif/core';
import {flinkOptionKeys} from '../src/index.ts';
import {BaseCommand} from './_shared/base-command.ts';
import {bashScript} from './_shared/completion/bash.ts';
import {fishScript} from './_shared/completion/fish.ts';
import {completionModel} from './_shared/completion/model.ts';
import {zshScript} from './_shared/completion/zsh.ts';
import type {CompletionModel} from './_shared/completion/model.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const SCRIPTS: Readonly<Record<Shell, (model: CompletionModel) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export default class Completion extends BaseCommand {
  static override summary = 'Print a completion script for a shell.';
  static override description =
    'Completes commands, flags, values of flags, the option keys behind -D, and job files. Nothing is written: put the ' +
    'script where your shell looks for it, and make it again when tidemark is updated.';
  static override examples = [
    {
      description: 'bash, in this shell; for all of them, in ~/.bashrc',
      command: 'source <(<%= config.bin %> <%= command.id %> bash)',
    },
    {
      description: 'zsh, in a directory of your fpath',
      command: '<%= config.bin %> <%= command.id %> zsh > _<%= config.bin %>',
    },
    {
      description: 'fish, in ~/.config/fish/completions',
      command: '<%= config.bin %> <%= command.id %> fish > <%= config.bin %>.fish',
    },
  ];
  static override usage = 'completion SHELL [FLAGS]';
  static override args = {
    shell: Args.string({
      description: 'The shell.',
      options: [...SHELLS],
      required: true,
      ignoreStdin: true,
    }),
  };

  async run(): Promise<void> {
    const {args} = await this.parse(Completion);
    const shell = args.shell as Shell;
    const model = completionModel(this.config, await flinkOptionKeys());
    const script = SCRIPTS[shell](model);
    if (this.global.json) this.printObject('Completion', {shell, script});
    else this.print(script.trimEnd());
  }
}
