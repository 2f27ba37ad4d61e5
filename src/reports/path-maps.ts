import {parsePathMap, type PathMap} from '../inspection/flink/locate-file.ts';
import {EngineError} from '../base/errors.ts';
import {resolve} from 'node:path';

export interface WatchedMaps {
  readonly maps: readonly PathMap[];
  /** A sentence for each that no path began with, of all that were looked for until now. */
  readonly unused: () => readonly string[];
}

/** `FROM=TO` of a command line. USAGE. */
export function watchedMaps(texts: readonly string[] = []): WatchedMaps {
  const matched = new Set<string>();
  return {
    maps: texts.map((text) => ({...parsePathMap(text, resolve), onMatch: () => matched.add(text)})),
    unused: () =>
      texts
        .filter((text) => !matched.has(text))
        .map((text) => `--map ${text}: no path that Flink wrote begins with it`),
  };
}

/** USAGE when there are any: what tidemark wrote names no path that could be mapped, and no operator by a hash. */
export function refuseFlinkFlags(
  directory: string,
  flags: Readonly<Record<string, readonly string[]>>,
): void {
  for (const [flag, values] of Object.entries(flags)) {
    if (values.length === 0) continue;
    throw new EngineError('USAGE', `${flag} is for what Apache Flink wrote; ${directory} is not`, {
      hint: `Leave ${flag} out.`,
    });
  }
}
