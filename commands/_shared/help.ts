// oclif's help, with the exit statuses: all of them at the root, a command's own on its page.

import {CommandHelp, Help} from '@oclif/core';
import {EXIT_STATUSES} from '../../src/index.ts';
import {colorLevel} from './style.ts';
import {readGlobalOptions} from './globals.ts';
import type {Command, Interfaces} from '@oclif/core';
import type {ExitStatus} from '../../src/index.ts';

/** What every command may end with. */
export const COMMON_STATUSES: readonly ExitStatus[] = [0, 1, 2, 130, 143];

/** oclif trims a list, and with it the indent of a first flag that has no letter beside flags that have one. */
class AlignedCommandHelp extends CommandHelp {
  override renderList(...[input, options]: Parameters<CommandHelp['renderList']>): string {
    const indent = /^ */.exec(input[0]?.[0] ?? '')?.[0] ?? '';
    const list = super.renderList(input, options);
    // In the form for narrow terminals, which has a blank line between two flags, nothing is indented.
    return list.includes('\n\n') ? list : indent + list;
  }
}

export default class TidemarkHelp extends Help {
  protected override CommandHelpClass = AlignedCommandHelp;

  constructor(config: Interfaces.Config, options: Partial<Interfaces.HelpOptions> = {}) {
    const level = colorLevel({
      isTTY: process.stdout.isTTY,
      environment: process.env,
      color: readGlobalOptions(process.argv.slice(2), process.env).color,
    });
    super(config, {...options, stripAnsi: level === 0, flagSortOrder: 'none'});
  }

  override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    this.log(`${this.exitStatuses(Object.keys(EXIT_STATUSES).map(Number))}\n`);
  }

  override formatCommand(command: Command.Loadable): string {
    const own = (command as {exitStatuses?: readonly number[]}).exitStatuses;
    if (own === undefined) return super.formatCommand(command);
    const statuses = [...new Set([...COMMON_STATUSES, ...own])].sort((left, right) => left - right);
    return `${super.formatCommand(command)}\n\n${this.exitStatuses(statuses)}`;
  }

  private exitStatuses(statuses: readonly number[]): string {
    const lines = Object.entries(EXIT_STATUSES)
      .filter(([status]) => statuses.includes(Number(status)))
      .map(([status, meaning]) => `${status.padStart(3)}  ${meaning}`);
    return this.section('EXIT STATUS', lines.join('\n'));
  }
}
