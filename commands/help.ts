import {Args} from '@oclif/core';
import {BaseCommand} from './_shared/base-command.ts';
import {helpFields} from './_shared/help-json.ts';
import TidemarkHelp from './_shared/help.ts';

export default class HelpCommand extends BaseCommand {
  static override summary = 'Show help for a command.';
  static override examples = [
    {description: 'The same as `tidemark run --help`', command: '<%= config.bin %> help run'},
  ];
  static override usage = 'help [COMMAND...]';
  static override args = {
    command: Args.string({
      description: 'The command.',
      multiple: true,
      ignoreStdin: true,
    }),
  };

  async run(): Promise<void> {
    const {args} = await this.parse(HelpCommand);
    if (this.global.json) {
      this.printObject('Help', helpFields(this.config, args.command ?? []));
      return;
    }
    await new TidemarkHelp(this.config).showHelp(args.command ?? []);
  }
}
