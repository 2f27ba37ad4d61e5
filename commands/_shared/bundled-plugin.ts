// The commands as oclif sees them when everything is in one bundle: their descriptions were gathered at
// build time, so that nothing is searched on disk and no command is loaded before it runs.

import type {Command, Interfaces} from '@oclif/core';

/** By id (`checkpoint:list`): what oclif would keep in its manifest, and the class itself. */
export interface BundledCommand {
  readonly description: Command.Cached;
  readonly load: () => Promise<Command.Class>;
}

export function bundledOptions(
  root: string,
  pjson: Interfaces.PJSON,
  bundled: readonly BundledCommand[],
): Interfaces.Options {
  const commands = bundled.map(({description, load}) => ({
    ...description,
    load: async () => {
      const loaded = await load();
      loaded.id = description.id;
      return loaded;
    },
  }));
  const plugin: Interfaces.Plugin = {
    _base: '@oclif/core',
    alias: pjson.name,
    commandIDs: commands.map(({id}) => id),
    commands,
    commandsDir: undefined,
    findCommand: (async (id: string) =>
      commands.find((command) => command.id === id)?.load()) as Interfaces.Plugin['findCommand'],
    hasManifest: true,
    hooks: {},
    isRoot: true,
    load: async () => Promise.resolve(),
    moduleType: 'commonjs',
    name: pjson.name,
    options: {root},
    pjson,
    root,
    topics: Object.entries(pjson.oclif.topics ?? {}).map(([name, topic]) => ({...topic, name})),
    type: 'core',
    valid: true,
    version: pjson.version,
  };
  return {root, pjson, plugins: new Map([[plugin.name, plugin]])};
}
